package tui

import (
	"strings"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

// dialog is something that has all keys until it is done: on the last line, or
// in the place of all panes.
type dialog interface {
	// take takes a key or what is pasted.
	take(m *model, msg tea.Msg) tea.Cmd
	// view returns its lines, and the cursor in them, if there is one.
	view(m *model, width, height int) ([]string, *tea.Cursor)
	// whole reports whether it takes the place of all panes.
	whole() bool
}

// confirm asks before something that cannot be undone.
type confirm struct {
	text string
	yes  func(*model)
}

func (d *confirm) whole() bool { return false }

func (d *confirm) take(m *model, msg tea.Msg) tea.Cmd {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return nil
	}
	m.dialog = nil
	if k.String() == "y" {
		d.yes(m)
	} else {
		m.say("nothing was done")
	}
	return nil
}

func (d *confirm) view(m *model, width, _ int) ([]string, *tea.Cursor) {
	lines := marked(" ", wrap(m.th.warn.Bold(true).Render(d.text)+"  y yes, any other key no", width-1)) // whatever the length of a title
	for i, line := range lines {
		lines[i] = fill(line, width)
	}
	return lines, nil
}

// line has one line typed.
type line struct {
	label  string
	in     textarea.Model
	accept func(m *model, text string)
	change func(m *model, text string) // while it is typed; may be nil
	cancel func(m *model)              // may be nil
}

func newLine(label, value string, accept func(*model, string)) *line {
	return &line{label: label, in: newInput(value, 1), accept: accept}
}

func (d *line) whole() bool { return false }

func (d *line) take(m *model, msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "enter":
			m.dialog = nil
			d.accept(m, strings.TrimSpace(d.in.Value()))
			return nil
		case "esc", "ctrl+c":
			m.dialog = nil
			if d.cancel != nil {
				d.cancel(m)
			}
			return nil
		}
	}
	cmd := typed(&d.in, msg)
	if d.change != nil {
		d.change(m, d.in.Value())
	}
	return cmd
}

func (d *line) view(m *model, width, _ int) ([]string, *tea.Cursor) {
	label := " " + d.label + " "
	lines, cursor := inputView(&d.in, width-len(label)-1)
	if cursor != nil {
		cursor.X += len([]rune(label))
		cursor.Y = 0
	}
	return []string{fill(m.th.accent.Bold(true).Render(label)+lines[0], width)}, cursor
}

// choice is something that can be picked.
type choice struct{ value, does string }

// pick has one of several things chosen.
type pick struct {
	title   string
	choices []choice
	at      int
	accept  func(m *model, value string)
	free    string // the label for something else, if that may be typed
}

func (d *pick) whole() bool { return true }

func (d *pick) take(m *model, msg tea.Msg) tea.Cmd {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return nil
	}
	n := len(d.choices)
	switch name := k.String(); name {
	case "j", "down", "tab":
		d.at = (d.at + 1) % n
	case "k", "up", "shift+tab":
		d.at = (d.at + n - 1) % n
	case "esc", "ctrl+c", "q":
		m.dialog = nil
	case "enter":
		d.done(m)
	default:
		if i := int(name[0]) - '1'; len(name) == 1 && i >= 0 && i < n {
			d.at = i
			d.done(m)
		}
	}
	return nil
}

func (d *pick) done(m *model) {
	m.dialog = nil
	if d.free != "" && d.at == len(d.choices)-1 {
		m.dialog = newLine(d.free, "", d.accept)
		return
	}
	d.accept(m, d.choices[d.at].value)
}

func (d *pick) view(m *model, width, height int) ([]string, *tea.Cursor) {
	lines := []string{m.th.bold.Render(" " + d.title), ""}
	for i, c := range d.choices {
		mark, st := "   ", m.th.text
		if i == d.at {
			mark, st = m.th.accent.Render(" ▌ "), m.th.selected
		}
		text := mark + m.th.dim.Render(string(rune('1'+i))) + " " + st.Render(plain.Line(c.value))
		if c.does != "" {
			text += "  " + m.th.dim.Render(plain.Line(c.does))
		}
		lines = append(lines, text)
	}
	lines = append(lines, "", m.th.dim.Render(" enter or its number chooses, esc leaves it"))
	return box(lines, width, height), nil
}

// pager shows lines, more than there is room for.
type pager struct {
	title string
	lines func(width int) []string
	top   int

	drawn []string // the lines, for that width
	width int
}

func (d *pager) whole() bool { return true }

func (d *pager) take(m *model, msg tea.Msg) tea.Cmd {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return nil
	}
	page := max(m.height-3, 1)
	switch k.String() {
	case "j", "down":
		d.top++
	case "k", "up":
		d.top--
	case "pgdown", "space", "ctrl+d":
		d.top += page
	case "pgup", "ctrl+u":
		d.top -= page
	case "g", "home":
		d.top = 0
	case "G", "end":
		d.top = 1 << 30
	default:
		m.dialog = nil
	}
	return nil
}

func (d *pager) view(m *model, width, height int) ([]string, *tea.Cursor) {
	if d.drawn == nil || d.width != width {
		d.drawn, d.width = d.lines(width-2), width
	}
	lines, room := d.drawn, height-1
	d.top = max(0, min(d.top, len(lines)-room))
	end := min(len(lines), d.top+room)
	where := ""
	if len(lines) > room {
		where = plural(len(lines), "line") + ", j k pgdn pgup; "
	}
	out := []string{spread(m.th.bold.Render(" "+d.title), m.th.dim.Render(where+"any other key leaves "), width)}
	return box(append(out, marked(" ", lines[d.top:end])...), width, height), nil
}
