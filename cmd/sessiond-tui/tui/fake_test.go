package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// then is when all tests play.
var then = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

func ago(d time.Duration) api.Time { return api.At(then.Add(-d)) }

// fake is a daemon that says what it was told to, and remembers what was called.
type fake struct {
	mu        sync.Mutex // guards all that follows
	sessions  []api.Session
	talks     map[string][]api.ConversationEvent
	approvals []api.Approval
	messages  map[string][]api.Message
	head      int64
	summary   *api.Summary
	job       *api.Job
	calls     []string
	found     []api.SearchMatch // by any search
	reads     int               // of conversations
	wake      chan struct{}     // closed and replaced when there is a new event
	log       []api.Event
	err       map[string]error // by method
}

func newFake() *fake {
	return &fake{talks: map[string][]api.ConversationEvent{}, messages: map[string][]api.Message{}, wake: make(chan struct{}), err: map[string]error{}}
}

// did notes a call, and returns the error that it is to have.
func (f *fake) did(method string, p any) error {
	b, _ := json.Marshal(p)
	f.calls = append(f.calls, method+" "+string(b))
	return f.err[method]
}

// has reports whether a call was made.
func (f *fake) has(call string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.calls, call)
}

// happens has an event be told.
func (f *fake) happens(typ api.EventType, id string, data any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, _ := api.Marshal(data)
	ev := api.Event{Type: typ, SessionID: id, Timestamp: api.At(then), Data: b}
	if typ != api.EventPartialMessage {
		f.head++
		ev.Seq = f.head
		if ce, ok := data.(api.ConversationEvent); ok {
			ce.Seq = f.head
			ev.Data, _ = api.Marshal(ce)
			f.talks[id] = append(f.talks[id], ce)
		}
	}
	f.log = append(f.log, ev)
	close(f.wake)
	f.wake = make(chan struct{})
}

func (f *fake) Health(context.Context) (api.Health, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := api.Health{Status: api.HealthOK}
	h.Events.HeadSeq = f.head
	return h, f.err["health"]
}

func (f *fake) ListSessions(_ context.Context, p api.ListSessionsParams) (api.ListSessionsResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := api.ListSessionsResult{}
	for _, s := range f.sessions {
		if s.Archived == p.Archived {
			r.Sessions = append(r.Sessions, s)
		}
	}
	return r, f.err["listSessions"]
}

func (f *fake) GetSessionState(_ context.Context, p api.SessionParams) (api.SessionResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sessions {
		if s.ID == p.SessionID {
			return api.SessionResult{Session: s}, nil
		}
	}
	return api.SessionResult{}, api.NotFound(api.ReasonSessionNotFound, p.SessionID)
}

func (f *fake) GetConversation(_ context.Context, p api.GetConversationParams) (api.GetConversationResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	all := f.talks[p.SessionID]
	i, _ := slices.BinarySearchFunc(all, p.AfterSeq+1, func(ev api.ConversationEvent, seq int64) int { return int(ev.Seq - seq) })
	r := api.GetConversationResult{Events: slices.Clone(all[i:min(len(all), i+*p.Limit)]), HeadSeq: f.head}
	if i+len(r.Events) < len(all) {
		r.NextAfterSeq = &r.Events[len(r.Events)-1].Seq
	}
	return r, f.err["getConversation"]
}

func (f *fake) SearchConversations(_ context.Context, p api.SearchConversationsParams) (api.SearchConversationsResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := api.SearchConversationsResult{Matches: f.found, Total: len(f.found)}
	if p.Cursor == "" && len(f.found) > 0 { // the first page is empty, as one that took too long
		r.Matches, r.NextCursor = nil, "more"
	}
	return r, f.did("searchConversations", p)
}

func (f *fake) GetSummary(_ context.Context, p api.GetSummaryParams) (api.GetSummaryResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.GetSummaryResult{Summary: f.summary}, f.did("getSummary", p)
}

func (f *fake) SummarizeSession(_ context.Context, p api.SessionParams) (api.SummarizeSessionResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.SummarizeSessionResult{Job: f.job}, f.did("summarizeSession", p)
}

func (f *fake) LaunchSession(_ context.Context, p api.LaunchSessionParams) (api.LaunchSessionResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.IdempotencyKey = ""
	return api.LaunchSessionResult{SessionID: "new"}, f.did("launchSession", p)
}

func (f *fake) ContinueSession(_ context.Context, p api.ContinueSessionParams) (api.LaunchSessionResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.IdempotencyKey = ""
	return api.LaunchSessionResult{SessionID: "new"}, f.did("continueSession", p)
}

func (f *fake) UpdateSession(_ context.Context, p api.UpdateSessionParams) (api.SessionResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.sessions {
		s := &f.sessions[i]
		if s.ID != p.SessionID {
			continue
		}
		for to, from := range map[*string]*string{&s.Title: p.Title, &s.Model: p.Model, &s.PermissionMode: p.PermissionMode} {
			if from != nil {
				*to = *from
			}
		}
		return api.SessionResult{Session: *s}, f.did("updateSession", p)
	}
	return api.SessionResult{}, api.NotFound(api.ReasonSessionNotFound, p.SessionID)
}

func (f *fake) ArchiveSessions(_ context.Context, p api.ArchiveSessionsParams) (api.ArchiveSessionsResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.ArchiveSessionsResult{Archived: p.SessionIDs}, f.did("archiveSessions", p)
}

func (f *fake) DeleteSession(_ context.Context, p api.SessionParams) (api.DeleteSessionResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.DeleteSessionResult{Deleted: true}, f.did("deleteSession", p)
}

func (f *fake) InterruptSession(_ context.Context, p api.InterruptSessionParams) (api.InterruptSessionResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := api.InterruptSessionResult{SessionID: p.SessionID, Status: api.StatusWaitingInput}
	for _, s := range f.sessions {
		switch {
		case s.ID == p.SessionID && s.Status == api.StatusRunning:
			r.Status = api.StatusInterrupting
		case s.ID == p.SessionID && s.Status == api.StatusQueued:
			r.Status = api.StatusInterrupted
		}
	}
	return r, f.did("interruptSession", p)
}

func (f *fake) EndSession(_ context.Context, p api.EndSessionParams) (api.StatusResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.StatusResult{}, f.did("endSession", p)
}

func (f *fake) SendMessage(_ context.Context, p api.SendMessageParams) (api.MessageResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.MessageID = ""
	return api.MessageResult{}, f.did("sendMessage", p)
}

func (f *fake) ListMessages(_ context.Context, p api.ListMessagesParams) (api.ListMessagesResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.ListMessagesResult{Messages: f.messages[p.SessionID]}, nil
}

func (f *fake) CancelMessage(_ context.Context, p api.MessageParams) (api.MessageResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.MessageResult{}, f.did("cancelMessage", p)
}

func (f *fake) FetchApprovals(context.Context, api.FetchApprovalsParams) (api.FetchApprovalsResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.FetchApprovalsResult{Approvals: f.approvals}, nil
}

func (f *fake) SendDecision(_ context.Context, p api.SendDecisionParams) (api.ApprovalResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return api.ApprovalResult{Approval: api.Approval{Status: api.ApprovalApproved}}, f.did("sendDecision", p)
}

func (f *fake) Events(ctx context.Context, p api.SubscribeParams) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		for at := 0; ; {
			f.mu.Lock()
			more, wake := slices.Clone(f.log[at:]), f.wake
			f.mu.Unlock()
			for _, ev := range more {
				if at++; (ev.Seq == 0 || ev.Seq > *p.AfterSeq) && !yield(ev, nil) {
					return
				}
			}
			select {
			case <-wake:
			case <-ctx.Done():
				yield(api.Event{}, ctx.Err())
				return
			}
		}
	}
}

// say adds an event to a conversation.
func (f *fake) say(id string, ev api.ConversationEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head++
	ev.Seq, ev.SessionID, ev.CreatedAt = f.head, id, api.At(then)
	f.talks[id] = append(f.talks[id], ev)
}

func user(text string) api.ConversationEvent {
	return api.ConversationEvent{EventType: api.ConversationMessage, Role: "user", Content: text}
}

func says(text string) api.ConversationEvent {
	return api.ConversationEvent{EventType: api.ConversationMessage, Role: "assistant", Content: text}
}

func thinks(text string) api.ConversationEvent {
	return api.ConversationEvent{EventType: api.ConversationThinking, Role: "assistant", Content: text}
}

func calls(id, tool, input string) api.ConversationEvent {
	return api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: id, ToolName: tool, ToolInput: json.RawMessage(input)}
}

func result(id, text string, isError bool) api.ConversationEvent {
	return api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ToolResultForID: id, Content: text, IsError: &isError}
}

func inside(parent string, ev api.ConversationEvent) api.ConversationEvent {
	ev.ParentToolUseID = parent
	return ev
}

// id makes a UUID that is told apart by its first digits, as real ones are.
func id(n int) string { return fmt.Sprintf("0198c5a%d-7f01-7aaa-8bbb-00000000000%d", n, n) }
