package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/dustin/go-humanize"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// wide is from how many columns on list and conversation stand side by side.
const wide = 110

// layout is how wide the panes are; 0: not on the screen.
type layout struct{ list, talk int }

func (m *model) layout() layout {
	switch {
	case m.width >= wide:
		list := min(max(m.width/3, 38), 84)
		return layout{list, m.width - list - 1}
	case m.focus == focusList:
		return layout{m.width, 0}
	}
	return layout{0, m.width}
}

// View is bubbletea's: it draws everything.
func (m *model) View() tea.View {
	status, cursor := m.statusLines()
	height := max(m.height-len(status), 1)
	var lines []string
	if m.dialog != nil && m.dialog.whole() {
		lines, cursor = m.dialog.view(m, m.width, height)
	} else {
		var at *tea.Cursor
		if lines, at = m.panes(height); at != nil && cursor == nil && m.dialog == nil {
			cursor = at
		} else if cursor != nil {
			cursor.Y += height
		}
	}
	all := append(box(lines, m.width, height), status...)
	all = all[max(0, len(all)-m.height):]
	v := tea.NewView(strings.Join(all, "\n"))
	v.AltScreen = true
	v.Cursor = cursor
	if m.Mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

// panes draws list and conversation, as far as there is room for them.
func (m *model) panes(height int) ([]string, *tea.Cursor) {
	l := m.layout()
	if l.talk == 0 {
		return m.list.view(m, l.list, height), nil
	}
	right, cursor := m.talkView(l.talk, height)
	if l.list == 0 {
		return right, cursor
	}
	left, right := box(m.list.view(m, l.list, height), l.list, height), box(right, l.talk, height)
	rule := m.th.dim.Render("│")
	for i := range left {
		left[i] += rule + right[i]
	}
	if cursor != nil {
		cursor.X += l.list + 1
	}
	return left, cursor
}

// size tells a conversation how much room it has.
func (m *model) size(t *talk) {
	l := m.layout()
	if t.width = l.talk - 2; l.talk == 0 {
		t.width = m.width - 2
	}
	t.width = max(t.width, 8)
	if t.height == 0 {
		t.height = max(m.height-6, 3)
	}
}

// talkView draws the conversation, what is asked, what waits, and the prompt.
func (m *model) talkView(width, height int) ([]string, *tea.Cursor) {
	t, s := m.current, m.list.current()
	if t == nil || s == nil {
		return []string{"", m.th.dim.Render("  " + m.emptyList())}, nil
	}
	m.size(t)
	prompt, cursor := m.promptView(s, width, max(1, min(8, height/4)))
	queue := m.queueView(t, width, min(4, height/6))
	left := height - 2 - 1 - len(prompt) - len(queue) - 3
	question := m.questionView(t, width-1, min(left, height*2/3))
	if len(question) > 0 {
		question = append([]string{m.th.dim.Render(strings.Repeat("─", width))}, marked(" ", question)...)
	}
	t.height = max(height-3-len(prompt)-len(queue)-len(question), 1)
	lines := append(m.header(t, s, width), box(m.talkBody(t), width, t.height)...)
	lines = append(lines, question...)
	lines = append(lines, queue...)
	lines = append(lines, m.th.dim.Render(strings.Repeat("─", width)))
	if cursor != nil {
		cursor.Y += len(lines)
	}
	return append(lines, prompt...), cursor
}

// talkBody is the conversation itself, or why there is none.
func (m *model) talkBody(t *talk) []string {
	switch {
	case t.count() > 0:
		return t.view(m.focus == focusTalk)
	case t.err != nil:
		return marked("  ", styled(m.th.bad, wrap(plain.Clean(t.err.Error()), t.width)))
	case !t.ready:
		return []string{"", m.th.dim.Render("  reading…")}
	}
	return []string{"", m.th.dim.Render("  nothing has been said yet")}
}

// header says which session this is.
func (m *model) header(t *talk, s *api.Session, width int) []string {
	mark, st := m.th.status(s)
	state := plain.Status(*s)
	if text := plain.Retry(s.APIRetry); text != "" {
		state = "API: " + text
	} else if s.ErrorMessage != "" {
		state += ": " + plain.Line(s.ErrorMessage)
	}
	name := fit(nameOf(s), max(width-ansi.StringWidth(state)-5, width/3)) // what it does comes before all of its name
	head := " " + st.Render(mark) + " " + m.th.bold.Render(name) + "  " + st.Render(state)
	right := ""
	switch {
	case !t.follow && t.unseen > 0:
		right = fit("↓ "+plural(t.unseen, "new block")+", G goes there ", width/2)
	case t.loading && t.ready:
		right = fit("reading what was before… ", width/2)
	case s.WorkingDir != "": // yields to what the session does; its end says most
		right = fitEnd(m.home(plain.Line(s.WorkingDir))+" ", width-ansi.StringWidth(head)-1)
	}
	return []string{spread(head, m.th.dim.Render(right), width), m.th.dim.Render(strings.Repeat("─", width))}
}

// promptView draws the prompt line.
func (m *model) promptView(s *api.Session, width, lines int) ([]string, *tea.Cursor) {
	focused := m.focus == focusPrompt
	m.prompt.MaxHeight = lines
	mark := m.th.dim.Render(" › ")
	if focused {
		mark = m.th.accent.Bold(true).Render(" › ")
		m.prompt.Focus()
	}
	if m.prompt.Value() == "" {
		hint := "i writes to it"
		switch {
		case s.Status.Final():
			hint += "; a new session continues it"
		case s.Status == api.StatusRunning:
			hint += "; what you send waits for its turn"
		}
		if focused {
			hint = map[bool]string{true: "enter continues it as a new session, esc leaves", false: "enter sends, alt+enter is a new line, esc leaves"}[s.Status.Final()]
		}
		line := fit(mark+m.th.dim.Render(hint), width)
		if !focused {
			return []string{line}, nil
		}
		return []string{line}, tea.NewCursor(3, 0)
	}
	text, cursor := inputView(&m.prompt, width-4)
	if !focused {
		cursor = nil
	} else if cursor != nil {
		cursor.X += 3
	}
	return marked(mark, text), cursor
}

// statusLines draw the last line, or lines: how things are, or what went wrong.
func (m *model) statusLines() ([]string, *tea.Cursor) {
	if m.dialog != nil && !m.dialog.whole() {
		lines, cursor := m.dialog.view(m, m.width, 1)
		return lines, cursor
	}
	const keys = "  ? keys "
	left := " " + m.connection()
	if m.failed || ansi.StringWidth(left+m.notice+keys) > m.width && m.notice != "" {
		return m.noticeLines(), nil
	}
	if m.notice != "" {
		left += "  " + m.notice
	}
	right := keys
	if room := m.width - ansi.StringWidth(left+keys) - 2; room >= 12 {
		right = fit(m.figures(), room) + keys
	}
	return []string{m.th.bar.Render(spread(left, right, m.width))}, nil
}

// noticeLines show what was done, or what went wrong, where it needs more than a part
// of the last line.
func (m *model) noticeLines() []string {
	lines := wrap(m.notice, m.width-2)
	if most := max(1, m.height/4); len(lines) > most {
		lines = append(lines[:most-1], "…")
	}
	for i, line := range lines {
		if m.failed {
			line = m.th.bad.Render(line)
		}
		lines[i] = fill(" "+line, m.width)
	}
	return lines
}

// connection says whether the daemon is there, and how much needs a person.
func (m *model) connection() string {
	asks := ""
	if n := m.list.pending(); n > 0 {
		asks = "  " + plural(n, "question")
	}
	switch {
	case m.lost && m.Start != nil:
		return "◌ reconnecting… (ctrl+r starts the daemon)" + asks
	case m.lost:
		return "◌ reconnecting…" + asks
	case m.stopped != nil:
		return "✗ not following (ctrl+r tries again)" + asks
	case !m.loaded:
		return "◌ reading the sessions…"
	}
	return "● connected" + asks
}

// figures are cost, tokens, mode and model of the current session.
func (m *model) figures() string {
	s := m.list.current()
	if s == nil {
		return ""
	}
	var parts []string
	tokensText := ""
	if in, out := s.InputTokens+s.CacheCreationInputTokens+s.CacheReadInputTokens, s.OutputTokens; in+out > 0 {
		tokensText = fmt.Sprintf("%s in %s out", tokens(in), tokens(out))
	}
	for _, part := range []string{plain.Cost(s.CostUSD), tokensText, plain.Line(s.PermissionMode), plain.Line(s.Model)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}

// tokens is a number of tokens, in few letters.
func tokens(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	v, unit := humanize.ComputeSI(float64(n))
	return humanize.FtoaWithDigits(v, 1) + unit
}

// emptyList says why nothing is listed.
func (m *model) emptyList() string {
	switch {
	case !m.loaded && m.failed:
		return "the sessions could not be read; ctrl+r tries again"
	case !m.loaded:
		return "reading…"
	case m.list.text != "" || m.list.filter != filterAll:
		return "no session is like that; esc shows all"
	}
	return "there is no session yet; N launches one"
}

// help shows all keys.
func (m *model) help() dialog {
	return &pager{title: "all keys", lines: func(width int) []string {
		column := 26
		var lines []string
		for i, p := range places {
			if i > 0 {
				lines = append(lines, "")
			}
			lines = append(lines, m.th.bold.Render(p.title))
			for _, b := range bindings {
				if b.place == p.place {
					lines = append(lines, marked(m.th.accent.Render(fill("  "+keysText(b.keys), column)), wrap(b.does, width-column))...)
				}
			}
			if p.place == onQuestion {
				lines = append(lines, m.th.accent.Render(fill("  1 … 9", column))+digitsDo)
			}
		}
		return lines
	}}
}
