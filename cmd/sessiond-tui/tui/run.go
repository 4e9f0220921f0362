package tui

import (
	"context"
	"errors"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Theme says for which background colours are chosen.
type Theme string

// The themes. With ThemeAuto the terminal is asked, and where it does not say,
// the background is taken for dark.
const (
	ThemeAuto  Theme = "auto"
	ThemeDark  Theme = "dark"
	ThemeLight Theme = "light"
)

// Options are what the UI is started with.
type Options struct {
	Daemon  Daemon
	Session string                      // is shown first; "": the one that needs a person most
	Start   func(context.Context) error // starts a daemon; nil: that cannot be done
	Lost    <-chan struct{}             // has one whenever the connection of Events was lost

	Env     map[string]string // of sessions that are launched
	Environ []string          // says what the terminal can do
	Editor  string            // the command that edits a file
	Dir     string            // where new sessions run unless told otherwise
	Home    string            // is shown as ~

	Theme  Theme
	Colors bool
	Mouse  bool
	Now    func() time.Time
}

// Run shows the UI on a terminal until the person leaves it, or the context ends.
func Run(parent context.Context, o Options, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(parent)
	work := &worker{ctx: ctx}
	m := newModel(o, work)
	p := tea.NewProgram(m, tea.WithInput(in), tea.WithOutput(out), tea.WithEnvironment(o.Environ), tea.WithoutSignalHandler())
	work.send = p.Send
	work.do(func(ctx context.Context) tea.Msg {
		for {
			select {
			case <-o.Lost:
				p.Send(lostMsg{})
			case <-ctx.Done():
				p.Quit() // and not a context of its own, at whose end it would leave its reader behind
				return nil
			}
		}
	})
	_, err := p.Run()
	cancel()
	work.wait()
	return errors.Join(err, parent.Err())
}
