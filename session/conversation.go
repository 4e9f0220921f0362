package session

import (
	"context"
	"encoding/json"
	"unicode/utf8"

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
func (m *Manager) GetConversation(ctx context.Context, p api.GetConversationParams) (api.GetConversationResult, error) {
	var result api.GetConversationResult
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
	segments, err := ancestry(row)
	if err != nil {
		return result, err
	}
	if p.IncludeAncestors != nil && !*p.IncludeAncestors {
		segments = segments[len(segments)-1:]
	}
	result.HeadSeq = m.store.Head()
	events, more, err := m.store.Conversation(ctx, segments, p.AfterSeq, limit, maxPageBytes)
	if err != nil {
		return result, wrapf(err, "conversation of session %s", id)
	}
	if result.Events, err = m.present(ctx, events, p.IncludeRaw); err != nil {
		return result, err
	}
	if more {
		last := events[len(events)-1].Seq
		result.NextAfterSeq = &last
	}
	return result, nil
}

// present renders events as getConversation shows them: with what is known now.
func (m *Manager) present(ctx context.Context, events []store.Event, raw bool) ([]api.ConversationEvent, error) {
	shown := make([]api.ConversationEvent, len(events))
	calls := map[int64][]string{}
	for i := range events {
		shown[i] = conversationEvent(&events[i])
		if raw {
			addRaw(&shown[i], &events[i])
		}
		if events[i].Kind == api.ConversationToolCall {
			calls[events[i].SessionN] = append(calls[events[i].SessionN], events[i].ToolID)
		}
	}
	for n, ids := range calls {
		states, err := m.store.Tools(ctx, n, ids)
		if err != nil {
			return nil, wrapf(err, "tools")
		}
		for i := range events {
			if events[i].SessionN == n && events[i].Kind == api.ConversationToolCall {
				st := states[events[i].ToolID]
				shown[i].IsCompleted, shown[i].ApprovalID, shown[i].ApprovalStatus = &st.Completed, st.ApprovalID, st.ApprovalStatus
			}
		}
	}
	return shown, nil
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

// conversationEvent renders a row of the log that is part of a conversation, as
// it was true at its seq.
func conversationEvent(ev *store.Event) api.ConversationEvent {
	var shown api.ConversationEvent
	if ev.FromLine {
		shown = claude.Render(ev.Line, ev.Part, ev.Kind)
	} else if json.Unmarshal(ev.Data, &shown) != nil {
		shown = api.ConversationEvent{EventType: ev.Kind} // what we wrote ourselves is never damaged
	}
	shown.Seq, shown.SessionID, shown.CreatedAt = ev.Seq, ev.SessionID, ev.Time
	if shown.ClaudeSessionID == "" {
		shown.ClaudeSessionID = ev.ClaudeSessionID
	}
	return shown
}

// EncodeEvent renders a row of the log as the `event` object that subscribers
// get. The same row gives the same bytes, live or replayed.
func EncodeEvent(ev store.Event) []byte {
	return AppendEvent(make([]byte, 0, len(ev.Line)+len(ev.Data)+eventFrame), ev)
}

// AppendEvent appends what EncodeEvent returns.
func AppendEvent(b []byte, ev store.Event) []byte {
	out := api.Event{Seq: ev.Seq, Type: ev.Type, SessionID: ev.SessionID, RunID: ev.RunID, Timestamp: ev.Time, Data: ev.Data}
	if ev.Type != api.EventConversationUpdated {
		return out.AppendJSON(b)
	}
	shown := conversationEvent(&ev)
	return out.AppendConversation(b, &shown)
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
