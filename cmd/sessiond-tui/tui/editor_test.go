package tui

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/term"

	"github.com/sessiond/sessiond/internal/terminal"
)

// scriptOf makes an editor of a shell script, whose $1 is the file.
func scriptOf(t *testing.T, script string) func(*Options) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "an editor")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.Editor = "'" + path + "' --wait" }
}

func TestAPromptIsWrittenInAnEditor(t *testing.T) {
	t.Parallel()
	edit := scriptOf(t, `test "$1" = --wait && printf 'and this\n\n\033[31mtoo\n' >>"$2"`+"\n")
	s := show(t, scene(), 120, 36, false, func(o *Options) { edit(o); o.Session = waiting })
	s.See("Shall I fix both?")
	s.Press("i", "Yes,", "\x07")
	s.See("Yes,", "and this", "too")
	s.Press(enter)
	want := `"content":"Yes,\nand this\n\n␛[31mtoo"`
	s.Until(want, func(string) bool { s.nudge(); return strings.Contains(s.last("sendMessage"), want) })
}

func TestAnInputIsWrittenInAnEditor(t *testing.T) {
	t.Parallel()
	seen := filepath.Join(t.TempDir(), "seen")
	edit := scriptOf(t, `echo "$2" >'`+seen+`'; sed 's/upload.example.com/localhost/' "$2" >"$2.new" && mv "$2.new" "$2"`+"\n")
	s := show(t, scene(), 120, 36, false, edit)
	s.See("y yes")
	s.Press("e")
	s.See("upload.example.com", "ctrl+g")
	s.Press("\x07")
	s.Gone("upload.example.com")
	s.See("https://localhost")
	s.Press("\x13")
	s.called(`sendDecision {"approval_id":"q1","decision":"approve","updated_input":{"command":"go test ./... -run TestUpload -server https://localhost","description":"run the tests against the real server"}}`)
	b, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimSpace(string(b))
	if _, err := os.Stat(path); err == nil || !strings.HasSuffix(path, ".json") {
		t.Errorf("%s is still there, or is called otherwise: %v", path, err)
	}
}

// TestAnEditorThatFails leaves what was there.
func TestAnEditorThatFails(t *testing.T) {
	t.Parallel()
	edit := scriptOf(t, "echo lost >\"$2\"; exit 3\n")
	s := show(t, scene(), 120, 36, false, func(o *Options) { edit(o); o.Session = waiting })
	s.See("Shall I fix both?")
	s.Press("i", "keep this", "\x07")
	s.See("keep this", "could not edit it", "exit status 3; VISUAL or EDITOR says")
}

// TestAnEditorThatCrashes leaves the terminal as it was: the shell gets it like that.
func TestAnEditorThatCrashes(t *testing.T) {
	t.Parallel()
	tty := terminal.Open(t, 80, 24, false, nil).TTY
	settings := func() term.State {
		t.Helper()
		s, err := term.GetState(int(tty.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return *s
	}
	before := settings()
	e := &editing{exec.Command("sh", "-c", "stty raw -echo; kill -9 $$")}
	e.SetStdin(tty)
	if err := e.Run(); err == nil || err.Error() != "signal: killed" {
		t.Error(err)
	}
	if after := settings(); after != before {
		t.Errorf("%+v, not %+v", after, before)
	}
}

func TestAFieldOfOneLineHasNoEditor(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, nil)
	s.See("y yes")
	s.Press("N")
	s.See("directory")
	s.Press(tab, "\x07")
	s.See("the editor is for fields of several lines")
}
