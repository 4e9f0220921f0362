package page

import (
	"strings"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// item is one piece of a page: what somebody said, a thought, a tool's call with
// its result, a result that comes apart from its call.
type item struct {
	api.ConversationEvent
	approval *api.Approval
	files    []file // of a prompt or a result
	result   *item  // of a call, where it came soon enough
	turn     *turn  // of the end of a turn

	waits bool // a call whose result may still come
}

// prompt reports whether the user has said it.
func (it *item) prompt() bool {
	return it.EventType == api.ConversationMessage && it.Role == "user" && it.ParentToolUseID == ""
}

// failed reports whether it is an error.
func (it *item) failed() bool { return it.IsError != nil && *it.IsError }

// How much is held back while a call waits for its result.
const (
	maxHeld      = 200
	maxHeldBytes = 4 << 20
)

// assembler makes items of events, and hands them on in their order. A call is held
// back until its result is there, with what comes behind it, within bounds: not
// where a subagent begins to speak, nor where no result is known of.
type assembler struct {
	format format
	calls  calls
	id     string // the session whose conversation it is
	any    bool   // one session was announced

	held  []*item
	bytes int    // of what is held
	raw   string // the line of which the last event is a part
}

// step takes in one event.
func (a *assembler) step(ev api.ConversationEvent, step *export.Step) {
	switch {
	case ev.Raw != nil:
		a.raw = *ev.Raw
	case ev.RawBase64 != nil || ev.MessageID != "":
		a.raw = ""
	}
	ev.Raw, ev.RawBase64 = nil, nil
	if !shows(&ev) {
		return
	}
	it := &item{ConversationEvent: ev, approval: step.Approval}
	switch ev.EventType {
	case api.ConversationMessage:
		if step.Content != nil {
			it.files = filesOf(*step.Content)
		}
	case api.ConversationToolCall:
		a.calls.add(&ev)
		it.waits = ev.ToolID != "" && (ev.IsCompleted == nil || *ev.IsCompleted)
	case api.ConversationToolResult:
		it.files = filesOfResult(a.raw, ev.ToolResultForID, ev.Content)
		if call := a.waiting(ev.ToolResultForID); call != nil {
			call.result, call.waits = it, false
			a.bytes += weight(it)
			a.drain()
			return
		}
	case api.ConversationResult:
		it.turn = turnOf(a.raw)
	}
	if call := a.waiting(ev.ParentToolUseID); call != nil {
		call.waits = false
	}
	a.held = append(a.held, it)
	a.bytes += weight(it)
	a.drain()
}

// shows reports whether a person wants to see an event.
func shows(ev *api.ConversationEvent) bool {
	switch ev.EventType {
	case api.ConversationThinking, api.ConversationMessage:
		return strings.TrimSpace(ev.Content) != ""
	case api.ConversationSystem:
		return plain.Telling(ev.Content)
	}
	return true
}

// waiting finds the call that is held back for its result.
func (a *assembler) waiting(id string) *item {
	if id == "" {
		return nil
	}
	for _, it := range a.held {
		if it.waits && it.ToolID == id {
			return it
		}
	}
	return nil
}

// weight is about how much memory an item holds.
func weight(it *item) int {
	n := 512 + len(it.Content) + len(it.ToolInput)
	for _, f := range it.files {
		n += len(f.data)
	}
	return n
}

// drain hands on what need not be held, and what must not.
func (a *assembler) drain() {
	for len(a.held) > 0 && (!a.held[0].waits || len(a.held) > maxHeld || a.bytes > maxHeldBytes) {
		a.hand()
	}
}

// flush hands on all.
func (a *assembler) flush() {
	for len(a.held) > 0 {
		a.hand()
	}
}

// hand hands on the first item.
func (a *assembler) hand() {
	it := a.held[0]
	a.held[0] = nil // let go of it
	a.held = a.held[1:]
	a.bytes -= weight(it)
	if it.result != nil {
		a.bytes -= weight(it.result)
	}
	if it.EventType == api.ConversationToolResult { // apart from its call: say which it was
		if c := a.calls.find(it.ToolResultForID); c != nil {
			it.ToolName, it.ToolInput = c.name, c.gist
		}
	}
	a.format.item(it, a.calls.around(it.ParentToolUseID))
}
