package scripted

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
)

const stdio = "--permission-prompt-tool=stdio"

func TestDenied(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t, stdio)
	p.send("1", `ask: Bash {"command":"rm x"}`)
	question := p.until("can_use_tool")
	p.answer(question.RequestID, "behavior", "deny", "message", "not today")
	p.answer(question.RequestID, "behavior", "allow")
	p.until("running")
	if result := p.until("user not today"); !strings.Contains(result.raw, `"is_error":true`) {
		t.Errorf("the refusal is no error: %s", result.raw)
	}
	if result := p.until("result success"); !strings.Contains(result.raw, `"permission_denials":[{"tool_name":"Bash"`) {
		t.Errorf("the result hides the refusal: %s", result.raw)
	}
}

func TestInterruptedQuestionIsVoid(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t, stdio)
	p.send("1", `ask: Bash {"command":"ls"}`)
	question := p.until("can_use_tool")
	p.request("i", "interrupt")
	if void := p.until("control_cancel_request"); void.RequestID != question.RequestID {
		t.Errorf("%s is void, not %s", void.RequestID, question.RequestID)
	}
	code, whats := p.end()
	want := []string{"control_response", "running", "user The user doesn't want to proceed with this tool use. The tool use was rejected.",
		"user [Request interrupted by user for tool use]", "result error_during_execution (error)", "cancelled 1", "idle"}
	if diff := cmp.Diff(want, whats); diff != "" || code != 1 {
		t.Errorf("code %d\n%s", code, diff)
	}
}

func TestQuestionIsRefusedAtTheEndOfInput(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t, stdio)
	p.send("1", `ask: Bash {"command":"ls"}`)
	p.until("can_use_tool")
	code, whats := p.end()
	want := []string{"running", "user Tool permission request failed: the stream of answers has ended", "assistant done with the tool", "result success", "completed 1", "idle"}
	if diff := cmp.Diff(want, whats); diff != "" || code != 0 {
		t.Errorf("code %d\n%s", code, diff)
	}
}

func TestSuggestionIsRemembered(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t, stdio)
	p.send("1", `ask: Bash {"command":"ls"}`)
	question := p.until("can_use_tool")
	var request struct {
		Request struct {
			Suggestions []json.RawMessage `json:"permission_suggestions"`
		}
	}
	if err := json.Unmarshal([]byte(question.raw), &request); err != nil {
		t.Fatal(err)
	}
	p.answer(question.RequestID, "behavior", "allow", "updatedInput", object{"command", "ls"}, "updatedPermissions", list{request.Request.Suggestions[0]})
	p.until("idle")
	p.send("2", `ask: Bash {"command":"ls"}`)
	_, whats := p.end()
	for _, w := range whats {
		if w == "can_use_tool" {
			t.Error("it was asked again")
		}
	}
}

func TestWhatIsNotAsked(t *testing.T) {
	t.Parallel()
	const bash, edit = `ask: Bash {"command":"ls"}`, `ask: Edit {"file_path":"/x"}`
	tests := []struct {
		name, prompt string
		args         []string
		want         string
	}{
		{"nobody is there", bash, nil, "user Claude requested permissions to use Bash, but you haven't granted it yet."},
		{"allowed", bash, []string{stdio, "--allowed-tools=Bash"}, `user ran Bash with {"command":"ls"}`},
		{"disallowed", bash, []string{stdio, "--disallowed-tools", "Bash", "Edit"}, "user Claude requested permissions to use Bash, but you haven't granted it yet."},
		{"bypassed", bash, []string{stdio, "--permission-mode=bypassPermissions"}, `user ran Bash with {"command":"ls"}`},
		{"edits accepted", edit, []string{stdio, "--permission-mode=acceptEdits"}, `user ran Edit with {"file_path":"/x"}`},
		{"questions forbidden", bash, []string{stdio, "--permission-mode=dontAsk"}, "user Claude requested permissions to use Bash, but you haven't granted it yet."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			lines, code := newPlace(t, claudecli.Pinned).once(t, test.prompt, test.args...)
			found := false
			for _, l := range lines {
				found = found || l.what() == test.want
				if l.Type == "control_request" {
					t.Errorf("it was asked: %s", l.raw)
				}
			}
			if !found || code != 0 {
				t.Errorf("code %d, and no %q", code, test.want)
			}
		})
	}
}

func TestInitializeTellsWhatIsPending(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t, stdio)
	p.request("a", "initialize")
	if r := p.until("control_response"); !strings.Contains(r.raw, `"session_state":"idle"`) {
		t.Errorf("idle, and yet: %s", r.raw)
	}
	p.send("1", `ask: AskUserQuestion {"questions":[]}`)
	question := p.until("can_use_tool")
	p.request("b", "initialize")
	r := p.until("control_response")
	if len(r.Response.Pending) != 1 || string(r.Response.Pending[0]) != strings.TrimSpace(question.raw) || !strings.Contains(r.raw, `"session_state":"requires_action"`) {
		t.Errorf("a question is open, and yet: %s", r.raw)
	}
}

// TestInitializeBetweenTurns: once a turn has ended, every version tells what is
// pending, and be it nothing.
func TestInitializeBetweenTurns(t *testing.T) {
	t.Parallel()
	for _, version := range claudecli.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, version).start(t, stdio)
			p.send("1", "say: one")
			p.until("result success")
			p.request("a", "initialize")
			if r := p.until("control_response"); !strings.Contains(r.raw, `"pending_permission_requests":[]`) {
				t.Errorf("answer: %s", r.raw)
			}
		})
	}
}

func TestControlRequests(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, version, subtype string
		pairs                  []any
		want                   string
	}{
		{"model", claudecli.Pinned, "set_model", []any{"model", "sonnet"}, `{"subtype":"success","request_id":"r","response":{"model":"sonnet"}}`},
		{"old model", claudecli.Kept, "set_model", []any{"model", "sonnet"}, `{"subtype":"success","request_id":"r"}`},
		{"mode", claudecli.Pinned, "set_permission_mode", []any{"mode", "plan"}, `{"subtype":"success","request_id":"r","response":{"mode":"plan"}}`},
		{"bad mode", claudecli.Pinned, "set_permission_mode", []any{"mode", "x"}, `{"subtype":"error","request_id":"r","error":"Cannot set permission mode: must be one of acceptEdits, auto, bypassPermissions, default, dontAsk, plan, manual","error_code":"invalid_mode"}`},
		{"bypass", claudecli.Pinned, "set_permission_mode", []any{"mode", "bypassPermissions"}, `{"subtype":"error","request_id":"r","error":"Cannot set permission mode to bypassPermissions because the session was not launched with it","error_code":"bypass_not_launched"}`},
		{"unknown", claudecli.Pinned, "x", nil, `{"subtype":"error","request_id":"r","error":"Unsupported control request subtype: x","error_code":"unsupported_request"}`},
		{"unknown to the old one", claudecli.Kept, "x", nil, `{"subtype":"error","request_id":"r","error":"Unsupported control request subtype: x"}`},
		{"nothing to cancel", claudecli.Pinned, "cancel_async_message", []any{"message_uuid", "x"}, `{"subtype":"success","request_id":"r","response":{"cancelled":false}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, test.version).start(t)
			p.request("r", test.subtype, test.pairs...)
			got := p.until("control_response").raw
			if want := `{"type":"control_response","response":` + test.want + "}\n"; got != want {
				t.Errorf("got %s\nnot %s", got, want)
			}
			if code, _ := p.end(); code != 0 {
				t.Errorf("the exit code is %d", code)
			}
		})
	}
}

func TestQueuedMessageIsCancelled(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t)
	p.send("1", "silence")
	p.until("system init")
	p.send("2", "say: never")
	p.request("c", "cancel_async_message", "message_uuid", id("2"))
	p.until("cancelled 2")
	_, whats := p.end()
	for _, w := range whats {
		if w == "assistant never" {
			t.Error("a cancelled message has run")
		}
	}
}
