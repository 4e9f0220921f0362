package claude

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/sessiond/sessiond/rpc/api"
)

// block is one content block of a message of the Messages API. Its strings share
// the line's memory.
type block struct {
	Type, Text, Thinking, ID, Name, ToolUseID string
	Input, Content                            string // JSON
	IsError                                   bool
}

// blockOf reads a block. It reports whether what is looked at has the types that
// it should have.
func blockOf(value gjson.Result) (b block, ok bool) {
	f := fields{ok: value.IsObject() || value.Type == gjson.Null}
	value.ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "type":
			f.text(&b.Type, value)
		case "text":
			f.text(&b.Text, value)
		case "thinking":
			f.text(&b.Thinking, value)
		case "id":
			f.text(&b.ID, value)
		case "name":
			f.text(&b.Name, value)
		case "input":
			b.Input = value.Raw
		case "tool_use_id":
			f.text(&b.ToolUseID, value)
		case "content":
			b.Content = value.Raw
		case "is_error":
			f.flag(&b.IsError, value)
		}
		return true
	})
	return b, f.ok
}

// eachBlock calls fn for the blocks of a content, until it returns false: at least
// one, for a text is one text block, and so is an empty list. It reports whether
// the content's form is known.
func eachBlock(content gjson.Result, fn func(block) bool) (ok bool) {
	switch {
	case content.Type == gjson.String:
		fn(block{Type: "text", Text: content.Str})
		return true
	case !content.IsArray():
		return false
	}
	none := true
	ok = true
	content.ForEach(func(_, value gjson.Result) bool {
		none = false
		b, known := blockOf(value)
		ok = ok && known
		return fn(b)
	})
	if none {
		fn(block{Type: "text"})
	}
	return ok
}

// contentOf is the content of a message.
func contentOf(message gjson.Result) (content gjson.Result) {
	message.ForEach(func(name, value gjson.Result) bool {
		if name.Str == "content" {
			content = value
		}
		return true
	})
	return content
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
	ok := eachBlock(gjson.Parse(content), func(b block) bool {
		texts = append(texts, b.text())
		return true
	})
	if !ok {
		return content
	}
	return strings.Join(texts, "\n")
}
