package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// found lists what a search in all conversations has found, and goes there.
type found struct {
	query   string
	page    api.SearchConversationsResult // the last one that was read
	matches []api.SearchMatch
	at, top int
	reading bool
	err     error
}

// foundMsg is a page of what was found.
type foundMsg struct {
	by   *found
	page api.SearchConversationsResult
	err  error
}

// jumpMsg goes to an event of a session, which is there as it is now.
type jumpMsg struct {
	session api.Session
	seq     int64
	word    string // what was found in it
}

// searchAll asks what is to be looked for in all conversations.
func (m *model) searchAll(query string) {
	m.dialog = newLine("find in all conversations:", query, func(m *model, text string) {
		if text == "" {
			return
		}
		d := &found{query: text}
		m.dialog = d
		d.read(m)
	})
}

// read reads the next page.
func (d *found) read(m *model) {
	if d.reading || len(d.matches) > 0 && d.page.NextCursor == "" {
		return
	}
	d.reading = true
	daemon, p := m.daemon, api.SearchConversationsParams{Query: d.query, Limit: new(50), Cursor: d.page.NextCursor}
	m.work.do(func(ctx context.Context) tea.Msg {
		msg := foundMsg{by: d}
		for { // a page can be empty where the next is not
			msg.err = patiently(ctx, func() (err error) { msg.page, err = daemon.SearchConversations(ctx, p); return err })
			p.Cursor = msg.page.NextCursor
			if msg.err != nil || p.Cursor == "" || len(msg.page.Matches) > 0 {
				return msg
			}
		}
	})
}

func (d *found) took(msg foundMsg) {
	if d.reading, d.err = false, msg.err; d.err == nil {
		d.page, d.matches = msg.page, append(d.matches, msg.page.Matches...)
	}
}

func (d *found) whole() bool { return true }

func (d *found) take(m *model, msg tea.Msg) tea.Cmd {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return nil
	}
	screen := max(1, (m.height-3)/2)
	switch actionOf(k.String(), inFound) {
	case actUp:
		d.at--
	case actDown:
		d.at++
	case actPageUp:
		d.at -= screen
	case actPageDown:
		d.at += screen
	case actTop:
		d.at = 0
	case actBottom:
		d.at = len(d.matches)
	case actSearchAll:
		m.searchAll(d.query)
	case actCancel:
		m.dialog = nil
	case actOpen:
		d.open(m)
	}
	if d.at = max(0, min(d.at, len(d.matches)-1)); d.at >= len(d.matches)-screen && d.err == nil {
		d.read(m)
	}
	return nil
}

// open goes to where the chosen match is.
func (d *found) open(m *model) {
	if d.at >= len(d.matches) {
		return
	}
	daemon, match := m.daemon, d.matches[d.at]
	m.dialog = nil
	m.work.do(func(ctx context.Context) tea.Msg {
		var r api.SessionResult
		err := patiently(ctx, func() (err error) {
			r, err = daemon.GetSessionState(ctx, api.SessionParams{SessionID: match.SessionID})
			return err
		})
		if err != nil {
			return failedMsg{what: "go there", err: err}
		}
		return jumpMsg{r.Session, match.Seq, firstWord(&match)}
	})
}

// firstWord is the first that was looked for in what was found.
func firstWord(match *api.SearchMatch) string {
	text := []rune(match.Snippet)
	if len(match.Highlights) == 0 {
		return ""
	}
	h := match.Highlights[0]
	return string(text[min(max(h.Start, 0), len(text)):min(max(h.Start, h.End, 0), len(text))])
}

// jump shows a place in a conversation.
func (m *model) jump(msg jumpMsg) {
	m.list.put(msg.session)
	m.list.text, m.list.filter = "", filterAll
	if msg.session.Archived {
		m.list.filter = filterArchived
		m.readArchived()
	}
	m.list.selected = msg.session.ID
	t := m.open(msg.session.ID)
	t.goal, t.word, t.spot, t.toTop = msg.seq, msg.word, nil, false
	t.reach()
	m.focus = focusTalk
	m.wantEarlier(t)
}

// reach selects the event that is the goal, once it is loaded, and shows it where it
// was on the screen, else whole.
func (t *talk) reach() {
	if t.goal == 0 || !t.ready || t.after >= t.goal || len(t.blocks) == 0 {
		return
	}
	at := 0
	for i, b := range t.blocks {
		if b.Seq <= t.goal {
			at = i
		}
		if b.result != nil && b.result.Seq == t.goal {
			at = i
			break
		}
	}
	t.goal = 0
	switch spot := t.spot; {
	case spot == nil:
		t.unveil(at)
	case spot.follow:
		t.selected = at
	default:
		t.place(at, spot.row)
	}
}

// unveil shows a block from its beginning on, unfolded.
func (t *talk) unveil(at int) {
	if b := t.blocks[at]; b.foldable() {
		b.fold = foldOpen
		b.changed()
	}
	t.follow, t.selected, t.top, t.line = false, at, at, 0
	if lines := t.lines(at); len(lines) > t.height { // the word is to be on the screen, too
		i := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(ansi.Strip(line), t.word) })
		t.line = max(0, i-t.height/3)
	}
	t.settle()
	t.selected = at
}

func (d *found) view(m *model, width, height int) ([]string, *tea.Cursor) {
	d.top = max(min(d.top, d.at), d.at-(height-2)/3+1, 0)
	lines := []string{spread(m.th.bold.Render(" found: "+plain.Line(d.query)), m.th.dim.Render(d.summary()+" "), width)}
	switch {
	case d.err != nil:
		text := d.err.Error()
		if e, ok := d.err.(*api.Error); ok { //nolint:errorlint // what the daemon says is not wrapped
			if hint, ok := e.Data["hint"].(string); ok {
				text += " — " + hint
			}
		}
		lines = append(lines, marked(" ", styled(m.th.bad, wrap(plain.Clean(text), width-2)))...)
	case len(d.matches) == 0 && d.reading:
		lines = append(lines, m.th.dim.Render(" looking…"))
	case len(d.matches) == 0:
		lines = append(lines, m.th.dim.Render(" nothing was said like that"))
	}
	for i := d.top; i < len(d.matches) && len(lines) < height-1; i++ {
		lines = append(lines, d.row(m, i, width)...)
	}
	lines = box(lines, width, height-1)
	return append(lines, fill(m.th.dim.Render(" enter goes there, S looks for something else, esc leaves"), width)), nil
}

// summary is how much was found.
func (d *found) summary() string {
	switch n := len(d.matches); {
	case n == 0:
		return ""
	case d.page.Partial:
		return fmt.Sprintf("%d of more than %d", d.at+1, max(d.page.Total, n))
	default:
		return fmt.Sprintf("%d of %d", d.at+1, max(d.page.Total, n))
	}
}

// row shows a match: where it is, and the part of it that was looked for.
func (d *found) row(m *model, i, width int) []string {
	match := &d.matches[i]
	left, st := "  ", m.th.text
	if i == d.at {
		left, st = m.th.accent.Render("▌ "), m.th.selected
	}
	who := plain.Word(match.Role)
	if match.ToolName != "" {
		who = plain.Line(match.ToolName)
	}
	head := left + st.Render(fit(plain.Line(match.Title), width/2)) + "  " + m.th.dim.Render(who)
	right := fitEnd(m.home(plain.Line(match.WorkingDir)), width/3) + " " + padLeft(m.age(match.CreatedAt), 4) + " "
	return []string{spread(head, m.th.dim.Render(right), width), fit("    "+m.snippet(match), width), ""}
}

// snippet marks what was looked for, also where there are no colours.
func (m *model) snippet(match *api.SearchMatch) string {
	var b strings.Builder
	text, at := []rune(match.Snippet), 0
	for _, h := range match.Highlights {
		if h.Start < at || h.End < h.Start || h.End > len(text) {
			break
		}
		part := plain.Clean(string(text[h.Start:h.End]))
		b.WriteString(m.th.dim.Render(flat(string(text[at:h.Start]))))
		b.WriteString(m.th.bold.Underline(true).Render(part))
		at = h.End
	}
	b.WriteString(m.th.dim.Render(flat(string(text[at:]))))
	return b.String()
}

// flat makes text harmless, on one line, and keeps the blanks at its ends.
func flat(s string) string { return strings.NewReplacer("\n", " ", "\t", " ").Replace(plain.Clean(s)) }
