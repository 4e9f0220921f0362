package claude

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sessiond/sessiond/rpc/api"
)

// block is one content block of a message of the Messages API.
type block struct {
	Type      string         `json:"type"`
	Text      string         `json:"text"`
	Thinking  string         `json:"thinking"`
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Input     jsontext.Value `json:"input"`
	ToolUseID string         `json:"tool_use_id"`
	Content   jsontext.Value `json:"content"`
	IsError   bool           `json:"is_error"`
}

// splitMessage returns the blocks of a message, at least one; a content that
// is a text becomes one text block. It reports whether the form is known.
func splitMessage(message jsontext.Value) ([]block, bool) {
	var m struct {
		Content jsontext.Value `json:"content"`
	}
	if json.Unmarshal(message, &m, lenient) != nil {
		return nil, false
	}
	return splitContent(m.Content)
}

func splitContent(content jsontext.Value) ([]block, bool) {
	switch content.Kind() {
	case '"':
		b := block{Type: "text"}
		return []block{b.withText(content)}, true
	case '[':
		var blocks []block
		if json.Unmarshal(content, &blocks, lenient) != nil {
			return nil, false
		}
		if len(blocks) == 0 {
			return []block{{Type: "text"}}, true
		}
		return blocks, true
	default:
		return nil, false
	}
}

func (b block) withText(text jsontext.Value) block {
	if json.Unmarshal(text, &b.Text, lenient) != nil {
		b.Text = string(text)
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
func contentText(content jsontext.Value) string {
	blocks, ok := splitContent(content)
	if !ok {
		return string(content)
	}
	texts := make([]string, len(blocks))
	for i := range blocks {
		texts[i] = blocks[i].text()
	}
	return strings.Join(texts, "\n")
}
