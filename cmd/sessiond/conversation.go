package main

import (
	"strings"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// How much of a tool's result is shown.
const (
	resultLines   = 4
	resultColumns = 160
)

// conversation shows one event of a conversation.
func (v *view) conversation(ev api.ConversationEvent) {
	if !v.shows(ev) {
		return
	}
	indent := ""
	if ev.ParentToolUseID != "" {
		indent = "    " // inside a subagent
	}
	switch ev.EventType {
	case api.ConversationMessage:
		v.message(ev, indent)
	case api.ConversationThinking:
		v.block(indent+"✻ ", clean(strings.TrimSpace(ev.Content)), styleDim)
	case api.ConversationToolCall:
		head := indent + "● " + cleanLine(ev.ToolName)
		v.printf("%s  %s\n", v.style(styleCyan, head), v.fit(inputText(ev.ToolInput), columns(head)+2))
	case api.ConversationToolResult:
		v.toolResult(ev, indent)
	case api.ConversationUnparsed:
		v.block(indent+"  ", clean(ev.Content), styleDim)
	case api.ConversationSystem:
		v.note(indent + "  " + cleanLine(ev.Content))
	case api.ConversationResult: // says again what was said, or what end shows
		v.note(indent + "  result")
	}
}

// shows reports whether there is anything to see of an event.
func (v *view) shows(ev api.ConversationEvent) bool {
	switch ev.EventType {
	case api.ConversationThinking:
		return strings.TrimSpace(ev.Content) != ""
	case api.ConversationSystem:
		return v.verbose || plain.Telling(ev.Content)
	case api.ConversationResult:
		return v.verbose
	}
	return true
}

func (v *view) message(ev api.ConversationEvent, indent string) {
	if ev.Role == "user" {
		v.block(indent+"› ", clean(ev.Content), styleBold)
		return
	}
	v.block(indent, clean(ev.Content), "")
}

// toolResult shows the first lines of a result.
func (v *view) toolResult(ev api.ConversationEvent, indent string) {
	st := styleDim
	if ev.IsError != nil && *ev.IsError {
		st = styleRed
	}
	text := strings.TrimRight(clean(ev.Content), "\n ")
	if text == "" {
		text = "(nothing)"
	}
	lines := strings.SplitN(text, "\n", resultLines+1)
	if len(lines) > resultLines {
		lines[resultLines] = "…"
	}
	for i, line := range lines {
		lines[i] = cut(strings.ReplaceAll(line, "\t", "    "), resultColumns)
	}
	v.block(indent+"  ⎿ ", strings.Join(lines, "\n"), st)
}

// block prints text whose first line has a mark before it, and whose others
// are indented below it.
func (v *view) block(mark, text string, st style) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	indent := strings.Repeat(" ", columns(mark))
	for i, line := range lines {
		if i > 0 {
			mark = indent
		}
		v.printf("%s\n", strings.TrimRight(v.style(st, mark+line), " "))
	}
}
