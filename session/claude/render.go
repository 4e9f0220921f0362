package claude

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/sessiond/sessiond/rpc/api"
)

// Render reads one part of a line as a conversation event. Only what the line
// itself says is filled in: no seq, no times, nothing that is computed. The
// parts are those that Parse counted, of the kinds that it named. The event shares
// the memory of line, which must not change as long as it is used.
//
// Every event that is read or sent passes here, and the line was found valid when
// it was parsed: so it is only searched, which takes a third of the time.
func Render(line []byte, part int, kind api.ConversationType) api.ConversationEvent {
	ev := api.ConversationEvent{EventType: kind}
	if kind == api.ConversationUnparsed {
		ev.Content = valid(line)
		return ev
	}
	var found block
	known := false
	e, _ := open(valid(line), func(n int, b block) bool {
		if n == part {
			found, known = b, true
		}
		return n < part
	})
	ev.ClaudeSessionID = e.SessionID
	ev.ParentToolUseID = e.ParentToolUseID
	switch kind {
	case api.ConversationResult:
		r := parseResult(line)
		ev.Role, ev.Content, ev.IsError = "system", r.Text, &r.IsError
	case api.ConversationSystem:
		ev.Role, ev.Content = "system", e.systemText()
	default:
		ev.Role = e.Type
		if known {
			found.render(&ev)
		}
	}
	return ev
}

// valid is b as text, with a mark in the place of each byte that is no UTF-8. It
// shares the memory of b where nothing is to be marked: every line passes here
// twice, and nobody ever changes one.
func valid(b []byte) string {
	if utf8.Valid(b) {
		return unsafe.String(unsafe.SliceData(b), len(b)) // #nosec G103 -- see above
	}
	return string([]rune(string(b)))
}

// render fills in what a block of the message says.
func (b *block) render(ev *api.ConversationEvent) {
	ev.Content = b.text()
	switch ev.EventType {
	case api.ConversationToolCall:
		ev.ToolID, ev.ToolName = b.ID, b.Name
		ev.ToolInput = json.RawMessage(b.Input)
	case api.ConversationToolResult:
		ev.ToolResultForID, ev.IsError = b.ToolUseID, &b.IsError
	}
}

// systemText names a system event: what happened, in the words of the line. In
// transcripts there are messages that Claude Code itself wrote, and lines with words.
func (e *envelope) systemText() string {
	if e.Type == "user" {
		return contentText(contentOf(e.Message))
	}
	name := e.systemName()
	said := textOf(e.Title)
	if e.Type == "system" {
		said = textOf(e.Content)
	}
	if said == "" {
		return name
	}
	return name + ": " + said
}

func (e *envelope) systemName() string {
	words := []string{e.Type}
	if e.Type == "system" {
		words = words[:0]
	}
	switch e.Type {
	case "control_request":
		words = append(words, subtypeOf(e.Request))
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

// subtypeOf is the subtype that an object names.
func subtypeOf(object string) string {
	e, _ := open(object, func(int, block) bool { return false })
	return e.Subtype
}

// contentOf is the content of a message.
func contentOf(message string) (content string) {
	s := scanner{text: message}
	if s.kind() != '{' {
		return ""
	}
	for s.into(); s.more(); {
		if s.name() == "content" {
			content = s.skip()
		} else {
			s.skip()
		}
	}
	return content
}

// textOf is what a value says, if it is a string.
func textOf(value string) string {
	s := scanner{text: value}
	return s.string()
}
