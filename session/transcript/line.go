package transcript

import (
	"cmp"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
)

// Line is what one line of a transcript says.
type Line struct {
	Type    string // the line's own type; "" for what is not a JSON object
	Subtype string
	UUID    string

	// Parts says what the log keeps of the line, one at least. claude.Render shows
	// them: it knows the blocks of messages, which are the same here.
	Parts []claude.Part

	Time   api.Time // zero where the line has none, or one that cannot be
	Dir    string   // Claude Code's working directory
	Copied string   // the conversation that the line was copied from (2.1.329)

	Prompt    string // what the user typed; "" for all other lines
	Command   string // a command of Claude Code's own that the user ran: "/compact"
	CommandAt commandState
	Interrupt bool   // the note "[Request interrupted by user…]"
	APIError  string // an answer that is an error of the API, in words
	Title     string // the conversation's title, if the line gives it one
	TitleRank int    // which title counts: the one of the highest rank
	TitleLeaf string // the line that a summary is about

	Message    string // id of the API's message that an assistant's line is part of
	Model      string
	Text       string // what an assistant's line says
	StopReason string // of that message; "" while it is not known
	Usage      claude.Usage

	Mode       string         // the permission mode
	DurationMS int64          // turn_duration: what the turn took
	Totals     *claude.Totals // cost-state: what the conversation has used so far
	ToolResult bool           // a user's line that only carries results
	Synthetic  bool           // a user's line that Claude Code wrote: reminders, summaries
	Said       bool           // a line of the conversation proper: of the user's or the assistant's
	Named      bool           // it names its conversation, as lines of transcripts do
}

// commandState tells where in a command of Claude Code's own a line stands.
type commandState int

const (
	noCommand commandState = iota
	commandRun
	commandDone
)

// The ranks of titles.
const (
	rankSummary = iota + 1
	rankWritten // by a model
	rankGiven   // by the user
)

// Parse says what a line means. It never fails. The result's texts share the memory
// of b, which must not change as long as they are used.
func Parse(b []byte) Line {
	c := claude.Parse(b)
	l := Line{Type: c.Type, Subtype: c.Subtype, UUID: c.UUID, Parts: c.Parts, Interrupt: c.Interrupt}
	if len(l.Parts) == 0 { // what no transcript has, and is kept all the same
		l.Parts = []claude.Part{{Kind: api.ConversationSystem}}
	}
	if l.Type == "" {
		return l
	}
	m := membersOf(b)
	l.Time, l.Dir = parseTime(m.timestamp), m.cwd
	if m.requestSessionID != m.sessionID {
		l.Copied = m.requestSessionID
	}
	l.Named = m.sessionID != ""
	switch l.Type {
	case "user":
		l.user(&m)
	case "assistant":
		l.assistant(&m)
	case "system":
		l.system(&m)
	default:
		l.note(&m)
	}
	return l
}

func (l *Line) user(m *members) {
	l.Said, l.Mode = true, m.permissionMode
	l.Synthetic = m.isMeta || m.isCompactSummary
	if l.Synthetic {
		l.Parts = []claude.Part{{Kind: api.ConversationSystem}} // one, whatever blocks it has
		return
	}
	l.ToolResult = len(l.Parts) > 0
	for _, part := range l.Parts {
		l.ToolResult = l.ToolResult && part.Kind == api.ConversationToolResult
	}
	if l.ToolResult || l.Interrupt {
		return
	}
	text := textOf(m.message.Get("content"))
	switch {
	case strings.HasPrefix(text, "<local-command-"):
		l.CommandAt = commandDone
	case strings.HasPrefix(text, "<command-name>"), strings.HasPrefix(text, "<command-message>"):
		l.CommandAt, l.Command = commandRun, commandLine(text)
	case strings.HasPrefix(text, "<task-notification>"), strings.HasPrefix(text, "<system-reminder>"):
	default:
		l.Prompt = text
	}
}

func (l *Line) assistant(m *members) {
	l.Said = true
	l.Message, l.StopReason = m.message.Get("id").Str, m.message.Get("stop_reason").Str
	if model := m.message.Get("model").Str; model != "<synthetic>" {
		l.Model = model
	}
	usage := m.message.Get("usage")
	l.Usage = claude.Usage{InputTokens: count(usage, "input_tokens"), OutputTokens: count(usage, "output_tokens"),
		CacheCreationInputTokens: count(usage, "cache_creation_input_tokens"), CacheReadInputTokens: count(usage, "cache_read_input_tokens")}
	l.Text = textOf(m.message.Get("content"))
	if m.isAPIError {
		l.APIError = cmp.Or(l.Text, "an error of the API")
	}
}

func (l *Line) system(m *members) {
	switch l.Subtype {
	case "turn_duration":
		l.DurationMS = max(0, m.durationMS.Int())
	case "local_command":
		l.CommandAt = commandDone
		if text := m.content.Str; strings.HasPrefix(text, "<command-name>") {
			l.CommandAt, l.Command = commandRun, commandLine(text)
		}
	}
}

// note reads the lines that are no step of the conversation.
func (l *Line) note(m *members) {
	switch l.Type {
	case "custom-title":
		l.Title, l.TitleRank = m.title.Str, rankGiven
	case "ai-title":
		l.Title, l.TitleRank = m.title.Str, rankWritten
	case "summary":
		l.Title, l.TitleRank, l.TitleLeaf = m.title.Str, rankSummary, m.leaf.Str
	case "permission-mode":
		l.Mode = m.permissionMode
	case "cost-state":
		l.Totals = totals(m)
	}
}

// totals reads a cost-state: what all models and subagents have used.
func totals(m *members) *claude.Totals {
	t := &claude.Totals{CostUSD: max(0, m.cost.Num)}
	m.modelUsage.ForEach(func(_, u gjson.Result) bool {
		t.InputTokens += count(u, "inputTokens")
		t.OutputTokens += count(u, "outputTokens")
		t.CacheCreationInputTokens += count(u, "cacheCreationInputTokens")
		t.CacheReadInputTokens += count(u, "cacheReadInputTokens")
		return true
	})
	return t
}

// count reads a number of tokens: never less than none.
func count(object gjson.Result, name string) int64 { return max(0, object.Get(name).Int()) }

// textOf is the text of a message's content: a string, or its text blocks.
func textOf(content gjson.Result) string {
	if content.Type == gjson.String {
		return content.Str
	}
	var texts []string
	content.ForEach(func(_, block gjson.Result) bool {
		if block.Get("type").Str == "text" {
			texts = append(texts, block.Get("text").Str)
		}
		return true
	})
	return strings.Join(texts, "\n")
}

// commandLine is how the user typed a command that a line tells of.
func commandLine(text string) string {
	name, args := between(text, "<command-name>", "</command-name>"), between(text, "<command-args>", "</command-args>")
	return strings.TrimSpace(name + " " + args)
}

func between(text, begin, end string) string {
	_, rest, _ := strings.Cut(text, begin)
	inner, _, ok := strings.Cut(rest, end)
	if !ok {
		return ""
	}
	return strings.TrimSpace(inner)
}

// parseTime reads a timestamp. One that no calendar has, or that cannot be stored,
// is none.
func parseTime(text string) api.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return api.Time{}
	}
	return api.At(t)
}
