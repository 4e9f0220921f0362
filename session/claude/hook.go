package claude

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"
)

// Hook is what Claude Code tells a hook command on its standard input. It has memory
// of its own.
type Hook struct {
	Event          string // hook_event_name
	SessionID      string // the conversation
	TranscriptPath string
	Dir            string // cwd
	PermissionMode string
	PromptID       string // names the prompt that this follows; its line in the transcript has it too
	AgentID        string // set inside a subagent

	Source string // SessionStart: startup, resume, clear, compact, fork
	Model  string // SessionStart
	Prompt string // UserPromptSubmit

	ToolName, ToolUseID string          // PostToolUse, PostToolUseFailure
	ToolInput           json.RawMessage // nil where it is not there
	ToolResponse        json.RawMessage // PostToolUse
	Error               string          // PostToolUseFailure, StopFailure
	Interrupted         bool            // PostToolUseFailure: by the user

	LastMessage  string // Stop, StopFailure: what the turn ended with
	Notification string // Notification: permission_prompt, idle_prompt, …
	Reason       string // SessionEnd: clear, resume, logout, prompt_input_exit, other
}

// The events of hooks that mean something here.
const (
	HookSessionStart  = "SessionStart"
	HookPrompt        = "UserPromptSubmit"
	HookTool          = "PostToolUse"
	HookToolFailed    = "PostToolUseFailure"
	HookStop          = "Stop"
	HookStopFailed    = "StopFailure"
	HookAgentStopped  = "SubagentStop"
	HookNotification  = "Notification"
	HookSessionEnd    = "SessionEnd"
	sourceCompact     = "compact"
	notifyPermission  = "permission_prompt"
	notifyElicitation = "elicitation_dialog"
	notifyIdle        = "idle_prompt"
)

// ParseHook reads what a hook was given. It reads the beginning of a text that was
// cut off too, as far as it goes. It reports whether it is a hook's: an object that
// names its event and its conversation.
func ParseHook(b []byte) (h Hook, ok bool) {
	// The search is lenient: it stops where the text does.
	gjson.Parse(valid(b)).ForEach(func(name, value gjson.Result) bool {
		if field := h.field(name.Str); field != nil && value.Type == gjson.String {
			*field = strings.Clone(value.Str)
		}
		switch name.Str {
		case "tool_input":
			h.ToolInput = rawOf(value)
		case "tool_response":
			h.ToolResponse = rawOf(value)
		case "is_interrupt":
			h.Interrupted = value.Type == gjson.True
		}
		return true
	})
	return h, h.Event != "" && h.SessionID != ""
}

// field is where a text of the input belongs; nil for what is not looked at.
func (h *Hook) field(name string) *string {
	switch name {
	case "hook_event_name":
		return &h.Event
	case "session_id":
		return &h.SessionID
	case "transcript_path":
		return &h.TranscriptPath
	case "cwd":
		return &h.Dir
	case "permission_mode":
		return &h.PermissionMode
	case "prompt_id":
		return &h.PromptID
	case "agent_id":
		return &h.AgentID
	case "source":
		return &h.Source
	case "model":
		return &h.Model
	case "prompt":
		return &h.Prompt
	case "tool_name":
		return &h.ToolName
	case "tool_use_id":
		return &h.ToolUseID
	case "error":
		return &h.Error
	case "last_assistant_message":
		return &h.LastMessage
	case "notification_type":
		return &h.Notification
	case "reason":
		return &h.Reason
	}
	return nil
}

// RewriteHook gives back what a hook was given with other texts: clean is called with
// each value that somebody wrote, or a tool gave, and returns the one for its place.
// What names things is not such a value: ids, paths, the event, the model, the mode, the
// tool. What was cut off is left out. Where nothing changes, b itself comes back.
func RewriteHook(b []byte, clean func(value json.RawMessage) json.RawMessage) []byte {
	same := isJSON(valid(b))
	rewritten := rewriteHook(b, func(name, value gjson.Result) []byte {
		raw := rawOf(value)
		if raw == nil || names(name.Str, value) {
			return raw
		}
		cleaned := clean(raw)
		same = same && bytes.Equal(raw, cleaned)
		return cleaned
	})
	if same && gjson.ParseBytes(b).IsObject() {
		return b
	}
	return rewritten
}

// WithholdHook is RewriteHook with the same value in all of these places, which takes no
// look at what is there, and so far less time.
func WithholdHook(b []byte, mark json.RawMessage) []byte {
	return rewriteHook(b, func(name, value gjson.Result) []byte {
		if names(name.Str, value) {
			return rawOf(value)
		}
		return mark
	})
}

// rewriteHook makes an input with other values; nil leaves one out.
func rewriteHook(b []byte, of func(name, value gjson.Result) []byte) []byte {
	input := gjson.Parse(valid(b))
	if !input.IsObject() {
		return []byte("{}")
	}
	return Rewrite(input, of)
}

// Rewrite makes a JSON array or object with what of returns in the place of each value;
// nil leaves one out. The values of an array have no names.
func Rewrite(value gjson.Result, of func(name, value gjson.Result) []byte) []byte {
	b, end := []byte{'{'}, byte('}')
	if value.IsArray() {
		b, end = []byte{'['}, ']'
	}
	value.ForEach(func(name, value gjson.Result) bool {
		raw := of(name, value)
		if raw == nil {
			return true
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		if end == '}' {
			b = append(append(b, name.Raw...), ':')
		}
		b = append(b, raw...)
		return true
	})
	return append(b, end)
}

// names reports whether a field of the input only says which thing is meant.
func names(field string, value gjson.Result) bool {
	switch field {
	case "prompt", "error", "last_assistant_message":
		return false
	case "is_interrupt":
		return value.IsBool()
	}
	return value.Type == gjson.String && new(Hook).field(field) != nil
}

// rawOf is a value as JSON; what was cut off is left out.
func rawOf(value gjson.Result) json.RawMessage {
	if !isJSON(value.Raw) {
		return nil
	}
	return json.RawMessage(value.Raw)
}

// manyBrackets is how deep a text may be nested to be checked by gjson, which needs a
// stack as deep: one that does not fit ends the process.
const manyBrackets = 200_000

// isJSON reports whether a text is one JSON value. One of many brackets must not be
// deeper than package json reads.
func isJSON(text string) bool {
	if strings.Count(text, "[")+strings.Count(text, "{") > manyBrackets {
		return json.Valid([]byte(text))
	}
	return gjson.Valid(text)
}

// Asks reports whether Claude Code waits for the user's answer to a question.
func (h *Hook) Asks() bool {
	return h.Event == HookNotification && (h.Notification == notifyPermission || h.Notification == notifyElicitation)
}

// Idle reports whether Claude Code waits for the user's next prompt.
func (h *Hook) Idle() bool {
	return h.Event == HookStop || h.Event == HookStopFailed || h.Event == HookNotification && h.Notification == notifyIdle
}

// Begins reports whether a session begins to be used, unlike one that is compacted.
func (h *Hook) Begins() bool { return h.Event == HookSessionStart && h.Source != sourceCompact }

// Typed reports whether the prompt is a user's, and not a note of Claude Code's own.
func (h *Hook) Typed() bool {
	return h.Event == HookPrompt && strings.TrimSpace(h.Prompt) != "" &&
		!strings.HasPrefix(h.Prompt, "<task-notification>") && !strings.HasPrefix(h.Prompt, "<system-reminder>")
}

// ToolCallLine is a line as Claude Code would print it of a tool that it calls, for
// a call of which only a hook tells.
func (h *Hook) ToolCallLine() []byte {
	input := h.ToolInput
	if input == nil {
		input = json.RawMessage("{}")
	}
	return hookLine("assistant", h, map[string]any{"type": "tool_use", "id": h.ToolUseID, "name": h.ToolName, "input": input})
}

// ToolResultLine is a line as Claude Code would print it of what a tool has answered.
func (h *Hook) ToolResultLine() []byte {
	content := any(h.Error)
	if h.Event == HookTool {
		content = responseContent(h.ToolResponse)
	}
	return hookLine("user", h, map[string]any{"type": "tool_result", "tool_use_id": h.ToolUseID, "content": content, "is_error": h.Event == HookToolFailed})
}

// responseContent is an answer as the content of a tool_result: a text.
func responseContent(response json.RawMessage) string {
	var text string
	if response == nil || json.Unmarshal(response, &text) == nil {
		return text
	}
	return string(response)
}

// hookLine makes a line with one block. It says that it comes from a hook.
func hookLine(role string, h *Hook, block map[string]any) []byte {
	b, err := json.Marshal(map[string]any{"type": role, "source": "hook", "session_id": h.SessionID, "cwd": h.Dir,
		"message": map[string]any{"role": role, "content": []any{block}}})
	if err != nil {
		return nil // never: it is made of texts and of JSON
	}
	return b
}
