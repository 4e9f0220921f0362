package transcript

import (
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
)

// State is what the lines of a conversation come to, so far. It can be kept as
// JSON, and goes on from there. The zero State has seen no line.
type State struct {
	Lines int64    `json:"lines,omitempty"`
	First api.Time `json:"first,omitzero"` // the earliest time of a line
	Last  api.Time `json:"last,omitzero"`  // the latest

	Said  bool   `json:"said,omitempty"`  // something was said: there is a conversation
	Known bool   `json:"known,omitempty"` // there is a line that names a conversation, as those of transcripts do
	Query string `json:"query,omitempty"` // the first prompt, else the first command
	// Prompted: there was a prompt, and it is the query.
	Prompted bool `json:"prompted,omitempty"`

	Title     string    `json:"title,omitempty"`
	TitleRank int       `json:"title_rank,omitempty"`
	Summaries []summary `json:"summaries,omitempty"` // whose conversation is not known yet

	Dir   string `json:"dir,omitempty"`   // where it began
	Model string `json:"model,omitempty"` // the last one
	Mode  string `json:"mode,omitempty"`  // the last permission mode

	// Origin is the conversation that this one was copied from, where lines say so;
	// Root is the first line, which a copy has in common with it; Copy tells that it
	// was there before the file was begun.
	Origin string   `json:"origin,omitempty"`
	Root   string   `json:"root,omitempty"`
	Copy   bool     `json:"copy,omitempty"`
	Begun  api.Time `json:"begun,omitzero"` // the first time in the file

	Open        bool   `json:"open,omitempty"`        // a turn has begun and not ended
	Interrupted bool   `json:"interrupted,omitempty"` // the last turn was
	Error       string `json:"error,omitempty"`       // that the last turn ended with

	// Turned tells that the lines taken were of turns, and Answer what the last one
	// ended with. They are for whoever has just taken them in.
	Turned bool   `json:"-"`
	Answer string `json:"-"`

	Turns      int            `json:"turns,omitempty"`
	DurationMS int64          `json:"duration_ms,omitempty"`
	Usage      claude.Usage   `json:"usage"`
	Recent     []messageUsage `json:"recent,omitempty"` // of messages whose lines may go on
	Totals     *claude.Totals `json:"totals,omitempty"` // as the conversation itself says
	// Before is what the conversation had used when the first of the lines was
	// written. Whoever begins in its midst sets it; nil: they are all of it.
	Before *claude.Totals `json:"before,omitempty"`

	last string // uuid of the last line
}

type summary struct {
	Leaf string `json:"leaf"`
	Text string `json:"text"`
}

// messageUsage is what a message has used: each of its lines says it again.
type messageUsage struct {
	ID    string       `json:"id"`
	Usage claude.Usage `json:"usage"`
}

const (
	keptSummaries = 16
	keptMessages  = 32
	maxName       = 4096    // bytes
	maxTitle      = 200     // bytes
	maxQuery      = 1 << 20 // bytes
)

// Take takes in the next line. agent tells that it is a subagent's.
func (s *State) Take(l *Line, agent bool) {
	s.Lines++
	s.Known = s.Known || l.Named
	s.times(l.Time)
	if l.Copied == "" {
		s.use(l)
	}
	if agent {
		return
	}
	s.Said = s.Said || l.Said && !l.Synthetic
	keep(&s.Dir, l.Dir, s.Dir == "" && filepath.IsAbs(l.Dir))
	keep(&s.Model, l.Model, l.Model != "")
	keep(&s.Mode, l.Mode, l.Mode != "")
	keep(&s.Origin, l.Copied, l.Copied != "") // the last: what was copied may be a copy
	if s.Begun.IsZero() {
		s.Begun = l.Time
	}
	if s.Root == "" && l.Said && l.UUID != "" {
		keep(&s.Root, l.UUID, true)
		s.Copy = !l.Time.IsZero() && l.Time.Before(s.Begun.Time)
	}
	s.query(l)
	s.title(l)
	s.turn(l)
	if l.Totals != nil {
		s.Totals = l.Totals
	}
	s.DurationMS += l.DurationMS
	if l.UUID != "" {
		s.last = strings.Clone(l.UUID)
	}
}

// keep sets a text that outlives its line, if it can be a name of something.
func keep(field *string, value string, when bool) {
	if when && *field != value && len(value) <= maxName && utf8.ValidString(value) && !strings.ContainsRune(value, 0) {
		*field = strings.Clone(value)
	}
}

func (s *State) times(t api.Time) {
	if t.IsZero() {
		return
	}
	if s.First.IsZero() || t.Before(s.First.Time) {
		s.First = t
	}
	if t.After(s.Last.Time) {
		s.Last = t
	}
}

func (s *State) query(l *Line) {
	switch {
	case s.Prompted:
	case l.Prompt != "":
		s.Query, s.Prompted = shorten(l.Prompt, maxQuery), true
	case s.Query == "" && l.Command != "":
		s.Query = shorten(l.Command, maxQuery)
	}
}

// title takes in what the conversation is called. A summary may be of another
// conversation: it names the line that it is about.
func (s *State) title(l *Line) {
	if l.TitleLeaf != "" && l.TitleLeaf != s.last {
		s.Summaries = append(s.Summaries, summary{strings.Clone(l.TitleLeaf), shorten(l.Title, maxTitle)})
		s.Summaries = s.Summaries[max(0, len(s.Summaries)-keptSummaries):]
		return
	}
	s.call(l.Title, l.TitleRank)
	if l.UUID == "" || len(s.Summaries) == 0 {
		return
	}
	if i := slices.IndexFunc(s.Summaries, func(k summary) bool { return k.Leaf == l.UUID }); i >= 0 {
		s.call(s.Summaries[i].Text, rankSummary)
		s.Summaries = slices.Delete(s.Summaries, i, i+1)
	}
}

func (s *State) call(title string, rank int) {
	title = strings.TrimSpace(shorten(title, maxTitle))
	if title != "" && rank >= s.TitleRank {
		s.Title, s.TitleRank = title, rank
	}
}

// shorten cuts a text, never within a character. It marks bytes that are no UTF-8,
// and shares no memory with the text.
func shorten(text string, most int) string {
	if len(text) > most {
		for most > 0 && text[most]&0xc0 == 0x80 {
			most--
		}
		text = text[:most]
	}
	return strings.Clone(strings.ToValidUTF8(text, "\uFFFD"))
}

// turn follows the turns. A turn ends with an answer after which nothing is to be
// done, with an error of the API, or with the user's interrupt.
func (s *State) turn(l *Line) {
	s.Turned = s.Turned || l.Said
	switch {
	case l.Interrupt:
		s.close()
		s.Interrupted = true
	case l.APIError != "":
		s.close()
		s.Error = shorten(l.APIError, maxQuery)
	case l.Type == "assistant" && l.goesOn():
		s.open()
	case l.Type == "assistant":
		s.close()
		s.Answer = strings.ToValidUTF8(l.Text, "\uFFFD")
	case l.CommandAt == commandDone, l.Subtype == "turn_duration":
		s.Open = false
	case l.Type == "user" && !l.Synthetic:
		s.open()
	}
}

// goesOn reports whether an assistant's line is not the last one of its turn.
func (l *Line) goesOn() bool {
	return l.StopReason == "" || l.StopReason == "tool_use" || l.StopReason == "pause_turn"
}

func (s *State) open() { s.Open, s.Interrupted, s.Error, s.Answer = true, false, "", "" }

func (s *State) close() {
	if s.Open {
		s.Turns++
	}
	s.Open, s.Interrupted, s.Error, s.Answer = false, false, "", ""
}

// use counts the tokens of a message once, however many lines it has.
func (s *State) use(l *Line) {
	if l.Type != "assistant" || l.Message == "" {
		return
	}
	i := slices.IndexFunc(s.Recent, func(m messageUsage) bool { return m.ID == l.Message })
	if i < 0 {
		s.Recent = append(s.Recent, messageUsage{ID: strings.Clone(l.Message)})
		s.Recent = slices.Clone(s.Recent[max(0, len(s.Recent)-keptMessages):])
		i = len(s.Recent) - 1
	}
	u, was := &s.Usage, s.Recent[i].Usage
	u.InputTokens += l.Usage.InputTokens - was.InputTokens
	u.OutputTokens += l.Usage.OutputTokens - was.OutputTokens
	u.CacheCreationInputTokens += l.Usage.CacheCreationInputTokens - was.CacheCreationInputTokens
	u.CacheReadInputTokens += l.Usage.CacheReadInputTokens - was.CacheReadInputTokens
	s.Recent[i].Usage = l.Usage
}

// Status is how the conversation stands where its lines end: interrupted if the
// last turn was, or has no end; failed if it ended with an error of the API; else
// completed.
func (s *State) Status() api.Status {
	switch {
	case s.Interrupted, s.Open:
		return api.StatusInterrupted
	case s.Error != "":
		return api.StatusFailed
	}
	return api.StatusCompleted
}
