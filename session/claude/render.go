package claude

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"

	"github.com/sessiond/sessiond/rpc/api"
)

// Render reads one part of a line as a conversation event. Only what the line
// itself says is filled in: no seq, no times, nothing that is computed. The
// parts are those that Parse counted, of the kinds that it named.
//
// Every event that is read or sent passes here, and the line was found valid when
// it was parsed: so it is only searched, which takes a third of the time.
func Render(line []byte, part int, kind api.ConversationType) api.ConversationEvent {
	ev := api.ConversationEvent{EventType: kind}
	if kind == api.ConversationUnparsed {
		ev.Content = valid(line)
		return ev
	}
	o := outlineOf(line)
	ev.ClaudeSessionID = o.sessionID
	ev.ParentToolUseID = o.parentToolUseID
	switch kind {
	case api.ConversationResult:
		r := parseResult(line)
		ev.Role, ev.Content, ev.IsError = "system", r.Text, &r.IsError
	case api.ConversationSystem:
		ev.Role, ev.Content = "system", o.systemText()
	default:
		o.renderBlock(&ev, part)
	}
	return ev
}

// outline is what Render looks at of a line.
type outline struct {
	typ, subtype, state        string
	sessionID, parentToolUseID string
	message, request           gjson.Result
}

func outlineOf(line []byte) (o outline) {
	gjson.Parse(valid(line)).ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "type":
			o.typ = value.Str
		case "subtype":
			o.subtype = value.Str
		case "state":
			o.state = value.Str
		case "session_id":
			o.sessionID = value.Str
		case "parent_tool_use_id":
			o.parentToolUseID = value.Str
		case "message":
			o.message = value
		case "request":
			o.request = value
		}
		return true
	})
	return o
}

// valid is b as text, with a mark in the place of each byte that is no UTF-8.
func valid(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string([]rune(string(b)))
}

// renderBlock fills in what a block of the message says.
func (o *outline) renderBlock(ev *api.ConversationEvent, part int) {
	ev.Role = o.typ
	b, ok := blockAt(o.message, part)
	if !ok {
		return
	}
	ev.Content = b.text()
	switch ev.EventType {
	case api.ConversationToolCall:
		ev.ToolID, ev.ToolName = b.ID, b.Name
		ev.ToolInput = json.RawMessage(b.Input)
	case api.ConversationToolResult:
		ev.ToolResultForID, ev.IsError = b.ToolUseID, &b.IsError
	}
}

// blockAt finds one block of a message; a content that is a text is one block.
func blockAt(message gjson.Result, part int) (b block, ok bool) {
	var content gjson.Result
	message.ForEach(func(name, value gjson.Result) bool {
		if name.Str == "content" {
			content = value
		}
		return true
	})
	if content.Type == gjson.String {
		return block{Type: "text", Text: content.Str}, part == 0
	}
	content.ForEach(func(_, value gjson.Result) bool {
		if part == 0 {
			b, ok = blockOf(value), true
		}
		part--
		return !ok
	})
	return b, ok
}

func blockOf(value gjson.Result) (b block) {
	value.ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "type":
			b.Type = value.Str
		case "text":
			b.Text = value.Str
		case "thinking":
			b.Thinking = value.Str
		case "id":
			b.ID = value.Str
		case "name":
			b.Name = value.Str
		case "input":
			b.Input = jsontext.Value(value.Raw)
		case "tool_use_id":
			b.ToolUseID = value.Str
		case "content":
			b.Content = jsontext.Value(value.Raw)
		case "is_error":
			b.IsError = value.Bool()
		}
		return true
	})
	return b
}

// systemText names a system event: what happened, in the words of the line.
func (o *outline) systemText() string {
	words := []string{o.typ}
	if o.typ == "system" {
		words = words[:0]
	}
	switch o.typ {
	case "control_request":
		words = append(words, o.request.Get("subtype").Str)
	case "command_lifecycle":
		words = append(words, o.state)
	default:
		words = append(words, o.subtype)
		if o.subtype == "session_state_changed" {
			words = append(words, o.state)
		}
	}
	return strings.TrimSpace(strings.Join(words, " "))
}
