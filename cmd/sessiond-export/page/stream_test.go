package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/internal/traces"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
)

const sessionID = "01900000-0000-7000-8000-000000000001"

var begun = api.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))

// aSession is whose conversation the tests export.
func aSession() api.Session {
	return api.Session{ID: sessionID, ClaudeSessionID: "11111111-1111-4111-8111-000000000002", Status: api.StatusCompleted,
		Title: "a session", Query: "hi", Model: "claude-opus-5-5", WorkingDir: "/home/user/project", Tags: []string{"tests"},
		CreatedAt: begun, CompletedAt: api.At(begun.Add(time.Minute)), NumTurns: 2, DurationMS: 1500, CostUSD: 0.0123,
		InputTokens: 24, OutputTokens: 40, CacheCreationInputTokens: 6, CacheReadInputTokens: 10}
}

// stream is a conversation as `sessiond export` hands it over.
type stream struct {
	bytes.Buffer
	t     testing.TB
	seq   int64
	steps int
}

func newStream(t testing.TB, s api.Session) *stream {
	st := &stream{t: t}
	st.line(export.Line{Begin: &export.Begin{Version: export.Version, Session: s, Ancestors: true}})
	st.line(export.Line{Session: &s})
	return st
}

func (s *stream) line(l export.Line) {
	b, err := api.Marshal(l)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Write(append(b, '\n'))
}

// step adds an event, and what is known beside it.
func (s *stream) step(ev api.ConversationEvent, step export.Step) {
	s.seq++
	s.steps++
	ev.Seq, ev.SessionID, ev.CreatedAt = s.seq, sessionID, api.At(begun.Add(time.Duration(s.seq)*time.Second))
	b, err := api.Marshal(ev)
	if err != nil {
		s.t.Fatal(err)
	}
	step.Event = b
	s.line(export.Line{Step: &step})
}

func (s *stream) event(ev api.ConversationEvent) { s.step(ev, export.Step{}) }

func (s *stream) end() *stream {
	s.line(export.Line{End: &export.End{Steps: s.steps}})
	return s
}

func (s *stream) prompt(text string) {
	s.event(api.ConversationEvent{EventType: api.ConversationMessage, Role: "user", Content: text, MessageID: fmt.Sprint("m", s.seq)})
}

func (s *stream) answer(text string) {
	s.event(api.ConversationEvent{EventType: api.ConversationMessage, Role: "assistant", Content: text})
}

func (s *stream) call(id, tool string, input any) {
	b, err := api.Marshal(input)
	if err != nil {
		s.t.Fatal(err)
	}
	s.event(api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: id, ToolName: tool, ToolInput: b, IsCompleted: new(true)})
}

func (s *stream) result(id, text string) {
	s.event(api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ToolResultForID: id, Content: text, IsError: new(false)})
}

// traced is what a trace says, as the daemon would have it in its log: the prompts
// that were written come where a turn begins.
func traced(t testing.TB, version, name string) *stream {
	s := newStream(t, aSession())
	prompts := promptsOf(t, traces.In(version, name))
	answers := answersOf(traces.In(version, name))
	completed := map[string]bool{}
	for line := range bytes.Lines(traces.Out(version, name)) {
		for _, part := range claude.Parse(line).Parts {
			if part.Kind == api.ConversationToolResult {
				completed[part.ToolID] = true
			}
		}
	}
	questions := map[string]*claude.Question{}
	for line := range bytes.Lines(traces.Out(version, name)) {
		if q := claude.Parse(line).Question; q != nil {
			questions[q.ToolUseID] = q
		}
	}
	for line := range bytes.Lines(traces.Out(version, name)) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		l := claude.Parse(line)
		if l.Init != nil && len(prompts) > 0 {
			s.step(prompts[0].ConversationEvent, export.Step{Content: prompts[0].content})
			prompts = prompts[1:]
		}
		for i, part := range l.Parts {
			ev := claude.Render(line, i, part.Kind)
			if i == 0 {
				ev.Raw = new(string(line))
			}
			var step export.Step
			if part.Kind == api.ConversationToolCall {
				ev.IsCompleted = new(completed[part.ToolID])
				if q := questions[part.ToolID]; q != nil {
					step.Approval = &api.Approval{ID: "a", Status: answers[q.RequestID], ResolvedBy: "sessiond-cli"}
					ev.ApprovalID, ev.ApprovalStatus = "a", step.Approval.Status
				}
			}
			s.step(ev, step)
		}
	}
	return s.end()
}

type prompt struct {
	api.ConversationEvent
	content *api.Content
}

func promptsOf(t testing.TB, in []byte) (all []prompt) {
	for line := range bytes.Lines(in) {
		var l struct {
			Type, UUID string
			Message    struct{ Content api.Content }
		}
		if json.Unmarshal(line, &l) != nil || l.Type != "user" {
			continue
		}
		all = append(all, prompt{api.ConversationEvent{EventType: api.ConversationMessage, Role: "user",
			Content: l.Message.Content.Text(), MessageID: "m" + l.UUID}, &l.Message.Content})
	}
	return all
}

// answersOf says how the host of a trace answered.
func answersOf(in []byte) map[string]api.ApprovalStatus {
	answers := map[string]api.ApprovalStatus{}
	for line := range bytes.Lines(in) {
		var l struct {
			Response struct {
				ID       string `json:"request_id"`
				Response struct{ Behavior string }
			}
		}
		if json.Unmarshal(line, &l) != nil || l.Response.ID == "" {
			continue
		}
		answers[l.Response.ID] = map[string]api.ApprovalStatus{"allow": api.ApprovalApproved, "deny": api.ApprovalDenied}[l.Response.Response.Behavior]
	}
	return answers
}

// page renders a stream.
func (s *stream) page(o Options) string {
	s.t.Helper()
	var out strings.Builder
	if err := Render(&out, bytes.NewReader(s.Bytes()), o); err != nil {
		s.t.Fatal(err)
	}
	return out.String()
}
