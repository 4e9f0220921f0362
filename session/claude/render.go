package claude

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sessiond/sessiond/rpc/api"
)

// Render reads one part of a line as a conversation event. Only what the line
// itself says is filled in: no seq, no times, nothing that is computed. The
// parts are those that Parse counted, of the kinds that it named.
func Render(line []byte, part int, kind api.ConversationType) api.ConversationEvent {
	ev := api.ConversationEvent{EventType: kind}
	if kind == api.ConversationUnparsed {
		ev.Content = valid(line)
		return ev
	}
	var e envelope
	if json.Unmarshal(line, &e, lenient) != nil {
		ev.Role = "system"
		return ev
	}
	ev.ClaudeSessionID = e.SessionID
	ev.ParentToolUseID = e.ParentToolUseID
	switch kind {
	case api.ConversationResult:
		r := parseResult(line)
		ev.Role, ev.Content, ev.IsError = "system", r.Text, &r.IsError
	case api.ConversationSystem:
		ev.Role, ev.Content = "system", systemText(&e)
	default:
		renderBlock(&ev, &e, part)
	}
	return ev
}

// valid is b as text, with a mark in the place of each byte that is no UTF-8.
func valid(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
}

func renderBlock(ev *api.ConversationEvent, e *envelope, part int) {
	ev.Role = e.Type
	blocks, ok := splitMessage(e.Message)
	if !ok || part >= len(blocks) {
		return
	}
	b := &blocks[part]
	ev.Content = b.text()
	switch ev.EventType {
	case api.ConversationToolCall:
		ev.ToolID, ev.ToolName = b.ID, b.Name
		if b.Input.IsValid() { // invalid UTF-8 would make the whole event invalid
			ev.ToolInput = bytes.Clone(b.Input)
		}
	case api.ConversationToolResult:
		ev.ToolResultForID, ev.IsError = b.ToolUseID, &b.IsError
	}
}

// systemText names a system event: what happened, in the words of the line.
func systemText(e *envelope) string {
	words := []string{e.Type}
	if e.Type == "system" {
		words = words[:0]
	}
	switch e.Type {
	case "control_request":
		words = append(words, member(e.Request, "subtype"))
	case "command_lifecycle":
		words = append(words, e.State)
	default:
		words = append(words, e.Subtype)
		if e.Subtype == "session_state_changed" {
			words = append(words, e.State)
		}
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// member is a string member of a JSON object, "" if there is none.
func member(object jsontext.Value, name string) string {
	var m map[string]jsontext.Value
	var s string
	if json.Unmarshal(object, &m, lenient) != nil || json.Unmarshal(m[name], &s, lenient) != nil {
		return ""
	}
	return s
}
