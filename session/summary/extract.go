package summary

import (
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/redact"
)

// Bounds of an extract, in bytes.
const (
	maxHead    = 24 << 10 // of its beginning, where the user says what he wants
	maxTail    = 72 << 10 // of its end
	maxMessage = 6 << 10  // of what somebody says
	maxTool    = 800      // of a tool's input, or of what came of it
)

// Extract is what a summariser is given of a conversation: what was said, and in
// short which tools were used and what came of it. However long the conversation is,
// an extract has less than 100 KiB: its beginning and its end. What is private is
// removed before anything is cut. Thoughts, and what subagents did among themselves,
// are not in it.
type Extract struct {
	redactor  *redact.Redactor
	head      strings.Builder
	full      bool // the head is
	tail      []string
	tailBytes int
	omitted   int // steps between head and tail
	steps     int
}

// NewExtract makes an empty one.
func NewExtract(r *redact.Redactor) *Extract { return &Extract{redactor: r} }

// Add takes in the next event.
func (x *Extract) Add(ev *api.ConversationEvent) {
	step := x.step(ev)
	if step == "" {
		return
	}
	x.steps++
	if !x.full && x.head.Len()+len(step) <= maxHead {
		x.head.WriteString(step)
		return
	}
	x.full = true
	x.tail, x.tailBytes = append(x.tail, step), x.tailBytes+len(step)
	for x.tailBytes > maxTail {
		x.tailBytes -= len(x.tail[0])
		x.tail[0] = ""
		x.tail = x.tail[1:]
		x.omitted++
	}
}

// step renders an event; "" if it is not in extracts.
func (x *Extract) step(ev *api.ConversationEvent) string {
	if ev.ParentToolUseID != "" {
		return ""
	}
	switch ev.EventType {
	case api.ConversationMessage:
		return x.piece(ev.Role, x.redactor.Text(ev.Content), maxMessage)
	case api.ConversationToolCall:
		return x.piece("tool "+ev.ToolName, string(x.redactor.JSON(ev.ToolInput)), maxTool)
	case api.ConversationToolResult:
		name := "result"
		if ev.IsError != nil && *ev.IsError {
			name = "result, an error"
		}
		return x.piece(name, x.redactor.Text(ev.Content), maxTool)
	}
	return ""
}

func (x *Extract) piece(name, text string, bytes int) string {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	if text == "" {
		return ""
	}
	return fmt.Sprintf("[%s]\n%s\n\n", Cut(name, maxTool), shorten(text, bytes))
}

// Steps is how many events were taken in that say something.
func (x *Extract) Steps() int { return x.steps }

// String is the extract.
func (x *Extract) String() string {
	var b strings.Builder
	b.WriteString(x.head.String())
	if x.omitted > 0 {
		fmt.Fprintf(&b, "[… %d steps left out …]\n\n", x.omitted)
	}
	for _, step := range x.tail {
		b.WriteString(step)
	}
	return b.String()
}
