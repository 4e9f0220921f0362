package tui

import (
	"context"
	"errors"
	"io"
	"sync"
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

// stage is where messages go: the bubbletea program that has the terminal. There is
// one after another, for each ends where an editor gets the terminal: bubbletea's own
// way, tea.Exec, can leave a screen dark behind an editor that ends at once
// (bubbletea's issue 1778).
type stage struct {
	program *tea.Program
	between sync.RWMutex // is held for writing while no program is there
	leaving sync.WaitGroup
}

// send hands a message to the program; between two of them, it waits for the next.
func (s *stage) send(msg tea.Msg) {
	s.between.RLock()
	defer s.between.RUnlock()
	s.program.Send(msg)
}

// leave has the program end once it has taken all that was being sent. It returns at once.
func (s *stage) leave() {
	s.leaving.Go(func() {
		s.between.Lock()
		s.program.Quit()
	})
}

// enter is for the next program, behind the end of the one that was told to leave.
func (s *stage) enter(next *tea.Program) {
	s.program = next
	s.between.Unlock()
}

// Run shows the UI on a terminal until the person leaves it, or the context ends.
// An editor that is open then is waited for.
func Run(parent context.Context, o Options, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(parent)
	work := &worker{ctx: ctx}
	m := newModel(o, work)
	program := func() *tea.Program {
		return tea.NewProgram(m, tea.WithInput(in), tea.WithOutput(out), tea.WithEnvironment(o.Environ), tea.WithoutSignalHandler())
	}
	s := &stage{program: program()}
	work.send, m.leave = s.send, s.leave
	m.reload()
	work.do(func(ctx context.Context) tea.Msg {
		for {
			select {
			case <-o.Lost:
				s.send(lostMsg{})
			case <-ctx.Done():
				s.send(tea.Quit()) // and not a context of its own, at whose end it would leave its reader behind
				return nil
			}
		}
	})
	_, err := s.program.Run()
	for m.editing != nil {
		s.leaving.Wait()
		if err != nil || parent.Err() != nil { // it has ended before it could leave
			s.between.Unlock()
			break
		}
		m.runEditor(in, out)
		s.enter(program())
		_, err = s.program.Run()
	}
	cancel()
	work.wait()
	return errors.Join(err, parent.Err())
}
