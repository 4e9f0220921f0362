package claude

import (
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

// block is one content block of a message of the Messages API. Its strings share
// the line's memory.
type block struct {
	Type, Text, Thinking, ID, Name, ToolUseID string
	Input, Content                            string // JSON
	IsError                                   bool
}

// visitor takes the blocks of a content, each with its number, until it returns
// false. A content that comes twice begins with number 0 again: the last one counts.
type visitor func(n int, b block) (more bool)

// message goes over a message of the Messages API, and shows its blocks. It reports
// whether the content's form is known.
func (f *fields) message(visit visitor) (understood bool) {
	if f.kind() != '{' {
		f.skip()
		return false
	}
	for f.into(); f.more(); {
		if f.name() == "content" {
			understood = f.content(visit)
		} else {
			f.skip()
		}
	}
	return understood
}

// content goes over a content, and shows its blocks: at least one, for a text is
// one text block, and so is an empty list. It reports whether its form is known.
func (f *fields) content(visit visitor) (understood bool) {
	switch f.kind() {
	case '"':
		visit(0, block{Type: "text", Text: f.string()})
		return true
	case '[':
	default:
		f.skip()
		return false
	}
	n, wanted := 0, true
	inner := fields{scanner: f.scanner, ok: true} // what is odd in a block is not odd in the line
	for inner.into(); inner.more(); n++ {
		if !wanted {
			inner.skip()
			continue
		}
		wanted = visit(n, inner.block())
	}
	f.scanner = inner.scanner
	if n == 0 {
		visit(0, block{Type: "text"})
	}
	return inner.ok
}

// block goes over a block.
func (f *fields) block() (b block) {
	if kind := f.kind(); kind != '{' {
		f.ok = f.ok && kind == 'n'
		f.skip()
		return b
	}
	for f.into(); f.more(); {
		switch f.name() {
		case "type":
			f.read(&b.Type)
		case "text":
			f.read(&b.Text)
		case "thinking":
			f.read(&b.Thinking)
		case "id":
			f.read(&b.ID)
		case "name":
			f.read(&b.Name)
		case "input":
			b.Input = f.skip()
		case "tool_use_id":
			f.read(&b.ToolUseID)
		case "content":
			b.Content = f.skip()
		case "is_error":
			f.flag(&b.IsError)
		default:
			f.skip()
		}
	}
	return b
}

// kind says what the log calls a block. Tools that run on Anthropic's servers
// have block types of their own that end like the ordinary ones.
func (b *block) kind() api.ConversationType {
	switch {
	case strings.HasSuffix(b.Type, "tool_use"):
		return api.ConversationToolCall
	case strings.HasSuffix(b.Type, "tool_result"):
		return api.ConversationToolResult
	case strings.HasSuffix(b.Type, "thinking"):
		return api.ConversationThinking
	default:
		return api.ConversationMessage
	}
}

func (b *block) toolID() string {
	switch b.kind() {
	case api.ConversationToolCall:
		return b.ID
	case api.ConversationToolResult:
		return b.ToolUseID
	default:
		return ""
	}
}

// text is what a person reads of a block.
func (b *block) text() string {
	switch {
	case b.kind() == api.ConversationThinking:
		return b.Thinking
	case b.kind() == api.ConversationToolResult:
		return contentText(b.Content)
	case b.kind() == api.ConversationToolCall || b.Type == "text":
		return b.Text
	default:
		return "[" + b.Type + "]"
	}
}

// contentText is the text of a tool result's content: a string, or an array of
// blocks, whose texts are joined and whose others are named.
func contentText(content string) string {
	var texts []string
	f := fields{scanner: scanner{text: content}}
	understood := f.content(func(_ int, b block) bool {
		texts = append(texts, b.text())
		return true
	})
	if !understood {
		return content
	}
	return strings.Join(texts, "\n")
}
