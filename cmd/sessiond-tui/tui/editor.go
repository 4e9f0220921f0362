package tui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"
)

// editedMsg says that the person's editor has ended, with what is in its file then.
type editedMsg struct {
	text string
	err  error
	then func(m *model, text string)
}

// editor opens a text in the person's editor, which has the terminal until it ends.
// What happens meanwhile waits. The file's name ends as given, for editors go by that.
func (m *model) editor(text, ending string, then func(m *model, text string)) tea.Cmd {
	path, err := scratch(text, ending)
	if err != nil {
		m.fail("open an editor", err)
		return nil
	}
	// By the shell, as git does it: an editor may be a command with arguments.
	cmd := exec.Command("sh", "-c", m.Editor+` "$@"`, "sh", path) // #nosec G204 -- it is the person's own
	return tea.Exec(&editing{cmd}, func(err error) tea.Msg {
		defer os.Remove(path) //nolint:errcheck // the system tidies up there
		if err != nil {
			return editedMsg{err: fmt.Errorf("%s: %w; VISUAL or EDITOR says which one is used", m.Editor, err)}
		}
		b, err := os.ReadFile(path)
		return editedMsg{strings.TrimRight(string(b), "\n"), err, then}
	})
}

// editing is an editor at work. Whatever that makes of the terminal, it is as it was
// before when the editor has ended, also when it has crashed.
type editing struct{ *exec.Cmd }

func (e *editing) SetStdin(r io.Reader)  { e.Stdin = r }
func (e *editing) SetStdout(w io.Writer) { e.Stdout = w }
func (e *editing) SetStderr(w io.Writer) { e.Stderr = w }

func (e *editing) Run() error {
	tty, ok := e.Stdin.(*os.File)
	if !ok {
		return e.Cmd.Run()
	}
	was, err := term.GetState(int(tty.Fd()))
	if err != nil { // it is no terminal
		return e.Cmd.Run()
	}
	return errors.Join(e.Cmd.Run(), term.Restore(int(tty.Fd()), was))
}

// scratch writes a text into a file that is nobody else's.
func scratch(text, ending string) (path string, err error) {
	f, err := os.CreateTemp("", "sessiond-*"+ending)
	if err != nil {
		return "", err
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n" // as editors like it
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// edited takes back what was edited.
func (m *model) edited(msg editedMsg) {
	if msg.err != nil { // what was there stays
		m.fail("edit it", msg.err)
		return
	}
	msg.then(m, msg.text)
}

// editPrompt edits what stands on the prompt line.
func (m *model) editPrompt() tea.Cmd {
	t := m.current
	return m.editor(m.prompt.Value(), ".md", func(m *model, text string) {
		if t != nil && t != m.current {
			t.draft = text
			return
		}
		setInput(&m.prompt, text)
	})
}
