package tui

import (
	"strings"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// block is one piece of a conversation as people see it: what somebody said, a
// thought, or a tool's call with its result.
type block struct {
	api.ConversationEvent
	result *api.ConversationEvent // of a tool's call, once it is there
	asked  *api.Approval          // what is asked about the call, or was
	depth  int                    // how many subagents around it
	tight  bool                   // belongs to the block before: no line between them

	fold  fold
	lines []string  // as rendered last
	drawn renderKey // for this
}

// fold is whether a block is folded: as all are, or by itself.
type fold int

const (
	foldDefault fold = iota
	foldClosed
	foldOpen
)

// foldable reports whether there is more of a block than is shown at first.
func (b *block) foldable() bool {
	return b.EventType == api.ConversationThinking || b.EventType == api.ConversationToolCall ||
		b.EventType == api.ConversationToolResult
}

// changed has a block rendered anew.
func (b *block) changed() { b.drawn = renderKey{} }

// blank is how many lines are free before its text.
func (b *block) blank() int {
	if b.tight {
		return 0
	}
	return 1
}

// lastSeq is that of the last event in the block.
func (b *block) lastSeq() int64 {
	if b.result != nil {
		return b.result.Seq
	}
	return b.Seq
}

// transcript is the part of a conversation that is loaded, as blocks.
type transcript struct {
	blocks []*block
	calls  map[string]*block                // by the id of the tool's call
	loose  map[string]api.ConversationEvent // results whose calls are not loaded, by that id
	all    bool                             // also what is for programs
	asked  map[string]api.Approval          // by the id of the tool's call
	folds  map[int64]fold                   // blocks that were folded, or unfolded, by themselves before
}

func newTranscript() transcript {
	return transcript{calls: map[string]*block{}, loose: map[string]api.ConversationEvent{}, asked: map[string]api.Approval{}}
}

// shows reports whether a person wants to see an event.
func shows(ev *api.ConversationEvent) bool {
	switch ev.EventType {
	case api.ConversationThinking, api.ConversationMessage:
		return strings.TrimSpace(ev.Content) != ""
	case api.ConversationSystem:
		return plain.Telling(ev.Content)
	case api.ConversationResult: // says again what was said, or what the session shows
		return false
	}
	return true
}

// add appends an event.
func (t *transcript) add(ev api.ConversationEvent) {
	if b := t.blockOf(ev); b != nil {
		if n := len(t.blocks); n > 0 {
			b.tight = tight(t.blocks[n-1], b)
		}
		t.blocks = append(t.blocks, b)
	}
}

// prepend puts older events before the others, and returns how many blocks
// there are more.
func (t *transcript) prepend(events []api.ConversationEvent) int {
	newer := t.blocks
	t.blocks = make([]*block, 0, len(events)+len(newer))
	for _, ev := range events {
		t.add(ev)
	}
	more := len(t.blocks)
	// What was loaded before may hold the result of a call that came just now.
	newer = t.claim(newer)
	if more > 0 && len(newer) > 0 {
		newer[0].tight = tight(t.blocks[more-1], newer[0])
		newer[0].changed()
	}
	t.blocks = append(t.blocks, newer...)
	t.nest()
	return more
}

// claim takes results that stood alone into their calls.
func (t *transcript) claim(blocks []*block) []*block {
	kept := blocks[:0:0]
	for _, b := range blocks {
		if b.EventType == api.ConversationToolResult {
			if call := t.calls[b.ToolResultForID]; call != nil && call.result == nil {
				ev := b.ConversationEvent
				call.result = &ev
				call.changed()
				continue
			}
		}
		kept = append(kept, b)
	}
	return kept
}

// nest sets the depth of blocks anew: a subagent's call may have been loaded
// behind what it did.
func (t *transcript) nest() {
	for _, b := range t.blocks {
		if depth := t.depth(&b.ConversationEvent); depth != b.depth {
			b.depth = depth
			b.changed()
		}
	}
}

// blockOf makes a block of an event; nil if it is part of one, or not shown.
func (t *transcript) blockOf(ev api.ConversationEvent) *block {
	if ev.EventType == api.ConversationToolResult {
		if call := t.calls[ev.ToolResultForID]; call != nil && call.result == nil {
			call.result = &ev
			call.changed()
			return nil
		}
	}
	if !t.all && !shows(&ev) {
		return nil
	}
	b := &block{ConversationEvent: ev, depth: t.depth(&ev), fold: t.folds[ev.Seq]}
	if ev.EventType == api.ConversationToolCall && ev.ToolID != "" {
		t.calls[ev.ToolID] = b
		if q, ok := t.asked[ev.ToolID]; ok {
			b.asked = &q
		}
	}
	return b
}

// maxDepth is how far subagents of subagents are indented.
const maxDepth = 4

// depth counts the subagents around an event.
func (t *transcript) depth(ev *api.ConversationEvent) int {
	if ev.ParentToolUseID == "" {
		return 0
	}
	if call := t.calls[ev.ParentToolUseID]; call != nil {
		return min(call.depth+1, maxDepth)
	}
	return 1
}

// tight reports whether no line is left free between two blocks.
func tight(before, b *block) bool {
	small := func(b *block) bool {
		return b.EventType != api.ConversationMessage && b.EventType != api.ConversationResult
	}
	return small(before) && small(b)
}

// about notes what is asked about a tool's call.
func (t *transcript) about(q api.Approval) {
	t.asked[q.ToolUseID] = q
	if b := t.calls[q.ToolUseID]; b != nil {
		b.asked = &q
		b.changed()
	}
}
