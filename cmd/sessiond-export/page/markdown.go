package page

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// foldedLines is from how many lines on a result is folded.
const foldedLines = 20

// markdownPage writes a page in Markdown, as GitHub reads it.
type markdownPage struct {
	out *bufio.Writer
	o   Options

	about   api.Session
	prompts int
	around  string // the subagent that spoke last
	depth   int    // of it
}

func newMarkdown(out *bufio.Writer, o Options) *markdownPage { return &markdownPage{out: out, o: o} }

// put writes a block, whose lines begin with the mark of the subagent it is in,
// and an empty line.
func (m *markdownPage) put(block string) { m.lines(quote(m.prefix(), block)) }

func (m *markdownPage) prefix() string { return strings.Repeat("> ", m.depth) }

// lines writes lines that are marked already, and an empty one.
func (m *markdownPage) lines(s string) {
	_, _ = m.out.WriteString(s) // a bufio.Writer keeps its error for Flush
	_, _ = m.out.WriteString(strings.TrimRight(m.prefix(), " ") + "\n")
}

func (m *markdownPage) begin(b *export.Begin) {
	m.about = b.Session
	m.lines(frontMatter(b))
	m.put("# " + escape(title(&b.Session)))
}

// maxTitle is how many columns a title has.
const maxTitle = 200

// title is what a page is called.
func title(s *api.Session) string {
	short := *s
	short.Query = beginning(s.Query, 4*maxTitle)
	if name := plain.Name(short); name != "" {
		return plain.Cut(name, maxTitle)
	}
	return "session " + plain.Line(s.ID)
}

// frontMatter says what session it is, as YAML: every value as JSON, which is YAML too.
func frontMatter(b *export.Begin) string {
	s := &b.Session
	var y strings.Builder
	put := func(name string, value any) {
		text, err := api.Marshal(value)
		if err == nil && string(text) != `""` && string(text) != "0" && string(text) != "[]" && string(text) != "null" {
			fmt.Fprintf(&y, "%s: %s\n", name, plain.JSON(text))
		}
	}
	y.WriteString("---\n")
	put("title", title(s))
	put("session_id", s.ID)
	put("parent_session_id", s.ParentSessionID)
	put("claude_session_id", s.ClaudeSessionID)
	put("status", s.Status)
	put("model", s.Model)
	put("permission_mode", s.PermissionMode)
	put("working_dir", s.WorkingDir)
	put("tags", s.Tags)
	put("created_at", s.CreatedAt)
	if !s.CompletedAt.IsZero() {
		put("completed_at", s.CompletedAt)
	}
	put("num_turns", s.NumTurns)
	put("duration_ms", s.DurationMS)
	put("cost_usd", s.CostUSD)
	put("input_tokens", s.InputTokens)
	put("output_tokens", s.OutputTokens)
	put("cache_creation_input_tokens", s.CacheCreationInputTokens)
	put("cache_read_input_tokens", s.CacheReadInputTokens)
	put("with_ancestors", b.Ancestors)
	y.WriteString("---\n")
	return y.String()
}

func (m *markdownPage) session(s *api.Session) {
	m.leave()
	m.put("---")
	m.put("*Session* " + code(s.ID) + " *" + escape(strings.Join(append([]string{clock(s.CreatedAt)}, totals(s)...), " · ")) + "*")
}

// leave goes out of the subagents.
func (m *markdownPage) leave() {
	if m.depth > 0 {
		_ = m.out.WriteByte('\n')
	}
	m.around, m.depth = "", 0
}

func (m *markdownPage) end() {
	m.leave()
	m.put("---")
	m.put("*" + escape(strings.Join(totals(&m.about), " · ")) + "*")
	if m.about.ErrorMessage != "" {
		m.put("*Error:*")
		m.put(fence("text", tidy(m.about.ErrorMessage)))
	}
}

func (m *markdownPage) item(it *item, path []*call) {
	m.enter(path)
	switch it.EventType {
	case api.ConversationMessage:
		m.message(it)
	case api.ConversationThinking:
		m.fold("Thinking", func() { m.lines(prose(m.prefix(), it.Content)) })
	case api.ConversationToolCall:
		m.call(it)
	case api.ConversationToolResult:
		m.put("**" + escape(it.ToolName) + "** " + code(textOf(it.ToolInput)) + " has come to its end:")
		m.result(it)
	case api.ConversationResult:
		m.turn(it)
	case api.ConversationSystem:
		m.put("*" + escape(it.Content) + "*")
	default:
		m.excerpt("text", it.Content)
	}
}

// enter goes into the subagent that speaks, and says which it is.
func (m *markdownPage) enter(path []*call) {
	around := ""
	if len(path) > 0 {
		around = path[len(path)-1].id
	}
	if around == m.around {
		return
	}
	m.leave()
	if around == "" {
		return
	}
	m.around, m.depth = around, len(path)
	m.put("**Subagent** " + escape(subagent(path)))
}

// subagent names the one that speaks, within those around it.
func subagent(path []*call) string {
	names := make([]string, len(path))
	for i, c := range path {
		if names[i] = c.label; names[i] == "" {
			names[i] = plain.Line(c.id)
		}
	}
	return strings.Join(names, " › ")
}

func (m *markdownPage) message(it *item) {
	switch {
	case it.prompt() && it.MessageID != "":
		m.prompts++
		m.put(fmt.Sprintf("## Prompt %d · %s", m.prompts, clock(it.CreatedAt)))
		m.lines(prose(m.prefix()+"> ", it.Content))
	case it.Role == "user":
		m.lines(prose(m.prefix()+"> ", it.Content))
	default:
		m.lines(prose(m.prefix(), it.Content))
	}
	m.files(it)
}

// files says what is there beside the text; a page in Markdown does not hold it.
func (m *markdownPage) files(it *item) {
	for i := range it.files {
		m.put("*" + escape("["+it.files[i].text()+", not shown]") + "*")
	}
}

// fold writes what is folded at first.
func (m *markdownPage) fold(summary string, inner func()) {
	m.put("<details><summary>" + summary + "</summary>")
	inner()
	m.put("</details>")
}

func (m *markdownPage) call(it *item) {
	head := "**" + escape(it.ToolName) + "**"
	path, changes := plain.Changes(it.ToolInput)
	command, description, rest, isShell := shell(it.ToolInput)
	switch {
	case len(changes) > 0:
		head += " " + code(path)
	case description != "":
		head += " " + escape(description)
	}
	if answer := it.answer(); answer != "" {
		head += " · *" + escape(answer) + "*"
	}
	m.put(head)
	switch {
	case len(changes) > 0:
		m.excerpt("diff", diffOf(changes))
	case isShell:
		m.excerpt("sh", command)
		if rest != nil {
			m.excerpt("json", pretty(rest))
		}
	case len(it.ToolInput) > 0 && string(it.ToolInput) != "{}":
		m.excerpt("json", pretty(it.ToolInput))
	}
	switch {
	case it.result != nil:
		m.result(it.result)
	case it.IsCompleted != nil && !*it.IsCompleted:
		m.put("*no result*")
	}
}

func (m *markdownPage) result(it *item) {
	name := "Result"
	if it.failed() {
		name = "Error"
	}
	if strings.TrimSpace(it.Content) == "" && len(it.files) == 0 {
		m.put("*" + name + ": nothing*")
		return
	}
	if n := strings.Count(strings.TrimSpace(it.Content), "\n") + 1; n >= foldedLines {
		m.fold(fmt.Sprintf("%s, %d lines", name, n), func() { m.excerpt("text", it.Content) })
	} else {
		m.put("*" + name + ":*")
		m.excerpt("text", it.Content)
	}
	m.files(it)
}

// excerpt writes a text in a fence; a long one in two, with what is left out between.
func (m *markdownPage) excerpt(info, s string) {
	e := m.o.excerpt(s)
	m.put(fence(info, e.Head))
	if e.Note != "" {
		m.put("*… " + escape(e.Note) + " …*")
		m.put(fence(info, e.Tail))
	}
}

func (m *markdownPage) turn(it *item) {
	word := "✓ end of the turn"
	if it.failed() {
		word = "✗ the turn failed"
	}
	m.put("*" + escape(strings.Join(append([]string{word}, it.turn.parts()...), " · ")) + "*")
	if it.failed() && strings.TrimSpace(it.Content) != "" {
		m.excerpt("text", it.Content)
	}
}

// textOf reads a JSON string.
func textOf(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s) // else it says nothing
	return s
}
