package claude

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
)

// one is a line's only part.
func one(kind api.ConversationType) []Part { return []Part{{Kind: kind}} }

func TestParse(t *testing.T) {
	t.Parallel()
	two := 2
	for name, tc := range map[string]struct {
		line string
		want Line
	}{
		"empty":           {``, Line{Parts: one(api.ConversationUnparsed)}},
		"not JSON":        {`warning: deprecated`, Line{Parts: one(api.ConversationUnparsed)}},
		"torn":            {`{"type":"assistant","mess`, Line{Parts: one(api.ConversationUnparsed)}},
		"torn and odd":    {`{"type":7,"mess`, Line{Parts: one(api.ConversationUnparsed)}},
		"no object":       {`[1,2]`, Line{Parts: one(api.ConversationSystem)}},
		"number":          {`42`, Line{Parts: one(api.ConversationSystem)}},
		"two values":      {`{} {}`, Line{Parts: one(api.ConversationUnparsed)}},
		"unknown type":    {`{"type":"quantum","x":1}`, Line{Type: "quantum", Parts: one(api.ConversationSystem)}},
		"type no text":    {`{"type":7}`, Line{Parts: one(api.ConversationSystem)}},
		"odd known field": {`{"type":"assistant","uuid":7}`, Line{Type: "assistant", Parts: one(api.ConversationSystem)}},
		"carriage return": {"{\"type\":\"rate_limit_event\"}\r", Line{Type: "rate_limit_event", Parts: one(api.ConversationSystem)}},
		"partial":         {`{"type":"stream_event","event":{}}`, Line{Type: "stream_event"}},
		"names twice":     {`{"type":"a","type":"b"}`, Line{Type: "b", Parts: one(api.ConversationSystem)}},
		"text": {`{"type":"assistant","message":{"content":[{"type":"text","text":"hi"}]},"session_id":"s","uuid":"u","parent_tool_use_id":null}`,
			Line{Type: "assistant", SessionID: "s", UUID: "u", Parts: one(api.ConversationMessage)}},
		"content is a string": {`{"type":"user","message":{"role":"user","content":"hi"}}`, Line{Type: "user", Parts: one(api.ConversationMessage)}},
		"no content":          {`{"type":"assistant","message":{}}`, Line{Type: "assistant", Parts: one(api.ConversationSystem)}},
		"no blocks":           {`{"type":"assistant","message":{"content":[]}}`, Line{Type: "assistant", Parts: one(api.ConversationMessage)}},
		"several blocks in a subagent": {`{"type":"assistant","parent_tool_use_id":"p","message":{"content":[{"type":"thinking","thinking":"hm"},{"type":"tool_use","id":"t1","name":"Bash"},{"type":"server_tool_use","id":"t2"}]}}`,
			Line{Type: "assistant", Subagent: true, Parts: []Part{{Kind: api.ConversationThinking}, {api.ConversationToolCall, "t1"}, {api.ConversationToolCall, "t2"}}}},
		"tool result": {`{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":[]}]}}`,
			Line{Type: "user", Parts: []Part{{api.ConversationToolResult, "t1"}}}},
		"interrupted": {`{"type":"user","message":{"content":[{"type":"text","text":"[Request interrupted by user for tool use]"}]}}`,
			Line{Type: "user", Interrupt: true, Parts: one(api.ConversationMessage)}},
		"echo": {`{"type":"user","uuid":"m1","isReplay":true,"message":{"content":"hi"}}`, Line{Type: "user", UUID: "m1", EchoID: "m1", Parts: one(api.ConversationSystem)}},
		"init": {`{"type":"system","subtype":"init","model":"opus","permissionMode":"plan","claude_code_version":"9","session_id":"s"}`,
			Line{Type: "system", Subtype: "init", SessionID: "s", Parts: one(api.ConversationSystem), Init: &Init{Model: "opus", PermissionMode: "plan", Version: "9"}}},
		"state": {`{"type":"system","subtype":"session_state_changed","state":"idle"}`,
			Line{Type: "system", Subtype: "session_state_changed", State: "idle", Parts: one(api.ConversationSystem)}},
		"mode": {`{"type":"system","subtype":"status","status":null,"permissionMode":"acceptEdits"}`,
			Line{Type: "system", Subtype: "status", Mode: "acceptEdits", Parts: one(api.ConversationSystem)}},
		"agents, and a shell command": {`{"type":"system","subtype":"background_tasks_changed","tasks":[{"task_type":"local_agent"},{"task_type":"local_bash"},{"task_type":"remote_agent"}]}`,
			Line{Type: "system", Subtype: "background_tasks_changed", Background: &two, Parts: one(api.ConversationSystem)}},
		"rate limit": {`{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1900000000,"rateLimitType":"five_hour"}}`,
			Line{Type: "rate_limit_event", Parts: one(api.ConversationSystem), RateLimit: &api.RateLimit{Status: "rejected", Type: "five_hour", ResetsAt: api.FromMillis(1900000000000)}}},
		"retry": {`{"type":"system","subtype":"api_retry","attempt":2,"max_retries":10,"retry_delay_ms":609.7,"error_status":529}`,
			Line{Type: "system", Subtype: "api_retry", Parts: one(api.ConversationSystem), Retry: &api.Retry{Attempt: 2, MaxRetries: 10, RetryDelayMS: 609, ErrorStatus: 529}}},
		"lifecycle": {`{"type":"command_lifecycle","command_uuid":"m1","state":"started"}`,
			Line{Type: "command_lifecycle", Lifecycle: &Lifecycle{"m1", "started"}, Parts: one(api.ConversationSystem)}},
		"question taken back": {`{"type":"control_cancel_request","request_id":"q1"}`, Line{Type: "control_cancel_request", CancelID: "q1", Parts: one(api.ConversationSystem)}},
		"question": {`{"type":"control_request","request_id":"q1","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{"command":"ls"},"tool_use_id":"t1","permission_suggestions":[{"type":"setMode"}]}}`,
			Line{Type: "control_request", Parts: one(api.ConversationSystem), Question: &Question{RequestID: "q1", ToolName: "Bash", ToolUseID: "t1",
				Input: []byte(`{"command":"ls"}`), Suggestions: [][]byte{[]byte(`{"type":"setMode"}`)}}}},
		"another request": {`{"type":"control_request","request_id":"q1","request":{"subtype":"hook_callback"}}`, Line{Type: "control_request", Parts: one(api.ConversationSystem)}},
		"refusal": {`{"type":"control_response","response":{"subtype":"error","request_id":"r1","error":"no"}}`,
			Line{Type: "control_response", Parts: one(api.ConversationSystem), Response: &Response{RequestID: "r1", Error: "no"}}},
		"interrupt too early": {`{"type":"control_response","response":{"subtype":"success","request_id":"r1","response":{"still_queued":["m1"]}}}`,
			Line{Type: "control_response", Parts: one(api.ConversationSystem), Response: &Response{RequestID: "r1", StillQueued: []string{"m1"}}}},
		"what it waits for": {`{"type":"control_response","response":{"subtype":"success","request_id":"i1","response":{"commands":[]},"pending_permission_requests":[{"type":"control_request","request_id":"q1","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{},"tool_use_id":"t1"}}]}}`,
			Line{Type: "control_response", Parts: one(api.ConversationSystem), Response: &Response{RequestID: "i1",
				Pending: []*Question{{RequestID: "q1", ToolName: "Bash", ToolUseID: "t1", Input: []byte(`{}`)}}}}},
		"waits for nothing": {`{"type":"control_response","response":{"subtype":"success","request_id":"i1","pending_permission_requests":[]}}`,
			Line{Type: "control_response", Parts: one(api.ConversationSystem), Response: &Response{RequestID: "i1", Pending: []*Question{}}}},
		"waits for what nobody knows": {`{"type":"control_response","response":{"subtype":"success","request_id":"i1","pending_permission_requests":[{"request_id":"q1","request":{"subtype":"other"}}]}}`,
			Line{Type: "control_response", Parts: one(api.ConversationSystem), Response: &Response{RequestID: "i1"}}},
		"API error": {`{"is_error":true,"subtype":"success","type":"result","result":"API Error: 400","duration_ms":61.5,"total_cost_usd":0.5,"usage":{"output_tokens":9,"service_tier":"x"},"modelUsage":{"a":{"inputTokens":1,"outputTokens":2,"cacheReadInputTokens":3,"cacheCreationInputTokens":4},"b":{"inputTokens":10}}}`,
			Line{Type: "result", Subtype: "success", Parts: one(api.ConversationResult), Result: &Result{Subtype: "success", IsError: true, Text: "API Error: 400", DurationMS: 61, Turn: Usage{OutputTokens: 9},
				Total: Totals{CostUSD: 0.5, Usage: Usage{InputTokens: 11, OutputTokens: 2, CacheReadInputTokens: 3, CacheCreationInputTokens: 4}}}}},
		"errors without a result": {`{"type":"result","subtype":"error_during_execution","is_error":true,"result":null,"errors":["a","b"],"terminal_reason":"aborted_tools"}`,
			Line{Type: "result", Subtype: "error_during_execution", Parts: one(api.ConversationResult), Result: &Result{Subtype: "error_during_execution", IsError: true, Text: "a\nb", TerminalReason: "aborted_tools"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, Parse([]byte(tc.line))); diff != "" {
				t.Errorf("Parse(%s) (-want +got):\n%s", tc.line, diff)
			}
		})
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for name, tc := range map[string]struct {
		line string
		part int
		want api.ConversationEvent
	}{
		"text": {`{"type":"assistant","message":{"content":[{"type":"text","text":"hi"}]},"session_id":"s"}`, 0,
			api.ConversationEvent{EventType: api.ConversationMessage, Role: "assistant", Content: "hi", ClaudeSessionID: "s"}},
		"second of two": {`{"type":"assistant","parent_tool_use_id":"p","message":{"content":[{"type":"thinking","thinking":"hm"},{"type":"tool_use","id":"t","name":"Bash","input":{"z":1,"a":2}}]}}`, 1,
			api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: "t", ToolName: "Bash", ToolInput: []byte(`{"z":1,"a":2}`), ParentToolUseID: "p"}},
		"result with image": {`{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":[{"type":"text","text":"a"},{"type":"image"}]}]}}`, 0,
			api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ToolResultForID: "t", Content: "a\n[image]", IsError: &yes}},
		"result as text": {`{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":"a"}]}}`, 0,
			api.ConversationEvent{EventType: api.ConversationToolResult, Role: "user", ToolResultForID: "t", Content: "a", IsError: &no}},
		"end of turn": {`{"type":"result","subtype":"success","result":"done"}`, 0,
			api.ConversationEvent{EventType: api.ConversationResult, Role: "system", Content: "done", IsError: &no}},
		"state":     {`{"type":"system","subtype":"session_state_changed","state":"idle"}`, 0, api.ConversationEvent{EventType: api.ConversationSystem, Role: "system", Content: "session_state_changed idle"}},
		"request":   {`{"type":"control_request","request":{"subtype":"can_use_tool"}}`, 0, api.ConversationEvent{EventType: api.ConversationSystem, Role: "system", Content: "control_request can_use_tool"}},
		"lifecycle": {`{"type":"command_lifecycle","state":"queued"}`, 0, api.ConversationEvent{EventType: api.ConversationSystem, Role: "system", Content: "command_lifecycle queued"}},
		"junk":      {"a\xffb", 0, api.ConversationEvent{EventType: api.ConversationUnparsed, Content: "a\uFFFDb"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := Parse([]byte(tc.line))
			if diff := cmp.Diff(tc.want, Render([]byte(tc.line), tc.part, l.Parts[tc.part].Kind)); diff != "" {
				t.Errorf("Render(%s) (-want +got):\n%s", tc.line, diff)
			}
		})
	}
}

func TestArgs(t *testing.T) {
	t.Parallel()
	full := Command{SessionID: "new", Resume: "old", ResumeAt: "line", Fork: true, Model: "opus", Mode: "plan", Allowed: []string{"Bash(git *)", "Edit"},
		Disallowed: []string{"Web"}, Directories: []string{"/a", "/b"}, SystemPromptFile: "/s", AppendSystemPromptFile: "/t", ChangedPrompt: true,
		MCPConfigFile: "/m", MaxTurns: 3, MaxBudgetUSD: 0.25, Partial: true}
	always := "-p --input-format=stream-json --output-format=stream-json --verbose "
	for name, tc := range map[string]struct {
		cmd     Command
		version Version
		want    string
	}{
		"bare":         {Command{SessionID: "id"}, "2.1.329", "--session-id=id --permission-prompt-tool=stdio"},
		"unattended":   {Command{SessionID: "id", Unattended: true}, "2.1.329", "--session-id=id"},
		"old":          {Command{SessionID: "id"}, "2.1.197", "--session-id=id --permission-prompt-tool=stdio --replay-user-messages"},
		"resumed":      {Command{SessionID: "id", Resume: "id"}, "3.0.0", "--resume=id --permission-prompt-tool=stdio"},
		"old, changed": {Command{SessionID: "id", Resume: "id", ChangedPrompt: true}, "2.1.197", "--resume=id --permission-prompt-tool=stdio --replay-user-messages"},
		"all": {full, "2.1.329", "--resume=old --fork-session --resume-session-at=line --session-id=new --permission-prompt-tool=stdio --model=opus --permission-mode=plan " +
			"--allowed-tools=Bash(git *) --allowed-tools=Edit --disallowed-tools=Web --add-dir=/a --add-dir=/b --system-prompt-file=/s --append-system-prompt-file=/t " +
			"--system-prompt-snapshot=off --mcp-config=/m --max-turns=3 --max-budget-usd=0.25 --include-partial-messages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(always+tc.want, strings.Join(tc.cmd.Args(tc.version), " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for v, modern := range map[Version]bool{"2.1.329": true, "2.1.197": false, "2.2.0": true, "2.1.1000": true, "1.9.999": false, "3.0.0": true, "": true, "dev": true} {
		if got := v.HasLifecycle(); got != modern {
			t.Errorf("Version(%q).HasLifecycle() = %v", v, got)
		}
	}
}

func TestControlLinesAreOneLine(t *testing.T) {
	t.Parallel()
	for _, line := range [][]byte{
		UserMessage("id", api.Text("two\nlines <b>")),
		Allow("q", []byte("{\n\"a\": \"x\\ny\"\n}"), nil),
		Deny("q", "no\nway"), SetModel("r", "opus"), SetPermissionMode("r", "plan"), Interrupt("r"), Initialize("r"), EndSession("r"), CancelMessage("r", "m"),
	} {
		if strings.ContainsAny(string(line), "\n") || !Parse(line).ok() {
			t.Errorf("not one JSON line: %s", line)
		}
	}
}

// ok reports whether a line is a JSON object.
func (l Line) ok() bool { return l.Type != "" }
