package messagesapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Request is what Claude Code asked the API for.
type Request struct {
	APIKey string // as the header x-api-key has it
	Model  string
	System string   // the system prompt, its blocks joined by newlines
	Tools  []string // names, those of MCP servers too, in order
	Text   string   // the newest text of the user's that scripts the reply
	Images int      // how many images the conversation holds
	// ToolResult says that the newest message carries the result of a tool.
	ToolResult bool
	// Body is the request as it came; kept only of those behind Server.Structure.
	Body []byte
	// Messages are the texts of the whole conversation, oldest first.
	Messages []Message
}

// Message is one message of the conversation that a request carried.
type Message struct {
	Role string
	Text string // its blocks of text joined by newlines, system reminders left out
}

// Requests returns the requests for messages so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// messageRequest is the body of a request for a message.
type messageRequest struct {
	Model    string    `json:"model"`
	System   content   `json:"system"`
	Messages []turn    `json:"messages"`
	Tools    []toolDef `json:"tools"`
}

type turn struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

type toolDef struct {
	Name string `json:"name"`
}

// content is a list of blocks; a text stands for one block of text.
type content []contentBlock

type contentBlock struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// UnmarshalJSON takes a text or a list of blocks.
func (c *content) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = content{{Type: "text", Text: text}}
		return nil
	}
	return json.Unmarshal(data, (*[]contentBlock)(c))
}

// texts returns the blocks of text that are the user's own.
func (c content) texts() []string {
	var texts []string
	for _, b := range c {
		if b.Type == "text" && !strings.HasPrefix(b.Text, "<system-reminder>") {
			texts = append(texts, b.Text)
		}
	}
	return texts
}

func (c content) hasToolResult() bool {
	return slices.ContainsFunc(c, func(b contentBlock) bool { return b.Type == "tool_result" })
}

func (m *messageRequest) record(h http.Header) Request {
	r := Request{APIKey: h.Get("x-api-key"), Model: m.Model, System: strings.Join(m.System.texts(), "\n")}
	for _, t := range m.Tools {
		r.Tools = append(r.Tools, t.Name)
	}
	for _, t := range m.Messages {
		texts := t.Content.texts()
		r.Messages = append(r.Messages, Message{Role: t.Role, Text: strings.Join(texts, "\n")})
		for _, b := range t.Content {
			if b.Type == "image" {
				r.Images++
			}
		}
		if t.Role != "user" {
			continue
		}
		r.Text, r.ToolResult = "", t.Content.hasToolResult()
		if len(texts) > 0 {
			r.Text = strings.TrimSpace(texts[len(texts)-1])
		}
	}
	return r
}
