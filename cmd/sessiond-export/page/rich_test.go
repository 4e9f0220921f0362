package page

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/rpc/api"
)

// rich is a conversation with something of everything, to be looked at.
func rich(t testing.TB) *stream {
	about := aSession()
	about.Title, about.Query = "Make the parser take **nested** lists", ""
	s := newStream(t, about)
	s.prompt("The parser fails on nested lists:\n\n    - a\n      - b\n\nFind out why, mend it, and add a test. <b>Do not</b> touch the lexer.")
	s.event(api.ConversationEvent{EventType: api.ConversationThinking, Role: "assistant",
		Content: "The user wants nested lists. The parser in `parser.go` keeps one indent only.\n\nFirst I should *look* at it:\n\n1. read the file\n2. run the tests"})
	s.answer("I'll look at the parser first.\n\n## What I know\n\nA list is kept as a *flat* slice, see [the documentation](https://example.com/lists) and https://example.com/spec.\n\n" +
		"| case | expected | now |\n|:---|:---:|---:|\n| `- a` | 1 item | 1 |\n| `- a\\n  - b` | nested | **2** |\n\n- [x] read\n- [ ] mend\n\n> Lists may be nested.\n\n```go\nfunc parse(s string) (*List, error) {\n\treturn nil, errors.New(\"not yet\")\n}\n```\n")
	s.call("r1", "Read", map[string]any{"file_path": "/home/user/project/parser.go", "limit": 40})
	s.call("b1", "Bash", map[string]any{"command": "go test ./parser -run 'Nested' 2>&1 | tail -20", "description": "Run the tests of nested lists"})
	s.result("r1", numbered("func line%d() {}", 40))
	s.event(api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ToolResultForID: "b1", IsError: new(true),
		Content: "\x1b[31m--- FAIL: TestNested (0.00s)\x1b[0m\n    parser_test.go:17: got 2 items, want 1\nFAIL\nexit status 1"})
	s.step(api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: "e1", ToolName: "Edit", IsCompleted: new(true), ApprovalID: "a1",
		ApprovalStatus: api.ApprovalApproved,
		ToolInput:      []byte(`{"file_path":"/home/user/project/parser.go","old_string":"func parse(s string) *List {\n\treturn flat(s)\n}\n","new_string":"func parse(s string) *List {\n\t// lists nest by their indent\n\treturn nested(s, 0)\n}\n"}`)},
		export.Step{Approval: &api.Approval{Status: api.ApprovalApproved, ResolvedBy: "sessiond-cli", Comment: "looks right"}})
	s.result("e1", "The file /home/user/project/parser.go has been updated.")
	s.call("t1", "Task", map[string]any{"description": "look for other users of flat()", "prompt": "Find every caller of flat().", "subagent_type": "Explore"})
	inside := api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: "g1", ToolName: "Grep", ParentToolUseID: "t1",
		ToolInput: []byte(`{"pattern":"flat\\(","path":"."}`), IsCompleted: new(true)}
	s.event(inside)
	s.event(api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ParentToolUseID: "t1", ToolResultForID: "g1", Content: "parser.go:12\nparser_test.go:40"})
	s.event(api.ConversationEvent{EventType: api.ConversationMessage, Role: "assistant", ParentToolUseID: "t1", Content: "Two callers: `parser.go` and its test."})
	s.result("t1", "Two callers: `parser.go` and its test.")
	s.event(api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: "b2", ToolName: "Bash", IsCompleted: new(true),
		ApprovalStatus: api.ApprovalDenied, ApprovalID: "a2", ToolInput: []byte(`{"command":"rm -rf /home/user/project/testdata"}`)})
	s.event(api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ToolResultForID: "b2", Content: "denied: keep them", IsError: new(true)})
	s.call("b3", "Bash", map[string]any{"command": "go test -v ./..."})
	s.result("b3", numbered("=== RUN   TestCase%d", 300))
	s.answer("Done: lists nest now, and `TestNested` passes. ![a diagram](https://example.com/diagram.png)")
	s.event(api.ConversationEvent{EventType: api.ConversationResult, IsError: new(false), Content: "Done",
		Raw: new(`{"type":"result","num_turns":9,"duration_ms":83211,"total_cost_usd":0.2183,"usage":{"input_tokens":18200,"output_tokens":2100,"cache_creation_input_tokens":900,"cache_read_input_tokens":120000}}`)})
	image := `[{"type":"text","text":"Does it look like this?"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAS0lEQVR42u3PQQkAAAgEsItkGBPbzhLiQwQtsFTPa5NX1y4gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgcFkvVHoJ2xx6mgAAAABJRU5ErkJggg=="}},{"type":"document","title":"notes.pdf","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQK"}}]`
	var content api.Content
	if err := content.UnmarshalJSON([]byte(image)); err != nil {
		t.Fatal(err)
	}
	s.step(api.ConversationEvent{EventType: api.ConversationMessage, Role: "user", MessageID: "m2", Content: content.Text()}, export.Step{Content: &content})
	s.answer("Yes, it does. مرحبا بالعالم, 漢字, 🙂")
	s.event(api.ConversationEvent{EventType: api.ConversationSystem, Role: "system", Content: "api_retry"})
	s.event(api.ConversationEvent{EventType: api.ConversationResult, IsError: new(true), Content: "API Error: 529 overloaded",
		Raw: new(`{"type":"result","num_turns":1,"duration_ms":911,"total_cost_usd":0.2301}`)})
	return s.end()
}

func numbered(format string, n int) string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(format, i+1)
	}
	return strings.Join(lines, "\n")
}

// TestRichPage keeps the pages of one conversation with something of everything.
func TestRichPage(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"md", "html"} {
		page := rich(t).page(Options{Format: format})
		compare(t, filepath.Join("testdata", "rich."+format), page)
		if to := os.Getenv("SESSIOND_PAGES"); to != "" { // to be looked at in a browser
			if err := os.WriteFile(filepath.Join(to, "rich."+format), []byte(page), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
