package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
)

// testView is a view that prints into the buffer, as on a terminal of that
// width, or plainly for width 0.
func testView(width int) (*view, *bytes.Buffer) {
	var b bytes.Buffer
	p := newPrinter(&b, func(string) string { return "" })
	p.terminal, p.color, p.width = width > 0, width > 0, width
	return &view{printer: p, id: "019a-id"}, &b
}

func TestAConversationIsLegible(t *testing.T) {
	t.Parallel()
	v, out := testView(0)
	long := strings.Repeat("line\n", 9)
	for _, ev := range []api.ConversationEvent{
		{EventType: api.ConversationMessage, Role: "user", Content: "fix it\nplease \x1b[2J"},
		{EventType: api.ConversationSystem, Content: "init"},
		{EventType: api.ConversationSystem, Content: "api_retry"},
		{EventType: api.ConversationThinking, Content: "hm"},
		{EventType: api.ConversationThinking},
		{EventType: api.ConversationToolCall, ToolName: "Bash", ToolInput: json.RawMessage(`{"command":"go test\n./...","description":"d"}`)},
		{EventType: api.ConversationToolResult, Content: long},
		{EventType: api.ConversationToolCall, ToolName: "Odd", ToolInput: json.RawMessage(`{"a":[1]}`), ParentToolUseID: "t"},
		{EventType: api.ConversationToolResult, Content: "", IsError: new(true), ParentToolUseID: "t"},
		{EventType: api.ConversationMessage, Role: "assistant", Content: "done:\n- a\n- b\n"},
		{EventType: api.ConversationUnparsed, Content: "warning: odd"},
		{EventType: api.ConversationResult, Content: "done"},
	} {
		v.conversation(ev)
	}
	v.end(api.Session{ID: "019a-id", Status: api.StatusFailed, NumTurns: 1, DurationMS: 61_400, CostUSD: 0.25, ErrorMessage: "why"})
	_ = v.Flush()
	want := `› fix it
  please ␛[2J
  api_retry
✻ hm
● Bash  go test ./...
  ⎿ line
    line
    line
    line
    …
    ● Odd  {"a":[1]}
      ⎿ (nothing)
done:
- a
- b
  warning: odd
✗ failed · 1 turn · 1m1s · $0.2500  019a-id
why
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestEventsThatAPersonWantsToSeeAreShown(t *testing.T) {
	t.Parallel()
	v, out := testView(0)
	for _, ev := range []struct {
		typ  api.EventType
		data any
	}{
		{api.EventSessionStatusChanged, api.StatusChange{OldStatus: api.StatusStarting, NewStatus: api.StatusRunning}},
		{api.EventNewApproval, api.Approval{ID: "ap", Kind: api.ApprovalTool, ToolName: "Bash", ToolInput: json.RawMessage(`{"command":"rm x"}`)}},
		{api.EventApprovalResolved, api.Approval{ID: "ap", Status: api.ApprovalDenied, ResolvedBy: "pid 7", Comment: "no"}},
		{api.EventSessionStatusChanged, api.StatusChange{NewStatus: api.StatusWaitingInput, WaitingFor: api.WaitingForMessage}},
	} {
		data, err := json.Marshal(ev.data)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.event(api.Event{Type: ev.typ, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	_ = v.Flush()
	for _, want := range []string{
		"? may Bash run  rm x\n", "sessiond approve ap\n",
		"denied by pid 7: no\n", "sessiond send 019a-id ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestColoursAreForTerminals(t *testing.T) {
	t.Parallel()
	for _, width := range []int{0, 40} {
		v, out := testView(width)
		v.conversation(api.ConversationEvent{
			EventType: api.ConversationToolCall, ToolName: "Bash",
			ToolInput: json.RawMessage(`{"command":"` + strings.Repeat("x", 300) + `"}`),
		})
		_ = v.Flush()
		if got := strings.Contains(out.String(), "\x1b["); got != (width > 0) {
			t.Errorf("width %d: %q", width, out)
		}
		plain := strings.NewReplacer("\x1b[36m", "", "\x1b[0m", "", "\n", "").Replace(out.String())
		if width > 0 && columns(plain) > width {
			t.Errorf("width %d: the line has %d columns", width, columns(plain))
		}
	}
}

func TestTablesFitTheTerminal(t *testing.T) {
	t.Parallel()
	for _, width := range []int{0, 30} {
		var b bytes.Buffer
		p := newPrinter(&b, func(string) string { return "" })
		p.terminal, p.width = width > 0, width
		p.table([]string{"ID", "NAME"}, [][]cell{{{"漢字", ""}, {strings.Repeat("n", 99), ""}}, {{"longer", ""}, {"b", ""}}})
		_ = p.Flush()
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		if width == 0 {
			if len(lines) != 2 || lines[0] != "漢字    "+strings.Repeat("n", 99) || lines[1] != "longer  b" {
				t.Errorf("in a pipe: %q", lines)
			}
			continue
		}
		if len(lines) != 3 || lines[0] != "ID      NAME" || columns(lines[1]) != width {
			t.Errorf("on a terminal: %q", lines)
		}
	}
}
