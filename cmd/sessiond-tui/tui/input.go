package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

// newInput makes a field of text that grows up to so many lines. Its cursor is
// the terminal's own.
func newInput(value string, lines int) textarea.Model {
	in := textarea.New()
	in.Prompt, in.ShowLineNumbers, in.CharLimit, in.MaxWidth = "", false, 0, 0
	in.EndOfBufferCharacter = ' '
	in.DynamicHeight, in.MinHeight, in.MaxHeight = true, 1, lines
	in.MaxContentHeight = 1 << 20
	in.KeyMap.InsertNewline = key.NewBinding(key.WithKeys("alt+enter", "shift+enter", "ctrl+j"))
	in.KeyMap.SelectAll.SetEnabled(false) // the terminal has its own
	in.KeyMap.CopySelection.SetEnabled(false)
	in.KeyMap.Paste.SetEnabled(false) // what is pasted comes as such
	if lines == 1 {
		in.KeyMap.InsertNewline.SetEnabled(false)
		in.MaxContentHeight = 0
	}
	plainStyle := textarea.StyleState{Placeholder: lipgloss.NewStyle().Faint(true)}
	in.SetStyles(textarea.Styles{Focused: plainStyle, Blurred: plainStyle})
	in.SetVirtualCursor(false)
	setInput(&in, value)
	in.Focus()
	return in
}

// setInput fills a field, with the cursor behind all.
func setInput(in *textarea.Model, value string) {
	in.SetValue(plain.Clean(value))
	in.MoveToEnd()
}

// typed has a field take a key or what is pasted.
func typed(in *textarea.Model, msg tea.Msg) tea.Cmd {
	if p, ok := msg.(tea.PasteMsg); ok {
		p.Content = plain.Clean(strings.ReplaceAll(p.Content, "\r", "\n"))
		if in.MaxHeight == 1 {
			p.Content = plain.Line(p.Content)
		}
		msg = p
	}
	next, cmd := in.Update(msg)
	*in = next
	return cmd
}

// inputView returns a field's lines, and its cursor in them.
func inputView(in *textarea.Model, width int) ([]string, *tea.Cursor) {
	in.SetWidth(max(width, 4))
	*in, _ = in.Update(nil) // its height follows its width
	lines := strings.Split(in.View(), "\n")
	return lines, in.Cursor()
}
