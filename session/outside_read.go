package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/transcript"
	"github.com/sessiond/sessiond/store"
)

// tail is what of a session's transcript was not taken in.
type tail struct {
	o       *observer
	id      string // of the session
	sources []transcript.Source
	state   transcript.State
	at      api.Time // of the last line that had a time
	until   api.Time // when the next session of the conversation began; zero: there is none
}

// readOn takes in what the transcript of a session holds beyond what was taken in of
// it, up to where the next session of the conversation begins; zero: there is none.
// What cannot be read is no error: hooks tell of the session all the same.
func (o *observer) readOn(ctx context.Context, id string, until api.Time) error {
	w := o.live[id]
	if w == nil || w.out.Transcript == "" || w.unfit {
		return nil
	}
	known, err := o.m.store.Transcripts(ctx, w.row.Session.ClaudeSessionID)
	if err != nil {
		return err
	}
	t := tail{o: o, id: id, at: w.row.Session.CreatedAt, until: until}
	if err := t.find(w, known); err != nil {
		return o.unread(w, err)
	}
	r, err := transcript.NewReader(t.sources, o.m.cfg.MaxLineBytes)
	if err != nil {
		return o.unread(w, err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	for over := false; !over; {
		var steps []transcript.Step
		if steps, over, err = t.some(r); err != nil {
			return o.unread(w, err)
		}
		if len(steps) > 0 {
			if err := t.take(ctx, steps); err != nil {
				return err
			}
		}
	}
	if w := o.live[id]; w != nil {
		w.read = t.sources[0].Offset
	}
	return ctx.Err()
}

// unread notes that a transcript is not to be read, and goes on without it.
func (o *observer) unread(w *watched, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	o.m.log.Warn("a transcript is not read", "session", w.row.Session.ID, "error", err)
	w.unfit = true
	return nil
}

// errRewritten is for a transcript that does not hold what was read of it.
var errRewritten = errors.New("what was read of it is not there any more")

// find says where to read on.
func (t *tail) find(w *watched, known []store.Transcript) error {
	agents, err := transcript.Agents(w.out.Transcript)
	if err != nil {
		return err
	}
	t.sources = append([]transcript.Source{{Path: w.out.Transcript}}, agents...)
	for _, k := range known {
		i := slices.IndexFunc(t.sources, func(s transcript.Source) bool { return s.Agent == k.Agent })
		if i < 0 {
			continue
		}
		mark, err := transcript.MarkAt(t.sources[i].Path, k.ReadTo)
		if err != nil {
			return err
		}
		if mark != k.Mark {
			return errRewritten
		}
		t.sources[i].Offset = k.ReadTo
		if k.Agent == "" && k.SessionN == w.row.N && k.State != nil {
			if err := json.Unmarshal(k.State, &t.state); err != nil {
				return err
			}
		}
	}
	return nil
}

// some reads as many lines as are taken in at once, and whether they are the last.
func (t *tail) some(r *transcript.Reader) (steps []transcript.Step, over bool, err error) {
	for size := 0; len(steps) < importLines && size < importBytes; {
		step, err := r.Next()
		if errors.Is(err, io.EOF) {
			return steps, true, nil
		}
		if err != nil {
			return nil, false, err
		}
		if !t.until.IsZero() && step.Line.Time.After(t.until.Time) {
			return steps, true, nil // in the next session
		}
		steps = append(steps, step)
		size += len(step.Raw.Bytes)
	}
	return steps, false, nil
}

// take takes in some lines, with how far they were read.
func (t *tail) take(ctx context.Context, steps []transcript.Step) error {
	r := t.o.m.cfg.Summaries.Redactor
	return t.o.step(ctx, t.id, func(s *step) error {
		s.quiet = true
		var ids []string
		for i := range steps {
			raw := &steps[i].Raw
			if !raw.Unterminated {
				if clean := transcript.Clean(raw.Bytes, r.JSON); !bytes.Equal(clean, raw.Bytes) {
					raw.Bytes, steps[i].Line = clean, transcript.Parse(clean)
				}
			}
			for _, part := range steps[i].Line.Parts {
				ids = append(ids, part.ToolID)
			}
		}
		known, err := t.o.m.store.Tools(ctx, s.m.row.N, ids)
		if err != nil {
			return err
		}
		for i := range steps {
			t.line(s, &steps[i], known)
		}
		t.tell(s)
		return t.keepOffsets(s, steps)
	})
}

// line takes in one line: what is not known of it yet is kept.
func (t *tail) line(s *step, step *transcript.Step, known map[string]store.ToolState) {
	l, src, o := &step.Line, &t.sources[step.Source], s.m.eng.Outside
	src.Offset = step.Raw.End
	if !l.Time.IsZero() {
		t.at = l.Time
	}
	if !o.From.IsZero() && t.at.Before(o.From.Time) {
		return // from before the session
	}
	s.now = t.at
	if s.now.After(s.m.row.Session.LastActivityAt.Time) {
		s.quiet = false
	}
	t.state.Take(l, src.Agent != "")
	if l.Prompt != "" && src.Agent == "" {
		id := strings.Clone(gjson.GetBytes(step.Raw.Bytes, "promptId").Str)
		s.heardPrompt(prompt{ID: id, Hash: hashOf(l.Prompt)}, strings.Clone(l.Prompt))
		return
	}
	if l.Interrupt && src.Agent == "" {
		s.m.eng.Turn, s.m.eng.TurnAborted, o.Asks = false, true, false
		s.settleOutside(reasonInterrupt)
	}
	if l.Text != "" && src.Agent == "" {
		if o.Said = strings.Clone(l.Text); o.Owed {
			s.endedWith(o.Said)
		}
	}
	news, answered := false, false
	for _, part := range l.Parts {
		news = o.follow(part.Kind, part.ToolID, known) || news
		answered = answered || part.Kind == api.ConversationToolResult
	}
	if o.Asks && answered && len(o.Open) == 0 { // it was told no, of which no hook tells
		o.Asks = false
		s.settleOutside(reasonAnswered)
	}
	if news {
		t.keep(s, step, src)
	}
}

// follow keeps track of a part: whether a tool's call or answer is to come. It
// reports whether it is news.
func (o *outside) follow(kind api.ConversationType, id string, known map[string]store.ToolState) bool {
	at := slices.Index(o.Open, id)
	switch kind { //nolint:exhaustive // the others are always news
	case api.ConversationToolCall:
		if known[id].Completed || at >= 0 {
			return false
		}
		o.Open = append(o.Open[max(0, len(o.Open)+1-keptOpen):], strings.Clone(id))
	case api.ConversationToolResult:
		if known[id].Completed {
			return false
		}
		if at >= 0 {
			o.Open = slices.Delete(o.Open, at, at+1)
		}
		known[id] = store.ToolState{Completed: true}
	}
	return true
}

// keep appends the events of a line.
func (t *tail) keep(s *step, step *transcript.Step, src *transcript.Source) {
	for i, part := range step.Line.Parts {
		ev := s.newEvent(api.EventConversationUpdated)
		ev.Kind, ev.ToolID = part.Kind, part.ToolID
		ev.FromLine, ev.Line, ev.Part, ev.Unterminated = true, step.Raw.Bytes, i, step.Raw.Unterminated
		if src.Agent != "" {
			ev.Data = mustJSON(place{Agent: src.Agent, ParentToolUseID: src.ToolUseID})
		}
		s.batch.Events = append(s.batch.Events, ev)
	}
}

// tell puts what the lines come to into the session. A title that a person has given
// stays.
func (t *tail) tell(s *step) {
	st, ses, o := &t.state, &s.m.row.Session, s.m.eng.Outside
	was := *ses
	if ses.Title == o.Named {
		ses.Title, o.Named = st.Title, st.Title
	}
	s.set(&ses.Model, st.Model)
	ses.InputTokens, ses.OutputTokens = st.Usage.InputTokens, st.Usage.OutputTokens
	ses.CacheCreationInputTokens, ses.CacheReadInputTokens = st.Usage.CacheCreationInputTokens, st.Usage.CacheReadInputTokens
	ses.DurationMS = st.DurationMS
	if st.Totals != nil {
		s.m.eng.Total = *st.Totals
		if ses.ParentSessionID == "" { // they are the conversation's
			ses.CostUSD = st.Totals.CostUSD
		}
	}
	s.updated = s.updated || was.Title != ses.Title || was.InputTokens != ses.InputTokens || was.OutputTokens != ses.OutputTokens ||
		was.CacheReadInputTokens != ses.CacheReadInputTokens || was.CostUSD != ses.CostUSD
}

// keepOffsets has how far the files were read stored with what was read.
func (t *tail) keepOffsets(s *step, steps []transcript.Step) error {
	read := map[int]bool{0: true} // it holds the state
	for i := range steps {
		read[steps[i].Source] = true
	}
	for i := range t.sources {
		src := &t.sources[i]
		if !read[i] {
			continue
		}
		mark, err := transcript.MarkAt(src.Path, src.Offset)
		if err != nil {
			return err
		}
		row := store.Transcript{Conversation: s.m.row.Session.ClaudeSessionID, Agent: src.Agent, SessionN: s.m.row.N, Path: src.Path, ReadTo: src.Offset, Mark: mark}
		if i == 0 {
			row.Root, row.State = t.state.Root, mustJSON(&t.state)
		}
		s.batch.Transcripts = append(s.batch.Transcripts, row)
	}
	return nil
}

// grown reports whether a session's transcript is larger than what was read of it.
func (w *watched) grown() bool {
	info, err := os.Lstat(w.out.Transcript)
	return err == nil && info.Size() != w.read
}
