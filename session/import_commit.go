package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/transcript"
	"github.com/sessiond/sessiond/store"
)

// place is the data of an event that came from a line of a subagent's transcript:
// what its file says of it, and the line does not.
type place struct {
	Agent           string `json:"agent_id"`
	ParentToolUseID string `json:"parent_tool_use_id,omitempty"`
}

// commit stores lines with how far they were read, and what follows of them for the
// session, all in one transaction.
func (i *imported) commit(ctx context.Context, l lines) error {
	steps := l.steps
	i.m.creating.Lock() // nothing may begin to go on with the conversation meanwhile
	defer i.m.creating.Unlock()
	i.m.editing.Lock()
	defer i.m.editing.Unlock()
	last, err := i.mayGoOn(ctx, i.row.N)
	if err != nil {
		return err
	}
	if last != nil && (i.before == nil || last.N != i.before.N) {
		return i.ours(last, api.SkippedContinued)
	}
	if i.row.N != 0 { // it may have been changed meanwhile
		row, err := i.m.store.SessionNumber(ctx, i.row.N)
		if err != nil {
			return err
		}
		i.row = row
	}
	for k := range steps {
		i.state.Take(&steps[k].Line, i.sources[steps[k].Source].Agent != "")
		if i.row.N == 0 && k == len(steps)-1 {
			if err := i.worthIt(l.last); err != nil {
				return err
			}
		}
	}
	var b store.Batch
	if i.row.N == 0 {
		if err := i.give(&b); err != nil {
			return err
		}
	} else {
		i.grow(&b)
	}
	if err := i.addLines(&b, steps); err != nil {
		return err
	}
	i.addSession(&b, l.last)
	if err := i.m.store.Commit(ctx, &b); err != nil {
		return wrapf(err, "import %s", i.found.Path)
	}
	if b.Create != nil {
		i.row.N = b.Create.N
	}
	i.one.Lines += int64(len(steps))
	i.show()
	return nil
}

// give makes a session for the conversation.
func (i *imported) give(b *store.Batch) error {
	s := &i.state
	var l launch
	dir := s.Dir
	if dir == "" {
		dir, _ = os.UserHomeDir()
	}
	if s.First.IsZero() {
		s.First = api.At(i.found.Modified)
		s.Last = s.First
	}
	i.row = store.SessionRow{Session: api.Session{ID: newID(), RunID: newID(), ClaudeSessionID: i.one.ClaudeSessionID,
		Origin: api.OriginImported, Status: s.Status(), Query: s.Query, WorkingDir: dir, Tags: []string{}, Rules: []api.Rule{}}}
	ses := &i.row.Session
	if i.before != nil {
		if err := i.follow(&l); err != nil {
			return err
		}
	}
	i.one.Outcome = api.ImportNew
	i.tell()
	l.WorkingDir = &ses.WorkingDir
	i.row.Options = mustJSON(l)
	i.row.Engine = i.engine()
	b.Create = &store.SessionRow{}
	*b.Create = i.row
	b.Events = append(b.Events, i.event(api.EventSessionCreated, ses))
	return nil
}

// follow has the session go on from the one that has the conversation's beginning,
// as one that continues it would.
func (i *imported) follow(l *launch) error {
	was, err := i.m.restored(*i.before)
	if err != nil {
		return err
	}
	before, err := i.m.launched(*i.before)
	if err != nil {
		return err
	}
	i.row.Session.ParentSessionID = i.before.Session.ID
	i.state.Before = &was.eng.Total
	l.Totals = before.Totals
	if was.eng.Total.CostUSD > 0 {
		l.Totals = append(l.Totals, was.eng.Total)
	}
	l.Ancestors, err = i.m.ancestry(*i.before)
	return err
}

// grow has the session go on.
func (i *imported) grow(b *store.Batch) {
	if i.begun {
		i.one.Outcome = api.ImportNew
	} else if i.one.Outcome == api.ImportUnchanged {
		i.one.Outcome = api.ImportGrown
	}
	i.tell()
	doc := i.row.Session
	b.Update = &store.SessionUpdate{N: i.row.N, Session: &doc, JournalOffset: -1, LastActivityAt: doc.LastActivityAt, Engine: i.engine()}
}

// tell puts what the lines come to into the session. What a person has changed
// stays.
func (i *imported) tell() {
	s, ses := &i.state, &i.row.Session
	if ses.Title == i.named {
		ses.Title, i.named = s.Title, s.Title
	}
	ses.Model, ses.PermissionMode = s.Model, s.Mode
	ses.CreatedAt, ses.LastActivityAt, ses.CompletedAt = s.First, s.Last, s.Last
	ses.NumTurns, ses.DurationMS = s.Turns, s.DurationMS
	ses.InputTokens, ses.OutputTokens = s.Usage.InputTokens, s.Usage.OutputTokens
	ses.CacheCreationInputTokens, ses.CacheReadInputTokens = s.Usage.CacheCreationInputTokens, s.Usage.CacheReadInputTokens
	if s.Totals != nil {
		ses.CostUSD = s.Totals.CostUSD
		if s.Before != nil {
			ses.CostUSD = max(0, ses.CostUSD-s.Before.CostUSD)
		}
	}
	if ses.ErrorMessage = s.Error; s.Turned {
		ses.Result = s.Answer
	}
}

// engine is the state of a session that never ran here: what continues it has to
// know on which conversation, and what that had used.
func (i *imported) engine() []byte {
	e := engine{Conversation: i.one.ClaudeSessionID}
	if i.state.Totals != nil {
		e.Total = *i.state.Totals
	} else {
		e.Total = claude.Totals{Usage: i.state.Usage}
	}
	return mustJSON(&e)
}

// addSession adds the events of the session itself, behind those of its lines. How
// the conversation stands is known where its lines end.
func (i *imported) addSession(b *store.Batch, last bool) {
	ses := &i.row.Session
	if was, is := ses.Status, i.state.Status(); b.Update != nil && last && was != is {
		ses.Status, b.Update.Session.Status = is, is
		change := api.StatusChange{OldStatus: was, NewStatus: is, Reason: reasonTranscript, ParentSessionID: ses.ParentSessionID}
		if is == api.StatusFailed {
			change.ErrorMessage = ses.ErrorMessage
		}
		b.Events = append(b.Events, i.event(api.EventSessionStatusChanged, change))
	}
	if b.Update != nil {
		b.Events = append(b.Events, i.event(api.EventSessionUpdated, b.Update.Session))
	}
}

// event makes an event of the session, which happens now.
func (i *imported) event(typ api.EventType, v any) store.Event {
	ev := i.newEvent(typ, api.Now())
	ev.Data = mustJSON(v)
	return ev
}

func (i *imported) newEvent(typ api.EventType, at api.Time) store.Event {
	ses := &i.row.Session
	return store.Event{SessionN: i.row.N, SessionID: ses.ID, RunID: ses.RunID, ClaudeSessionID: ses.ClaudeSessionID, Type: typ, Time: at}
}

// addLines adds the events of lines, and how far each file is read behind them.
func (i *imported) addLines(b *store.Batch, steps []transcript.Step) error {
	if i.at.IsZero() {
		i.at = i.state.First
	}
	read := map[int]bool{}
	for k := range steps {
		step := &steps[k]
		src := &i.sources[step.Source]
		src.Offset = step.Raw.End
		read[step.Source] = true
		if !step.Line.Time.IsZero() {
			i.at = step.Line.Time
		}
		for part, p := range step.Line.Parts {
			ev := i.newEvent(api.EventConversationUpdated, i.at)
			ev.Kind, ev.ToolID = p.Kind, p.ToolID
			ev.FromLine, ev.Line, ev.Part, ev.Unterminated = true, step.Raw.Bytes, part, step.Raw.Unterminated
			if src.Agent != "" {
				ev.Data = mustJSON(place{Agent: src.Agent, ParentToolUseID: src.ToolUseID})
			}
			b.Events = append(b.Events, ev)
		}
	}
	read[0] = true // it holds the state
	for k := range i.sources {
		if !read[k] {
			continue
		}
		src := &i.sources[k]
		mark, err := transcript.MarkAt(src.Path, src.Offset)
		if err != nil {
			return unreadable(err)
		}
		t := store.Transcript{Conversation: i.one.ClaudeSessionID, Agent: src.Agent, SessionN: i.row.N, Path: src.Path, ReadTo: src.Offset, Mark: mark}
		if k == 0 {
			t.Parent, t.Root, t.State = i.state.Origin, i.state.Root, mustJSON(&i.state)
		}
		b.Transcripts = append(b.Transcripts, t)
	}
	return nil
}

// link ties sessions whose conversations were copied from one another: this one to
// the one that it was copied from, and to this one those that were copied from it
// and were imported before. Lines say so (2.1.329), or else (2.1.197) a first line
// that two have in common, which is older than the beginning of one of them.
func (i *imported) link(ctx context.Context) error {
	if i.row.N == 0 {
		return nil
	}
	if i.row.Session.ParentSessionID == "" && i.state.Origin != "" {
		n, deleted, err := i.m.store.LastOfConversation(ctx, i.state.Origin)
		if err == nil && !deleted {
			err = i.m.adopt(ctx, i.row.N, n)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if i.one.Outcome == api.ImportUnchanged {
		return nil
	}
	copies, err := i.m.store.CopiesOf(ctx, i.one.ClaudeSessionID)
	for _, c := range copies {
		if err == nil {
			err = i.m.adopt(ctx, c.SessionN, i.row.N)
		}
	}
	if err == nil && i.state.Root != "" {
		err = i.linkRoots(ctx)
	}
	return err
}

// linkRoots ties those that begin with the same line to the one among them that is
// no copy, if there is one.
func (i *imported) linkRoots(ctx context.Context) error {
	same, err := i.m.store.SameRoot(ctx, i.state.Root)
	if err != nil || len(same) < 2 {
		return err
	}
	var original int64
	var copies []int64
	for _, t := range same {
		var s transcript.State
		switch {
		case t.Parent != "" || json.Unmarshal(t.State, &s) != nil:
		case s.Copy:
			copies = append(copies, t.SessionN)
		case original != 0:
			return nil // it cannot be told which
		default:
			original = t.SessionN
		}
	}
	for _, n := range copies {
		if original != 0 {
			if err := i.m.adopt(ctx, n, original); err != nil {
				return err
			}
		}
	}
	return nil
}

// adopt makes a session the child of another one, if it is no one's yet.
func (m *Manager) adopt(ctx context.Context, child, parent int64) error {
	if child == parent {
		return nil
	}
	p, err := m.store.SessionNumber(ctx, parent)
	if err != nil {
		return err
	}
	c, err := m.store.SessionNumber(ctx, child)
	if err != nil || c.Session.ParentSessionID != "" {
		return err
	}
	_, err = m.edit(ctx, c.Session.ID, func(_ *actor, s *step) error {
		s.quiet = true
		if s.m.row.Session.ParentSessionID == "" {
			s.m.row.Session.ParentSessionID, s.updated = p.Session.ID, true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("session %s, which was copied from %s: %w", c.Session.ID, p.Session.ID, err)
	}
	return nil
}
