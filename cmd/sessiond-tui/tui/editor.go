package tui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/term"
)

// edit is a text that the person's editor is to have, which gets the terminal until
// it ends. The file's name ends as given, for editors go by that.
type edit struct {
	text, ending string
	then         func(m *model, text string)
}

// edit has the editor open as soon as the terminal is free. What happens meanwhile waits.
func (m *model) edit(e edit) {
	m.editing = &e
	m.leave()
}

// runEditor runs the editor on a terminal that is free, and takes back what was edited.
// If that fails, what was there stays.
func (m *model) runEditor(in io.Reader, out io.Writer) {
	e := m.editing
	m.editing = nil
	path, err := scratch(e.text, e.ending)
	if err != nil {
		m.fail("open an editor", err)
		return
	}
	defer os.Remove(path) //nolint:errcheck // the system tidies up there
	// By the shell, as git does it: an editor may be a command with arguments.
	cmd := exec.Command("sh", "-c", m.Editor+` "$@"`, "sh", path) // #nosec G204 -- it is the person's own
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, os.Stderr
	if err := onTerminal(cmd, in); err != nil {
		m.fail("edit it", fmt.Errorf("%s: %w; VISUAL or EDITOR says which one is used", m.Editor, err))
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		m.fail("edit it", err)
		return
	}
	e.then(m, strings.TrimRight(string(b), "\n"))
}

// onTerminal runs a command. Whatever that makes of the terminal, it is as it was
// before when the command has ended, also when it has crashed.
func onTerminal(cmd *exec.Cmd, in io.Reader) error {
	tty, ok := in.(*os.File)
	if !ok {
		return cmd.Run()
	}
	was, err := term.GetState(int(tty.Fd()))
	if err != nil { // it is no terminal
		return cmd.Run()
	}
	return errors.Join(cmd.Run(), term.Restore(int(tty.Fd()), was))
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

// editPrompt edits what stands on the prompt line.
func (m *model) editPrompt() {
	t := m.current
	m.edit(edit{m.prompt.Value(), ".md", func(m *model, text string) {
		if t != nil && t != m.current {
			t.draft = text
			return
		}
		setInput(&m.prompt, text)
	}})
}
