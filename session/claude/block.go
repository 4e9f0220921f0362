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

// content is what a message says: its blocks, at least one. A text becomes one
// text block. Known is false for what has another form.
type content struct {
	blocks []block
	known  bool
}

// UnmarshalJSONFrom reads the content in one pass, whatever it is.
func (c *content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '"':
		b := block{Type: "text"}
		if err := json.UnmarshalDecode(dec, &b.Text); err != nil {
			return err
		}
		*c = content{[]block{b}, true}
	case '[':
		var blocks []block
		if err := json.UnmarshalDecode(dec, &blocks); err != nil {
			return err
		}
		if len(blocks) == 0 {
			blocks = []block{{Type: "text"}}
		}
		*c = content{blocks, true}
	default:
		return dec.SkipValue()
	}
	return nil
}

// splitMessage returns the blocks of a message. It reports whether the form is known.
func splitMessage(message jsontext.Value) ([]block, bool) {
	var m struct {
		Content content `json:"content"`
	}
	err := json.Unmarshal(message, &m, lenient)
	return m.Content.blocks, err == nil && m.Content.known
}

// splitContent does the same for a content by itself.
func splitContent(value jsontext.Value) ([]block, bool) {
	var c content
	err := json.Unmarshal(value, &c, lenient)
	return c.blocks, err == nil && c.known
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
