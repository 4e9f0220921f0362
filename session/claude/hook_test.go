package claude

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/sessiond/sessiond/rpc/api"
)

const hookInput = `{"session_id":"5f8bfc05-55c2-4ae3-8b19-2a462eb3aef7","transcript_path":"/h/t.jsonl","cwd":"/w","prompt_id":"p","permission_mode":"default",` +
	`"effort":{"level":"medium"},"hook_event_name":"PostToolUse","tool_name":"Bash","tool_use_id":"toolu_1","tool_input":{"command":"echo <hi>"},"tool_response":`

func TestParseHook(t *testing.T) {
	t.Parallel()
	for response, content := range map[string]string{
		`{"stdout":"hi","stderr":""}}`: `{"stdout":"hi","stderr":""}`,
		`"text"}`:                      "text",
		`[{"type":"text"}]}`:           `[{"type":"text"}]`,
		`null}`:                        "",
		`{"stdout":"cut off he`:        "",
	} {
		h, ok := ParseHook([]byte(hookInput + response))
		if !ok || h.Event != HookTool || h.SessionID == "" || h.TranscriptPath != "/h/t.jsonl" || h.Dir != "/w" || h.PromptID != "p" ||
			h.PermissionMode != "default" || h.ToolName != "Bash" || h.ToolUseID != "toolu_1" || string(h.ToolInput) != `{"command":"echo <hi>"}` {
			t.Errorf("%s: %+v", response, h)
		}
		call, result := Parse(h.ToolCallLine()), Parse(h.ToolResultLine())
		if len(call.Parts) != 1 || call.Parts[0] != (Part{Kind: api.ConversationToolCall, ToolID: "toolu_1"}) {
			t.Errorf("call: %+v", call)
		}
		if len(result.Parts) != 1 || result.Parts[0] != (Part{Kind: api.ConversationToolResult, ToolID: "toolu_1"}) {
			t.Errorf("result: %+v", result)
		}
		if ev := Render(h.ToolCallLine(), 0, api.ConversationToolCall); ev.ToolName != "Bash" || !strings.Contains(string(ev.ToolInput), "echo") {
			t.Errorf("call: %+v", ev)
		}
		if ev := Render(h.ToolResultLine(), 0, api.ConversationToolResult); ev.Content != content || *ev.IsError {
			t.Errorf("result: %+v", ev)
		}
	}
	for _, text := range []string{"", "x", "[]", "{}", `{"session_id":"a"}`, `{"hook_event_name":"Stop"}`, `{"session_id":1,"hook_event_name":"Stop"}`} {
		if h, ok := ParseHook([]byte(text)); ok {
			t.Errorf("%s: %+v", text, h)
		}
	}
	failed, _ := ParseHook([]byte(`{"session_id":"a","hook_event_name":"PostToolUseFailure","tool_use_id":"t","error":"Exit code 3","is_interrupt":true}`))
	if ev := Render(failed.ToolResultLine(), 0, api.ConversationToolResult); ev.Content != "Exit code 3" || !*ev.IsError || !failed.Interrupted {
		t.Errorf("failed: %+v, %+v", failed, ev)
	}
}

// FuzzHook has whatever is on a hook's standard input read without harm.
func FuzzHook(f *testing.F) {
	f.Add([]byte(hookInput + `"x"}`))
	f.Add([]byte(hookInput + `{"a`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := ParseHook(b)
		if !ok {
			return
		}
		again := RewriteHook(append(bytes.Clone(b), ' '), func(raw json.RawMessage) json.RawMessage { return append(raw, ' ') })
		if other, _ := ParseHook(again); gjson.ValidBytes(b) && !reflect.DeepEqual(other, h) {
			t.Errorf("%q became %q", b, again)
		}
		for _, line := range [][]byte{h.ToolCallLine(), h.ToolResultLine()} {
			if l := Parse(line); len(l.Parts) != 1 || l.Parts[0].ToolID != h.ToolUseID && !strings.Contains(h.ToolUseID, "\ufffd") {
				t.Errorf("%q: %+v", line, l)
			}
		}
	})
}

func TestRewriteHook(t *testing.T) {
	t.Parallel()
	upper := func(raw json.RawMessage) json.RawMessage { return bytes.ToUpper(raw) }
	for in, want := range map[string]string{
		`{"session_id":"a","prompt":"b","tool_name":"c","new":["d"]}`: `{"session_id":"a","prompt":"B","tool_name":"c","new":["D"]}`,
		` {"is_interrupt" : true , "error":"B"}`:                      ` {"is_interrupt" : true , "error":"B"}`, // byte for byte
		`{"session_id":"a","prompt":"b","tool_response":{"x":"cut`:    `{"session_id":"a","prompt":"B"}`,
		`{"session_id":"a","prompt":"cut`:                             `{"session_id":"a"}`,
		`{"session_id":"a"} {"prompt":"b"}`:                           `{"session_id":"a","prompt":"B"}`, // as ParseHook takes it
		`{"cwd":["b"],"is_interrupt":"b"}`:                            `{"cwd":["B"],"is_interrupt":"B"}`,
		`["b"]`:                                                       `{}`,
		`b`:                                                           `{}`,
	} {
		if got := string(RewriteHook([]byte(in), upper)); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

// TestADeepHook is read though no stack is as deep as one of its values, which is left out.
func TestADeepHook(t *testing.T) {
	t.Parallel()
	const depth = 8 << 20
	for name, input := range map[string]string{
		"whole":   `{"session_id":"s","tool_input":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `,"hook_event_name":"Stop"}`,
		"cut off": `{"session_id":"s","hook_event_name":"Stop","tool_input":` + strings.Repeat(`{"a":`, depth/4),
	} {
		b := RewriteHook([]byte(input), func(value json.RawMessage) json.RawMessage { return value })
		if want := `{"session_id":"s","hook_event_name":"Stop"}`; string(b) != want {
			t.Errorf("%s: %.80s", name, b)
		}
		if h, ok := ParseHook([]byte(input)); !ok || h.Event != "Stop" || h.ToolInput != nil {
			t.Errorf("%s: %t, %s", name, ok, h.Event)
		}
	}
	flat := `{"session_id":"s","tool_input":[` + strings.Repeat("[],", 300_000) + `[]],"hook_event_name":"Stop"}`
	if h, ok := ParseHook([]byte(flat)); !ok || len(h.ToolInput) < 900_000 {
		t.Errorf("%t, %d bytes", ok, len(h.ToolInput))
	}
}

func TestWithholdHook(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"session_id":"a","prompt":"b","tool_name":"c","new":["d"],"n":1}`: `{"session_id":"a","prompt":0,"tool_name":"c","new":0,"n":0}`,
		`{"is_interrupt":true,"cwd":["b"],"tool_input":{"x":"cut`:           `{"is_interrupt":true,"cwd":0,"tool_input":0}`,
		`{"prompt":"cut`:     `{}`,
		`{"session_id":"cut`: `{}`,
		`["b"]`:              `{}`,
	} {
		if got := string(WithholdHook([]byte(in), json.RawMessage("0"))); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}
