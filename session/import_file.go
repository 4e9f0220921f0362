package session

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/transcript"
	"github.com/sessiond/sessiond/store"
)

// Bounds of what of a transcript is committed at once.
const (
	importLines = 1024
	importBytes = 2 << 20
)

// imported is the import of one transcript, with the files of its subagents. It
// holds the lock of the conversation.
type imported struct {
	m        *Manager
	found    transcript.Found
	params   *api.ImportTranscriptsParams
	deadline time.Time // zero: as long as it takes
	begun    bool      // a call before has begun with it, and it was new
	one      api.ImportedTranscript

	row     store.SessionRow // N is 0 while there is no session
	state   transcript.State
	named   string // the title that the transcript has given the session
	sources []transcript.Source
	reader  *transcript.Reader
	at      api.Time          // of the last line that had a time
	before  *store.SessionRow // the lines begin behind what this session has recorded; nil: they do not
	ahead   *transcript.Step  // read, and part of no batch yet
}

// open finds how far the conversation was imported, and opens what follows.
func (i *imported) open(ctx context.Context) error {
	known, err := i.recall(ctx)
	if err != nil {
		return err
	}
	i.sources = []transcript.Source{{Path: i.found.Path}}
	agents, err := transcript.Agents(i.found.Path)
	if err != nil {
		return unreadable(err)
	}
	i.sources = append(i.sources, agents...)
	for _, t := range known {
		for k := range i.sources {
			if i.sources[k].Agent == t.Agent {
				i.sources[k].Offset = t.ReadTo
			}
		}
		if err := i.compare(t); err != nil {
			return err
		}
	}
	if i.before != nil {
		if err := i.skipTo(i.before.Session.CompletedAt); err != nil {
			return err
		}
	}
	i.reader, err = transcript.NewReader(slices.Clone(i.sources), i.m.cfg.MaxLineBytes)
	if err != nil {
		return unreadable(err)
	}
	return nil
}

func (i *imported) close() error {
	if i.reader == nil {
		return nil
	}
	return i.reader.Close()
}

// recall reads what the database knows of the conversation.
func (i *imported) recall(ctx context.Context) ([]store.Transcript, error) {
	known, err := i.m.store.Transcripts(ctx, i.one.ClaudeSessionID)
	if err != nil {
		return nil, err
	}
	var own int64
	if len(known) > 0 {
		own = known[0].SessionN
	}
	last, err := i.mayGoOn(ctx, own)
	if err != nil {
		return nil, err
	}
	if last != nil { // a session of our own has had it since
		i.before = last
		return known, nil
	}
	if own == 0 {
		return nil, nil
	}
	if i.row, err = i.m.store.SessionNumber(ctx, own); err != nil {
		return nil, err
	}
	if i.row.Session.Origin == api.OriginExternal { // it is watched, or was
		return nil, i.ours(&i.row, api.SkippedLaunched)
	}
	if i.row.Damage != nil {
		return nil, &skip{reason: api.SkippedRecordDamaged, session: i.row.Session.ID, message: i.row.Damage.Error()}
	}
	if err := json.Unmarshal(known[0].State, &i.state); err != nil {
		return nil, &skip{reason: api.SkippedRecordDamaged, session: i.row.Session.ID,
			message: "how far it was imported cannot be read: delete the session, and import it again (--again)"}
	}
	i.named, i.at = i.state.Title, i.state.Last
	i.show()
	return known, nil
}

// mayGoOn refuses a conversation that is not the import's to take in: own is the
// session that it was imported into, 0 if it was not. Where a session that was
// launched here has had it last, and has ended, that is returned: what was added
// behind its end is the import's.
func (i *imported) mayGoOn(ctx context.Context, own int64) (last *store.SessionRow, err error) {
	n, deleted, err := i.m.store.LastOfConversation(ctx, i.one.ClaudeSessionID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case n == own, deleted && i.params.Again:
		return nil, nil
	case deleted:
		return nil, skipf(api.SkippedDeleted, "its session was deleted; --again brings it back")
	}
	has, err := i.m.store.SessionNumber(ctx, n)
	if err != nil {
		return nil, err
	}
	ended := has.Session.CompletedAt
	if has.Session.Origin == api.OriginLaunched && has.Session.Status.Final() && !ended.IsZero() && i.found.Modified.After(ended.Time) {
		return &has, nil
	}
	if own != 0 {
		return nil, i.ours(&has, api.SkippedContinued)
	}
	return nil, i.ours(&has, api.SkippedLaunched)
}

// ours is for a conversation that a session of the daemon's has recorded itself.
func (i *imported) ours(has *store.SessionRow, reason api.ImportReason) *skip {
	message := "session " + has.Session.ID + " has it already"
	if reason == api.SkippedContinued {
		message = "session " + has.Session.ID + " goes on with it, and has what follows"
	}
	return &skip{reason: reason, session: has.Session.ID, message: message}
}

// skipTo begins with the first line that was written behind a moment.
func (i *imported) skipTo(moment api.Time) error {
	src := &i.sources[0]
	reason := api.SkippedLaunched
	if src.Offset > 0 {
		reason = api.SkippedContinued
	}
	offset, err := transcript.Behind(src.Path, src.Offset, i.m.cfg.MaxLineBytes, moment)
	if errors.Is(err, io.EOF) {
		return i.ours(i.before, reason)
	}
	if err != nil {
		return unreadable(err)
	}
	src.Offset = offset
	return nil
}

// compare refuses a file that does not hold any more what was imported of it.
func (i *imported) compare(t store.Transcript) error {
	path := i.found.Path
	for _, src := range i.sources {
		if src.Agent == t.Agent {
			path = src.Path
		}
	}
	if t.Agent != "" && path == i.found.Path {
		return nil // that file is gone, and its lines are here
	}
	mark, err := transcript.MarkAt(path, t.ReadTo)
	if err != nil {
		return unreadable(err)
	}
	if mark != t.Mark {
		return &skip{reason: api.SkippedChanged, session: i.row.Session.ID,
			message: "what was imported of " + path + " is not there any more: delete its session to import it anew (--again)"}
	}
	return nil
}

// show says in the result which session it is.
func (i *imported) show() {
	ses := &i.row.Session
	i.one.SessionID, i.one.Title = ses.ID, shortTitle(ses)
}

// readTo is how far the conversation's own file was read.
func (i *imported) readTo() int64 { return i.sources[0].Offset }

// lines are as many as are committed at once.
type lines struct {
	steps []transcript.Step
	last  bool // there are no others
}

// next reads what is to be committed next.
func (i *imported) next() (lines, error) {
	var l lines
	if i.ahead != nil {
		l.steps = append(l.steps, *i.ahead)
		i.ahead = nil
	}
	for size := 0; ; {
		step, err := i.reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			l.last = true
			return l, nil
		case err != nil:
			return l, unreadable(err)
		case len(l.steps) == importLines || size >= importBytes:
			i.ahead = &step
			return l, nil
		}
		l.steps = append(l.steps, step)
		size += len(step.Raw.Bytes)
	}
}

// look says what an import would do.
func (i *imported) look() error {
	l, err := i.next()
	if err != nil {
		return err
	}
	for k := range l.steps {
		i.state.Take(&l.steps[k].Line, i.sources[l.steps[k].Source].Agent != "")
	}
	switch {
	case i.row.N == 0:
		i.one.Outcome = api.ImportNew
		i.one.Title = shortTitle(&api.Session{Title: i.state.Title, Query: i.state.Query})
		return i.worthIt(l.last)
	case len(l.steps) > 0:
		i.one.Outcome = api.ImportGrown
	}
	return nil
}

// worthIt refuses what is no transcript, or one in which nothing was said.
func (i *imported) worthIt(last bool) error {
	switch {
	case !i.state.Known && (i.state.Lines > 0 || !last):
		return skipf(api.SkippedNoTranscript, "its lines are not those of a transcript")
	case !i.state.Said && last:
		return skipf(api.SkippedEmpty, "nothing was said in it")
	}
	return nil
}

// all takes in what there is, as long as there is time. While lines are committed,
// the next ones are read.
func (i *imported) all(ctx context.Context) (more bool, err error) {
	l, err := i.next()
	for err == nil && len(l.steps) > 0 {
		read := func() (lines, error) { return lines{last: true}, nil }
		if !l.last {
			read = i.readOn()
		}
		failed := guard(func() error { return i.commit(ctx, l) })
		if failed == nil {
			crashpoint.Reach(crashpoint.ImportCommitted)
		}
		last := l.last
		l, err = read()
		switch {
		case failed != nil:
			return false, failed
		case last || err != nil:
		case ctx.Err() != nil:
			return false, ctx.Err()
		case !i.deadline.IsZero() && time.Now().After(i.deadline):
			return true, nil
		}
	}
	switch {
	case err != nil:
		return false, err
	case i.row.N == 0:
		return false, i.worthIt(true)
	}
	return false, i.link(ctx)
}

// readOn reads on in a goroutine, which whoever calls it waits for by asking what
// has come of it.
func (i *imported) readOn() (read func() (lines, error)) {
	var l lines
	done := make(chan error, 1)
	go func() { done <- guard(func() (err error) { l, err = i.next(); return err }) }()
	return func() (lines, error) { err := <-done; return l, err }
}
