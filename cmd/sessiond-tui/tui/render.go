package tui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// How much of a folded block is shown, and of any block at most.
const (
	foldedResult = 1
	foldedDiff   = 12
	mostLines    = 5000
)

// renderKey is what the rendering of a block depends on, beside the block.
type renderKey struct {
	width          int
	theme          *theme
	tools, thought bool // open by default
	fold           fold
}

// renderer renders blocks.
type renderer struct {
	*theme
	md             *markdown
	tools, thought bool // these blocks are open unless they say otherwise
	rendered       int  // how many blocks were rendered, for tests and benchmarks
}

func newRenderer(t *theme) *renderer { return &renderer{theme: t, md: newMarkdown(t)} }

// open reports whether all of a block is to be seen.
func (r *renderer) open(b *block) bool {
	switch {
	case b.fold != foldDefault:
		return b.fold == foldOpen
	case b.EventType == api.ConversationThinking:
		return r.thought
	}
	return r.tools
}

// render returns a block's lines; they are made anew only if something has changed.
func (r *renderer) render(b *block, width int) []string {
	key := renderKey{width, r.theme, r.tools, r.thought, b.fold}
	if b.drawn == key {
		return b.lines
	}
	r.rendered++
	indent := strings.Repeat("│ ", b.depth)
	inner := max(width-2*b.depth, 8)
	var lines []string
	if !b.tight {
		lines = append(lines, "")
	}
	for _, line := range r.body(b, inner) {
		if indent != "" {
			line = r.dim.Render(indent) + line
		}
		lines = append(lines, line)
	}
	b.lines, b.drawn = lines, key
	return lines
}

func (r *renderer) body(b *block, width int) []string {
	switch b.EventType {
	case api.ConversationMessage:
		if b.Role == "user" {
			return marked(r.accent.Render("› "), styled(r.bold, wrap(plain.Clean(bounded(b.Content)), width-2)))
		}
		return r.md.render(b.Content, width)
	case api.ConversationThinking:
		return r.thinking(b, width)
	case api.ConversationToolCall:
		return r.call(b, width)
	case api.ConversationToolResult:
		return r.result(&b.ConversationEvent, r.open(b), width)
	case api.ConversationResult:
		return marked(r.bad.Render("✗ "), styled(r.bad, wrap(plain.Clean(b.Content), width-2)))
	}
	return styled(r.dim, wrap(plain.Clean(bounded(b.Content)), width))
}

func (r *renderer) thinking(b *block, width int) []string {
	if !r.open(b) {
		return []string{fit(r.dim.Render("✻ "+fit("thought: "+plain.Line(beginning(b.Content, 1000)), width-2)), width)}
	}
	return marked(r.dim.Render("✻ "), styled(r.dim, wrap(plain.Clean(bounded(strings.TrimSpace(b.Content))), width-2)))
}

// call shows a tool's call: what it is about, what it changes, and its result.
func (r *renderer) call(b *block, width int) []string {
	mark := r.accent.Render("● ")
	switch {
	case b.result == nil && b.IsCompleted != nil && !*b.IsCompleted || b.result == nil && b.IsCompleted == nil:
		mark = r.warn.Render("○ ")
	case b.result != nil && b.result.IsError != nil && *b.result.IsError:
		mark = r.bad.Render("✗ ")
	}
	open := r.open(b)
	head, answer := mark+r.bold.Render(plain.Line(b.ToolName)), r.answer(b)
	if gist := plain.Line(plain.Gist(b.ToolInput)); gist != "" && gist != "{}" {
		head += "  " + gist
	}
	lines := []string{fit(fit(head, max(width-lipgloss.Width(answer), 8))+answer, width)}
	if diff := r.diffOf(b.ToolInput, width-4); len(diff) > 0 {
		lines = append(lines, marked("    ", shorten(diff, open, foldedDiff, r.dim))...)
	} else if open {
		lines = append(lines, marked("    ", styled(r.dim, wrapAll(plain.InputLines(b.ToolInput), width-4)))...)
	}
	if b.result != nil {
		lines = append(lines, r.result(b.result, open, width)...)
	}
	return lines
}

// answer says how a question about a call was answered.
func (r *renderer) answer(b *block) string {
	status := b.ApprovalStatus
	if b.asked != nil {
		status = b.asked.Status
	}
	switch status {
	case api.ApprovalPending:
		return r.warn.Render("  asks")
	case api.ApprovalDenied:
		return r.bad.Render("  denied")
	}
	return ""
}

// result shows what a tool said.
func (r *renderer) result(ev *api.ConversationEvent, open bool, width int) []string {
	st := r.dim
	if ev.IsError != nil && *ev.IsError {
		st = r.bad
	}
	text := plain.Clean(stripColors(bounded(ev.Content)))
	if strings.TrimSpace(text) == "" {
		text = "(nothing)"
	}
	var lines []string
	if open {
		lines = wrap(text, width-4)
	} else { // no more of it is looked at than is shown
		head, rest, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n")
		lines = []string{fit(tabs.Replace(head), width-4)}
		if n := strings.Count(strings.TrimRight(rest, "\n"), "\n") + 1; strings.TrimSpace(rest) != "" {
			more := "  +" + plural(n, "line")
			lines[0] = fit(lines[0], width-4-len(more)) + more
		}
	}
	lines = shorten(lines, open, foldedResult, st)
	return append(marked("  "+st.Render("└ "), styled(st, lines[:1])), marked("    ", styled(st, lines[1:]))...)
}

// shorten cuts lines off that are too many.
func shorten(lines []string, open bool, folded int, st lipgloss.Style) []string {
	most := folded
	if open {
		most = mostLines
	}
	if more := len(lines) - most; more > 0 {
		lines = append(lines[:most:most], st.Render(fmt.Sprintf("… %d lines more", more)))
	}
	return lines
}

// diffOf shows what a tool's input changes in a file; nothing, if it is not of
// that kind.
func (r *renderer) diffOf(input json.RawMessage, width int) []string {
	var lines []string
	_, all := plain.Changes(input)
	for _, c := range all {
		if len(lines) > 0 {
			lines = append(lines, r.dim.Render("⋯"))
		}
		for _, line := range c.Diff() {
			line = tabs.Replace(line)
			st := r.dim
			switch {
			case strings.HasPrefix(line, "+"):
				st = r.added
			case strings.HasPrefix(line, "-"):
				st = r.removed
			}
			lines = append(lines, styled(st, wrap(line+" ", width))...)
		}
	}
	return lines
}

// styled gives each line a style.
func styled(st lipgloss.Style, lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		if line != "" {
			line = st.Render(line)
		}
		out[i] = line
	}
	return out
}

// marked puts a mark before the first line, and blanks before the others.
func marked(mark string, lines []string) []string {
	blank := strings.Repeat(" ", lipgloss.Width(mark))
	out := make([]string, len(lines))
	for i, line := range lines {
		switch {
		case i == 0:
			out[i] = mark + line
		case line != "":
			out[i] = blank + line
		}
	}
	return out
}

func wrapAll(lines []string, width int) (out []string) {
	for _, line := range lines {
		out = append(out, wrap(line, width)...)
	}
	return out
}

// stripColors takes the colours out of what a program printed, which are legible
// to terminals only.
func stripColors(s string) string {
	if !strings.Contains(s, "\x1b[") {
		return s
	}
	return sequences.ReplaceAllString(s, "")
}

// pretty writes a JSON value on several lines, and harmless ones.
func pretty(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return plain.Clean(string(raw))
	}
	return string(plain.JSON(b.Bytes()))
}
