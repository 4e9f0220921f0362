package session

import (
	"cmp"
	"context"
	"encoding/json"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/store"
)

// Bounds of a page of a conversation.
const (
	defaultConversation = 1000
	maxConversation     = 10000
	maxPageBytes        = 16 << 20
)

// GetConversation reads a page of a session's conversation, from the log.
func (m *Manager) GetConversation(ctx context.Context, p api.GetConversationParams) (api.ConversationPage, error) {
	var result api.ConversationPage
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return result, err
	}
	limit, err := checkLimit(p.Limit, defaultConversation, maxConversation)
	if err != nil {
		return result, err
	}
	if p.AfterSeq < 0 {
		return result, api.InvalidParams("after_seq", "%d is negative", p.AfterSeq)
	}
	row, err := m.row(ctx, id)
	if err != nil {
		return result, err
	}
	segments := []store.Segment{{N: row.N}}
	if p.IncludeAncestors == nil || *p.IncludeAncestors {
		if segments, err = m.ancestry(row); err != nil {
			return result, err
		}
	}
	result.HeadSeq = m.store.Head()
	var last int64
	result.Parts, last, err = m.presentAll(ctx, p.IncludeRaw, func(take func([]store.Event)) (bool, error) {
		return m.store.ReadConversation(ctx, segments, p.AfterSeq, limit, maxPageBytes, take)
	})
	if err != nil {
		return result, wrapf(err, "conversation of session %s", id)
	}
	if last != 0 {
		result.NextAfterSeq = &last
	}
	return result, nil
}

// presentAll renders what is read while more is being read. last is the seq behind
// which there is more, or 0.
func (m *Manager) presentAll(ctx context.Context, raw bool, read func(take func([]store.Event)) (bool, error)) (parts [][]byte, last int64, err error) {
	var made []*[]byte
	group, ctx := errgroup.WithContext(ctx)
	more, err := read(func(events []store.Event) {
		part := new([]byte)
		made, last = append(made, part), events[len(events)-1].Seq
		group.Go(func() error {
			defer m.store.Free(events)
			return guard(func() (err error) { *part, err = m.present(ctx, events, raw); return err })
		})
	})
	if err := cmp.Or(err, group.Wait()); err != nil {
		return nil, 0, err
	}
	for _, part := range made {
		parts = append(parts, *part)
	}
	if !more {
		last = 0
	}
	return parts, last, nil
}

// present renders events as getConversation shows them: with what is known now.
func (m *Manager) present(ctx context.Context, events []store.Event, raw bool) ([]byte, error) {
	calls, err := m.toolCalls(ctx, events)
	if err != nil {
		return nil, wrapf(err, "tools")
	}
	size := 0
	for i := range events {
		size += len(events[i].Line) + len(events[i].Data) + eventFrame
	}
	b := make([]byte, 0, size)
	for i := range events {
		ev := &events[i]
		shown := m.shown(ev)
		if raw {
			addRaw(&shown, ev)
		}
		if ev.Kind == api.ConversationToolCall {
			st := calls[toolCall{ev.SessionN, ev.ToolID}]
			shown.IsCompleted, shown.ApprovalID, shown.ApprovalStatus = &st.Completed, st.ApprovalID, st.ApprovalStatus
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = shown.AppendJSON(b)
	}
	return b, nil
}

// toolCall is a call of a tool in a session.
type toolCall struct {
	session int64
	id      string
}

// toolCalls finds what has become of the calls among events.
func (m *Manager) toolCalls(ctx context.Context, events []store.Event) (map[toolCall]store.ToolState, error) {
	ids := map[int64][]string{}
	for i := range events {
		if ev := &events[i]; ev.Kind == api.ConversationToolCall {
			ids[ev.SessionN] = append(ids[ev.SessionN], ev.ToolID)
		}
	}
	calls := map[toolCall]store.ToolState{}
	for n, ids := range ids {
		states, err := m.store.Tools(ctx, n, ids)
		if err != nil {
			return nil, err
		}
		for id, state := range states {
			calls[toolCall{n, id}] = state
		}
	}
	return calls, nil
}

// addRaw adds the line itself to the first event of each line.
func addRaw(shown *api.ConversationEvent, ev *store.Event) {
	if !ev.FromLine || ev.Part != 0 {
		return
	}
	shown.RawUnterminated = ev.Unterminated
	if !utf8.Valid(ev.Line) {
		shown.RawBase64 = ev.Line
		return
	}
	line := string(ev.Line)
	shown.Raw = &line
}

// shown is conversationEvent, with the error noted.
func (m *Manager) shown(ev *store.Event) api.ConversationEvent {
	shown, err := conversationEvent(ev)
	if err != nil {
		NoteDamage(m.store, m.log, ev.Seq, err)
	}
	return shown
}

// conversationEvent renders a row of the log that is part of a conversation, as
// it was true at its seq. With an error, for one that is damaged or that a bug
// makes panic, comes what the row says beside.
func conversationEvent(ev *store.Event) (api.ConversationEvent, error) {
	return renderEvent(ev, claude.Render)
}

// RenderEvent is what getConversation shows of a row of the log that is part of a
// conversation, without what is computed when it is read. It never panics.
func RenderEvent(ev *store.Event) (api.ConversationEvent, error) { return conversationEvent(ev) }

func renderEvent(ev *store.Event, render func([]byte, int, api.ConversationType) api.ConversationEvent) (api.ConversationEvent, error) {
	var shown api.ConversationEvent
	err := guard(func() error {
		if ev.FromLine {
			shown = render(ev.Line, ev.Part, ev.Kind)
			return placed(&shown, ev.Data)
		}
		return json.Unmarshal(ev.Data, &shown)
	})
	if err != nil {
		shown = api.ConversationEvent{EventType: ev.Kind}
	}
	shown.Seq, shown.SessionID, shown.CreatedAt = ev.Seq, ev.SessionID, ev.Time
	if shown.ClaudeSessionID == "" {
		shown.ClaudeSessionID = ev.ClaudeSessionID
	}
	return shown, err
}

// placed adds what a transcript's line does not say itself.
func placed(shown *api.ConversationEvent, data json.RawMessage) error {
	if data == nil {
		return nil
	}
	var p place
	err := json.Unmarshal(data, &p)
	shown.ParentToolUseID = p.ParentToolUseID
	return err
}

// EncodeEvent renders a row of the log as the `event` object that subscribers
// get. The same row gives the same bytes, live or replayed. It never panics: with an
// error comes the event with what else is known of it.
func EncodeEvent(ev store.Event) ([]byte, error) { return AppendEvent(nil, ev) }

// AppendEvent appends what EncodeEvent returns; b may be nil.
func AppendEvent(b []byte, ev store.Event) (out []byte, err error) {
	if b == nil {
		b = make([]byte, 0, len(ev.Line)+len(ev.Data)+eventFrame)
	}
	err = guard(func() (err error) { out, err = appendEvent(b, &ev); return err })
	if out == nil {
		bare := api.Event{Seq: ev.Seq, Type: ev.Type, SessionID: ev.SessionID, RunID: ev.RunID, Timestamp: ev.Time}
		out = bare.AppendJSON(b)
	}
	return out, err
}

func appendEvent(b []byte, ev *store.Event) ([]byte, error) {
	out := api.Event{Seq: ev.Seq, Type: ev.Type, SessionID: ev.SessionID, RunID: ev.RunID, Timestamp: ev.Time, Data: ev.Data}
	if ev.Type != api.EventConversationUpdated {
		if ev.Type == api.EventSessionDeleted && out.Data == nil { // by a version that did not say who
			out.Data = json.RawMessage("{}")
		}
		return out.AppendJSON(b), nil
	}
	shown, err := conversationEvent(ev)
	return out.AppendConversation(b, &shown), err
}

// eventFrame is about how long an event is without what was said.
const eventFrame = 256

// checkLimit applies a default to the size of a page, and its bounds.
func checkLimit(limit *int, byDefault, most int) (int, error) {
	if limit == nil {
		return byDefault, nil
	}
	if *limit < 1 || *limit > most {
		return 0, api.InvalidParams("limit", "%d is not between 1 and %d", *limit, most)
	}
	return *limit, nil
}
