package tui

import (
	"strings"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"
)

// field is one thing that a form asks for.
type field struct {
	label string
	hint  string
	in    textarea.Model
	lines int
	json  bool // for editors
}

// form asks for several things at once. What it was filled in with stays until
// accept says that it was taken.
type form struct {
	title  string
	fields []field
	at     int
	fault  string
	accept func(m *model, values []string) error
}

func newForm(title string, accept func(*model, []string) error, fields ...field) *form {
	for i := range fields {
		value := fields[i].in.Value()
		fields[i].in = newInput(value, fields[i].lines)
		if i > 0 {
			fields[i].in.Blur()
		}
	}
	return &form{title: title, fields: fields, accept: accept}
}

// ask makes a field.
func ask(label, hint, value string, lines int) field {
	return field{label: label, hint: hint, in: newInput(value, lines), lines: lines}
}

func (d *form) whole() bool { return true }

func (d *form) take(m *model, msg tea.Msg) tea.Cmd {
	f := &d.fields[d.at]
	if k, ok := msg.(tea.KeyPressMsg); ok {
		act := actionOf(k.String(), inForm)
		if k.String() == "enter" {
			if act = actNextField; f.lines > 1 {
				act = actNewline
			} else if d.at == len(d.fields)-1 {
				act = actAccept
			}
		}
		switch act {
		case actNextField:
			d.move(1)
			return nil
		case actPreviousField:
			d.move(-1)
			return nil
		case actCancel:
			m.dialog = nil
			return nil
		case actAccept:
			d.done(m)
			return nil
		case actEditor:
			d.edit(m, f)
			return nil
		case actNewline:
			f.in.InsertRune('\n')
			return nil
		}
	}
	return typed(&f.in, msg)
}

// edit edits a field in the person's editor.
func (d *form) edit(m *model, f *field) {
	if f.lines == 1 {
		d.fault = "the editor is for fields of several lines"
		return
	}
	ending := ".md"
	if f.json {
		ending = ".json"
	}
	m.edit(edit{f.in.Value(), ending, func(_ *model, text string) { setInput(&f.in, text) }})
}

func (d *form) move(n int) {
	d.fields[d.at].in.Blur()
	d.at = (d.at + n + len(d.fields)) % len(d.fields)
	d.fields[d.at].in.Focus()
}

// done has the form accepted; what is wrong with it is shown, and it stays.
func (d *form) done(m *model) {
	values := make([]string, len(d.fields))
	for i := range d.fields {
		values[i] = strings.TrimSpace(d.fields[i].in.Value())
	}
	d.fault = ""
	if err := d.accept(m, values); err != nil {
		d.fault = err.Error()
	} else if m.dialog == d {
		m.dialog = nil
	}
}

func (d *form) view(m *model, width, height int) (out []string, cursor *tea.Cursor) {
	lines := []string{m.th.bold.Render(" " + d.title), ""}
	column := 0
	for i := range d.fields {
		column = max(column, len(d.fields[i].label)+2)
	}
	if len(d.fields) == 1 {
		column = 0
	}
	for i := range d.fields {
		f := &d.fields[i]
		if f.lines > 1 {
			f.in.MaxHeight = max(2, min(f.lines, height-6-len(d.fields)))
		}
		text, at := inputView(&f.in, width-column-3)
		label := m.th.dim.Render(fill(f.label, column))
		if column == 0 {
			label = ""
		}
		mark := "   "
		if i == d.at {
			mark = m.th.accent.Render(" ▌ ")
			if cursor = at; cursor != nil {
				cursor.X += column + 3
				cursor.Y += len(lines)
			}
		}
		if f.in.Value() == "" && f.hint != "" && f.lines == 1 {
			text = []string{m.th.dim.Render(fit(f.hint, width-column-4))}
		}
		lines = append(lines, marked(mark+label, text)...)
	}
	lines = append(lines, "")
	if d.fault != "" {
		lines = append(lines, styled(m.th.bad, marked(" ", wrap(d.fault, width-2)))...)
	}
	lines = append(lines, m.th.dim.Render(fit(" ctrl+s does it, tab goes on, ctrl+g opens your editor, esc leaves it", width)))
	return box(lines, width, height), cursor
}
