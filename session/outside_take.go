package session

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/redact"
	"github.com/sessiond/sessiond/session/transcript"
	"github.com/sessiond/sessiond/store"
)

// take takes in inputs of one conversation, in their order.
func (o *observer) take(ctx context.Context, id string, inputs []input) error {
	defer o.m.conversations.lock(id)()
	for len(inputs) > 0 {
		n, err := o.takeSome(ctx, id, inputs)
		if err != nil {
			return err
		}
		inputs = inputs[n:]
	}
	return nil
}

// takeSome takes in the first of the inputs, those that one session has, and returns
// how many that were. It may have changed which session that is, and none were.
func (o *observer) takeSome(ctx context.Context, id string, inputs []input) (int, error) {
	first := &inputs[0].hook
	newest, err := o.m.store.NewestOfConversation(ctx, id)
	found := err == nil
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	live := found && !newest.Status.Final()
	switch {
	case live && newest.Origin != api.OriginExternal:
		return len(inputs), nil // the daemon's own: it reads what that prints itself
	case live && o.hasEnded(newest.ID) && opens(first):
		return 0, o.finish(ctx, newest.ID, reasonExited, api.At(inputs[0].Time))
	case live:
	case opens(first), isTool(first) && (!found || newest.Origin != api.OriginExternal): // or the hooks were installed in mid-session
		return 0, o.create(ctx, id, &inputs[0], newest.ID)
	case isTool(first):
		return 1, o.hear(ctx, newest.ID, inputs[:1]) // late, and not lost
	default:
		return 1, nil // an afterthought of what has ended, or was never begun
	}
	n, until := 1, api.Time{}
	for ended := false; n < len(inputs); n++ {
		ended = ended || inputs[n-1].hook.Event == claude.HookSessionEnd
		if ended && opens(&inputs[n].hook) { // in the next session
			until = api.At(inputs[n].Time)
			break
		}
	}
	if err := o.readOn(ctx, newest.ID, until); err != nil {
		return 0, err
	}
	crashpoint.Reach(crashpoint.HookCaughtUp)
	return n, o.hear(ctx, newest.ID, inputs[:n])
}

// opens reports whether an input tells that a session begins to be used.
func opens(h *claude.Hook) bool { return h.Begins() || h.Event == claude.HookPrompt }

func isTool(h *claude.Hook) bool {
	return h.Event == claude.HookTool || h.Event == claude.HookToolFailed
}

func (o *observer) hasEnded(id string) bool {
	w := o.live[id]
	return w != nil && w.out.Ended != ""
}

// promptAhead is more than a prompt's line is older than the call of the hook that tells
// of it: 5 to 12 ms, unless the machine is busy.
const promptAhead = 10 * time.Second

// create makes the session that an input is the first of. It goes on from the one
// that had the conversation before, if there is one.
func (o *observer) create(ctx context.Context, id string, in *input, parent string) error {
	m := o.m
	m.creating.Lock()
	defer m.creating.Unlock()
	now := api.At(in.Time)
	dir := in.hook.Dir
	if !filepath.IsAbs(dir) {
		dir, _ = os.UserHomeDir()
	}
	ses := api.Session{ID: newID(), RunID: newID(), ClaudeSessionID: id, Origin: api.OriginExternal,
		Status: api.StatusWaitingInput, WaitingFor: api.WaitingForMessage, Model: in.hook.Model, PermissionMode: in.hook.PermissionMode,
		WorkingDir: dir, Interactive: true, Tags: []string{}, Rules: []api.Rule{}, PID: in.PID, CreatedAt: now, StartedAt: now, LastActivityAt: now}
	l := launch{LaunchOptions: api.LaunchOptions{WorkingDir: &ses.WorkingDir}}
	eng := engine{Conversation: id, Outside: &outside{PID: in.PID, Began: in.Began}}
	if parent != "" {
		row, err := m.row(ctx, parent)
		if err != nil {
			return err
		}
		if newest, err := m.store.NewestOfConversation(ctx, id); err != nil || newest.ID != parent || !newest.Status.Final() {
			return err // it was gone on with meanwhile
		}
		if l.Ancestors, err = m.ancestry(row); err != nil {
			return err
		}
		ses.ParentSessionID, eng.Outside.From = parent, now
		if in.Withheld && in.hook.Event == claude.HookPrompt { // its line is all that tells what it was
			eng.Outside.From = api.At(in.Time.Add(-promptAhead))
		}
	}
	row := store.SessionRow{Session: ses, Options: mustJSON(l)}
	s := (&machine{row: row, eng: eng}).begin(now)
	s.m.eng.Outside.use(&in.hook)
	s.batch.Create = &store.SessionRow{}
	s.event(api.EventSessionCreated, s.m.row.Session)
	batch, err := s.finish()
	if err != nil {
		return err
	}
	if err := m.store.Commit(ctx, batch); err != nil {
		return wrapf(err, "session of conversation %s", id)
	}
	crashpoint.Reach(crashpoint.HookCreated)
	s.m.row.N = batch.Create.N
	o.remember(s.m.row)
	return nil
}

// use notes where the transcript is. Only the conversation's own file is one.
func (o *outside) use(h *claude.Hook) {
	if filepath.IsAbs(h.TranscriptPath) && transcript.ID(h.TranscriptPath) == h.SessionID {
		o.Transcript = h.TranscriptPath
	}
}

// step makes one step of a session of a terminal's, stores it, and remembers how it
// stands then.
func (o *observer) step(ctx context.Context, id string, change func(*step) error) error {
	o.m.editing.Lock()
	defer o.m.editing.Unlock()
	row, err := o.m.row(ctx, id)
	if err != nil {
		return err
	}
	was, err := o.m.restored(row)
	if err != nil {
		o.m.log.Error("what was remembered of a session is lost", "session", id, "error", err)
	}
	s := was.begin(api.Now())
	if s.m.eng.Outside == nil {
		s.m.eng.Outside = &outside{}
	}
	if err := change(s); err != nil {
		return err
	}
	if s.now.Before(row.Session.LastActivityAt.Time) {
		s.now = row.Session.LastActivityAt
	}
	batch, err := s.finish()
	if err != nil {
		return err
	}
	if err := o.m.store.Commit(ctx, batch); err != nil {
		return wrapf(err, "session %s", id)
	}
	for _, fault := range s.faults {
		o.m.log.Error("change of status refused", "session", id, "error", fault)
	}
	o.remember(s.m.row)
	return nil
}

// hear takes in inputs of a session, with their names, so that none is taken in twice.
func (o *observer) hear(ctx context.Context, id string, inputs []input) error {
	err := o.step(ctx, id, func(s *step) error {
		var tools []string
		for i := range inputs {
			in := &inputs[i]
			if isTool(&in.hook) && in.hook.ToolUseID == "" {
				in.hook.ToolUseID = "hook-" + in.name
			}
			tools = append(tools, in.hook.ToolUseID)
		}
		known, err := o.m.store.Tools(ctx, s.m.row.N, tools)
		if err != nil {
			return err
		}
		for i := range inputs {
			s.hear(&inputs[i], o.m.cfg.Summaries.Redactor, known)
			s.batch.Inputs = append(s.batch.Inputs, inputs[i].name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range inputs {
		o.stored[inputs[i].name] = true
	}
	return nil
}

// hear does what an input calls for.
func (s *step) hear(in *input, r *redact.Redactor, known map[string]store.ToolState) {
	h, e, ses := &in.hook, &s.m.eng, &s.m.row.Session
	o := e.Outside
	s.now = api.At(in.Time)
	if !ses.Status.Final() {
		o.use(h)
		if in.PID != 0 && in.PID != o.PID {
			o.PID, o.Began, ses.PID, s.updated = in.PID, in.Began, in.PID, true
		}
		s.set(&ses.PermissionMode, h.PermissionMode)
		s.set(&ses.Model, h.Model)
	}
	reason := reasonActivity
	switch {
	case h.Begins():
		e.Turn, o.Asks = false, false
	case h.Event == claude.HookPrompt:
		reason = reasonMessage
		s.beginTurn()
		o.Asks = false
		if text := r.Text(h.Prompt); h.Typed() && !in.Withheld {
			s.heardPrompt(prompt{ID: h.PromptID, Hash: hashOf(text)}, text)
		}
	case isTool(h):
		if o.Asks {
			reason = reasonAnswered
		}
		o.Asks = false
		if h.AgentID == "" && !ses.Status.Final() {
			s.beginTurn()
		}
		if !in.Withheld {
			s.heardTool(h, r, known)
		}
		if h.Interrupted {
			s.m.eng.Turn, s.m.eng.TurnAborted = false, true // no Stop comes
		}
	case h.Idle():
		reason = reasonTurnEnded
		s.heardStop(in, r)
	case h.Asks():
		reason, o.Asks = reasonApproval, e.Turn
	case h.Event == claude.HookSessionEnd:
		o.Ended, o.EndedAt = cmp.Or(h.Reason, "other"), s.now
	}
	s.settleOutside(reason)
}

// settleOutside brings the status in line with the facts.
func (s *step) settleOutside(reason string) {
	o := s.m.eng.Outside
	switch {
	case s.m.row.Session.Status.Final():
	case o.Asks:
		s.setStatus(api.StatusWaitingInput, api.WaitingForApproval, reason)
	case s.m.eng.Turn:
		s.setStatus(api.StatusRunning, "", reason)
	default:
		s.setStatus(api.StatusWaitingInput, api.WaitingForMessage, reason)
	}
}

// heardPrompt keeps a prompt, unless it was kept.
func (s *step) heardPrompt(p prompt, text string) {
	o, ses := s.m.eng.Outside, &s.m.row.Session
	if slices.ContainsFunc(o.Prompts, p.is) {
		return
	}
	o.Prompts = append(o.Prompts[max(0, len(o.Prompts)+1-keptPrompts):], p)
	o.Said, o.Owed = "", false
	ev := s.newEvent(api.EventConversationUpdated)
	ev.Kind = api.ConversationMessage
	ev.Data = mustJSON(api.ConversationEvent{SessionID: ses.ID, ClaudeSessionID: ses.ClaudeSessionID,
		EventType: api.ConversationMessage, Role: "user", Content: text, CreatedAt: s.now})
	s.batch.Events = append(s.batch.Events, ev)
	if ses.Query == "" {
		ses.Query, s.query, s.updated = text, &ses.Query, true
	}
}

// is reports whether two are the same: the texts count only where one has no id.
func (p prompt) is(other prompt) bool {
	if p.ID != "" && other.ID != "" {
		return p.ID == other.ID
	}
	return p.Hash == other.Hash
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(text)))
	return hex.EncodeToString(sum[:8])
}

// heardTool keeps a tool call and its answer, as far as they were not kept.
func (s *step) heardTool(h *claude.Hook, r *redact.Redactor, known map[string]store.ToolState) {
	o := s.m.eng.Outside
	if known[h.ToolUseID].Completed {
		return
	}
	h.ToolInput, h.ToolResponse, h.Error = r.JSON(h.ToolInput), r.JSON(h.ToolResponse), r.Text(h.Error)
	if i := slices.Index(o.Open, h.ToolUseID); i >= 0 {
		o.Open = slices.Delete(slices.Clone(o.Open), i, i+1)
	} else {
		s.heardLine(h, h.ToolCallLine(), api.ConversationToolCall)
	}
	s.heardLine(h, h.ToolResultLine(), api.ConversationToolResult)
	known[h.ToolUseID] = store.ToolState{Completed: true}
}

// heardLine keeps a line of one part.
func (s *step) heardLine(h *claude.Hook, line []byte, kind api.ConversationType) {
	ev := s.newEvent(api.EventConversationUpdated)
	ev.Kind, ev.ToolID, ev.FromLine, ev.Line = kind, h.ToolUseID, true, line
	if h.AgentID != "" {
		ev.Data = mustJSON(place{Agent: h.AgentID})
	}
	s.batch.Events = append(s.batch.Events, ev)
}

// heardStop ends the turn.
func (s *step) heardStop(in *input, r *redact.Redactor) {
	h, e, o := &in.hook, &s.m.eng, s.m.eng.Outside
	o.Asks = false
	if !e.Turn {
		return
	}
	e.Turn, e.TurnAborted, e.HasResult, e.ResultError = false, false, true, h.Event == claude.HookStopFailed
	s.m.row.Session.NumTurns++
	text := cmp.Or(r.Text(h.LastMessage), r.Text(h.Error))
	if o.Owed = in.Withheld && text != ""; o.Owed {
		text = cmp.Or(o.Said, text)
	}
	s.endedWith(text)
}

// endedWith keeps what the last turn has come to.
func (s *step) endedWith(text string) {
	ses := &s.m.row.Session
	if ses.Result, ses.ErrorMessage = text, ""; s.m.eng.ResultError {
		ses.Result, ses.ErrorMessage = "", text
	}
	s.updated = true
}
