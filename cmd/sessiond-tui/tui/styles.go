package tui

import (
	"image/color"

	"charm.land/lipgloss/v2"

	"github.com/sessiond/sessiond/rpc/api"
)

// theme is how things look. Nothing is told by colour alone: without colours
// marks and words say the same.
type theme struct {
	dark   bool
	colors bool

	text, bold, dim, accent, good, bad, warn lipgloss.Style
	code                                     lipgloss.Style
	added, removed                           lipgloss.Style
	selected                                 lipgloss.Style // the row or block that keys act on
	bar                                      lipgloss.Style // the status line
}

// newTheme makes the theme for a dark or a light background.
func newTheme(dark, colors bool) *theme {
	t := &theme{dark: dark, colors: colors}
	base := lipgloss.NewStyle()
	t.text, t.bold = base, base.Bold(true)
	t.dim, t.selected, t.bar = base.Faint(true), base.Bold(true), base.Reverse(true)
	t.accent, t.good, t.bad, t.warn = t.bold, base, t.bold, t.bold
	t.code, t.added, t.removed = base, base, base
	if !colors {
		return t
	}
	pick := lipgloss.LightDark(dark)
	c := func(light, dark string) color.Color { return pick(lipgloss.Color(light), lipgloss.Color(dark)) }
	t.dim = base.Foreground(c("#6b6f76", "#8a8f98"))
	t.accent = base.Foreground(c("#0550ae", "#79b8ff"))
	t.good = base.Foreground(c("#116329", "#7ee787"))
	t.bad = base.Foreground(c("#b31d28", "#ff8a80"))
	t.warn = base.Foreground(c("#8a4600", "#f2cc60"))
	t.code = base.Foreground(c("#7d3c98", "#d2a8ff"))
	t.added = base.Foreground(c("#116329", "#7ee787")).Background(c("#e6ffec", "#12261e"))
	t.removed = base.Foreground(c("#b31d28", "#ff8a80")).Background(c("#ffebe9", "#2d1517"))
	t.selected = base.Bold(true).Background(c("#dfe7f3", "#2b3442"))
	t.bar = base.Foreground(c("#24292f", "#d0d7de")).Background(c("#e4e8ee", "#20262e"))
	return t
}

// status returns the mark of a session's status, and how it looks.
func (t *theme) status(s *api.Session) (mark string, st lipgloss.Style) {
	switch s.Status {
	case api.StatusQueued:
		return "…", t.dim
	case api.StatusStarting:
		return "◌", t.accent
	case api.StatusRunning:
		return "●", t.accent
	case api.StatusWaitingInput:
		if s.WaitingFor == api.WaitingForApproval {
			return "?", t.warn.Bold(true)
		}
		return "›", t.good
	case api.StatusInterrupting:
		return "◼", t.warn
	case api.StatusCompleted:
		return "✓", t.dim
	case api.StatusFailed:
		return "✗", t.bad
	case api.StatusInterrupted:
		return "■", t.dim
	}
	return " ", t.dim
}
