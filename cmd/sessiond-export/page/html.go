package page

import (
	"bufio"
	"crypto/sha256"
	_ "embed" // the style
	"encoding/base64"
	"html/template"
	"slices"
	"strings"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

//go:embed page.css
var style string

//go:embed page.gohtml
var templates string

// parts are the pieces of a page. html/template puts every text in its place as
// what it is there: text, or the value of an attribute.
var parts = template.Must(template.New("page").Parse(templates))

const (
	maxImage   = 2 << 20 // bytes of an image that is shown without --full
	maxPrompts = 500     // are listed
	maxListed  = 100     // columns of each
)

// imageTypes are those that are shown: the ones that the Messages API takes.
var imageTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// policy has a browser load nothing and run nothing, and obey this one style.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; img-src data:; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// htmlPage writes a page in HTML.
type htmlPage struct {
	out *bufio.Writer
	o   Options

	about   api.Session
	prompts []listed
	more    int // prompts that are not listed
	turn    bool
	open    []*call // the subagents that are open
}

// listed is a prompt in the list at the end.
type listed struct {
	Seq  int64
	Text string
}

func newHTML(out *bufio.Writer, o Options) *htmlPage { return &htmlPage{out: out, o: o} }

// put writes one piece. The pieces are given what they ask for, and a writer
// that fails keeps its error: what else could go wrong is a bug.
func (h *htmlPage) put(name string, data any) {
	if err := parts.ExecuteTemplate(h.out, name, data); err != nil && h.out.Flush() == nil {
		panic(err)
	}
}

// fact is a name and a value.
type fact struct{ Name, Value string }

func (h *htmlPage) begin(b *export.Begin) {
	h.about = b.Session
	s := &b.Session
	facts := []fact{{"Session", plain.Line(s.ID)}, {"Continues", plain.Line(s.ParentSessionID)}, {"Directory", plain.Line(s.WorkingDir)},
		{"Model", plain.Line(s.Model)}, {"Permission mode", plain.Line(s.PermissionMode)}, {"Tags", plain.Line(strings.Join(s.Tags, ", "))},
		{"Began", clock(s.CreatedAt)}, {"Ended", clock(s.CompletedAt)}, {"Took", strings.Join(totals(s)[1:], " · ")}}
	facts = slices.DeleteFunc(facts, func(f fact) bool { return f.Value == "" })
	h.put("begin", map[string]any{"Title": title(s), "Policy": policy(), "Style": template.CSS(style), // #nosec G203 -- our own
		"Facts": facts, "Status": plain.Status(*s), "Class": plain.Word(s.Status)})
}

func (h *htmlPage) session(s *api.Session) {
	h.leave()
	h.put("session", map[string]any{"ID": plain.Line(s.ID), "About": strings.Join(append([]string{clock(s.CreatedAt)}, totals(s)...), " · ")})
}

// leave closes what is open.
func (h *htmlPage) leave() {
	h.within(nil)
	if h.turn {
		h.put("turn-end", nil)
		h.turn = false
	}
}

func (h *htmlPage) end() {
	h.leave()
	if len(h.prompts) < 2 {
		h.prompts = nil
	}
	h.put("end", map[string]any{"Prompts": h.prompts, "More": h.more, "Totals": strings.Join(totals(&h.about), " · "), "Error": tidy(h.about.ErrorMessage)})
}

// within opens and closes subagents, until those in path are open.
func (h *htmlPage) within(path []*call) {
	same := 0
	for same < len(path) && same < len(h.open) && path[same].id == h.open[same].id {
		same++
	}
	for range h.open[same:] {
		h.put("agent-end", nil)
	}
	for i := same; i < len(path); i++ {
		h.put("agent", subagent(path[i:i+1]))
	}
	h.open = slices.Clone(path)
}

func (h *htmlPage) item(it *item, path []*call) {
	if it.prompt() && it.MessageID != "" {
		h.leave()
		h.turn = true
		h.list(it)
		h.put("prompt", h.piece(it))
		return
	}
	h.within(path)
	switch it.EventType {
	case api.ConversationMessage:
		h.put("message", h.piece(it))
	case api.ConversationThinking:
		h.put("thinking", h.piece(it))
	case api.ConversationToolCall:
		h.put("call", h.callOf(it))
	case api.ConversationToolResult:
		h.put("late", map[string]any{"Name": plain.Line(it.ToolName), "Gist": textOf(it.ToolInput), "Result": h.resultOf(it), "Seq": it.Seq})
	case api.ConversationResult:
		h.put("result", map[string]any{"Seq": it.Seq, "Failed": it.failed(), "Took": strings.Join(it.turn.parts(), " · "), "Text": h.errorOf(it)})
	case api.ConversationSystem:
		h.put("system", map[string]any{"Seq": it.Seq, "Text": plain.Line(it.Content)})
	default:
		h.put("note", map[string]any{"Seq": it.Seq, "Text": h.o.excerpt(it.Content)})
	}
}

// list notes a prompt for the list.
func (h *htmlPage) list(it *item) {
	if len(h.prompts) == maxPrompts {
		h.more++
		return
	}
	h.prompts = append(h.prompts, listed{it.Seq, plain.Cut(plain.Line(beginning(it.Content, 4*maxListed)), maxListed)})
}

// piece is what somebody said.
type piece struct {
	Seq   int64
	Time  string
	User  bool
	Text  string        // as it is
	HTML  template.HTML // or as Markdown
	Files []picture
}

func (h *htmlPage) piece(it *item) piece {
	p := piece{Seq: it.Seq, Time: clock(it.CreatedAt), User: it.Role == "user", Files: h.pictures(it.files)}
	text := strings.Trim(plain.Clean(it.Content), "\n")
	if !p.User && legible(text) {
		p.HTML = rendered(text)
	}
	if p.HTML == "" {
		p.Text = text
	}
	return p
}

// picture is an image, or what stands in its place.
type picture struct {
	Source template.URL // data:
	Text   string
}

func (h *htmlPage) pictures(files []file) (all []picture) {
	for i := range files {
		f := &files[i]
		p := picture{Text: f.text()}
		data := strings.NewReplacer("\n", "", "\r", "").Replace(f.data)
		_, err := base64.StdEncoding.DecodeString(data)
		if data != "" && err == nil && slices.Contains(imageTypes, f.mediaType) {
			if h.o.Full || f.size() <= maxImage {
				p.Source = template.URL("data:" + f.mediaType + ";base64," + data) // #nosec G203 -- checked above
			} else {
				p.Text += "; the option --full shows it"
			}
		}
		all = append(all, p)
	}
	return all
}

// shown is a tool's call.
type shown struct {
	Seq            int64
	Name, Gist     string
	About          string // what a command is for, as Claude Code says
	Answer, Class  string // how it was answered
	Open           bool
	Mark           string
	Failed         bool
	Diff           []diffLine
	DiffNote       string
	DiffTail       []diffLine
	Command, Input *excerpt
	Result         *outcome
	Unfinished     bool
}

// outcome is a tool's result.
type outcome struct {
	Failed bool
	Text   excerpt
	Empty  bool
	Files  []picture
}

type diffLine struct{ Class, Text string }

// openDiff is up to how many lines of a diff are seen at first.
const openDiff = 30

func (h *htmlPage) callOf(it *item) shown {
	s := shown{Seq: it.Seq, Name: plain.Line(it.ToolName), Gist: plain.Cut(plain.Line(beginning(plain.Gist(it.ToolInput), 800)), 200), Answer: it.answer(), Class: plain.Word(it.asked()), Mark: "●"}
	if s.Gist == "{}" {
		s.Gist = ""
	}
	path, changes := plain.Changes(it.ToolInput)
	command, about, rest, isShell := shell(it.ToolInput)
	switch {
	case len(changes) > 0:
		e := h.o.excerpt(diffOf(changes))
		s.Gist, s.DiffNote = plain.Line(path), e.Note
		s.Diff, s.DiffTail = diffLines(e.Head), diffLines(e.Tail)
		s.Open = len(s.Diff) <= openDiff && e.Note == ""
	case isShell:
		s.Command, s.About = h.excerpt(command), plain.Line(about)
		if rest != nil {
			s.Input = h.excerpt(pretty(rest))
		}
	case len(it.ToolInput) > 0 && string(it.ToolInput) != "{}":
		s.Input = h.excerpt(pretty(it.ToolInput))
	}
	switch {
	case it.result != nil:
		s.Result = h.resultOf(it.result)
		if s.Failed = s.Result.Failed; s.Failed {
			s.Mark = "✗"
		}
		s.Open = s.Open || slices.ContainsFunc(s.Result.Files, func(p picture) bool { return p.Source != "" })
	case it.IsCompleted != nil && !*it.IsCompleted:
		s.Mark, s.Unfinished = "○", true
	}
	return s
}

func (h *htmlPage) excerpt(text string) *excerpt {
	e := h.o.excerpt(text)
	return &e
}

func (h *htmlPage) resultOf(it *item) *outcome {
	return &outcome{Failed: it.failed(), Text: h.o.excerpt(it.Content), Files: h.pictures(it.files),
		Empty: strings.TrimSpace(it.Content) == "" && len(it.files) == 0}
}

// errorOf is what the end of a turn says that failed; one that did not says
// again what was said.
func (h *htmlPage) errorOf(it *item) *excerpt {
	if !it.failed() || strings.TrimSpace(it.Content) == "" {
		return nil
	}
	return h.excerpt(it.Content)
}

func diffLines(text string) (lines []diffLine) {
	if text == "" {
		return nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		class := "same"
		switch {
		case strings.HasPrefix(line, "+"):
			class = "new"
		case strings.HasPrefix(line, "-"):
			class = "old"
		}
		lines = append(lines, diffLine{class, line})
	}
	return lines
}
