package tui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/term"

	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/internal/terminal"
	"github.com/sessiond/sessiond/rpc/api"
)

// scriptOf makes an editor of a shell script, whose $1 is the file.
func scriptOf(t *testing.T, script string) func(*Options) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "an editor")
	program.Write(t, path, "#!/bin/sh\n"+script)
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
	cmd := exec.Command("sh", "-c", "stty raw -echo; kill -9 $$")
	cmd.Stdin = tty
	if err := onTerminal(cmd, tty); err == nil || err.Error() != "signal: killed" {
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

// TestTheScreenComesBack behind each of many editors that end at once, while the
// processors have more to do.
func TestTheScreenComesBack(t *testing.T) {
	t.Parallel()
	busy, stop := context.WithCancel(context.Background())
	var load sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		load.Go(func() {
			for busy.Err() == nil {
			}
		})
	}
	t.Cleanup(func() { stop(); load.Wait() })
	edit := scriptOf(t, `sed 's/$/x/' "$2" >"$2.new" && mv "$2.new" "$2"`+"\n")
	s := show(t, scene(), 120, 36, false, func(o *Options) { edit(o); o.Session = waiting })
	s.See("Shall I fix both?")
	s.Press("i", "a")
	for n := range 10 {
		s.See("a" + strings.Repeat("x", n))
		s.Press("\x07")
	}
	s.See("a" + strings.Repeat("x", 10))
}

// heldOpen makes an editor that is open until it is let go; the file it has is in what isOpen reads.
func heldOpen(t *testing.T) (edit func(*Options), isOpen func(term *terminal.Terminal) (path string), letGo func()) {
	t.Helper()
	dir := t.TempDir()
	open, done := filepath.Join(dir, "open"), filepath.Join(dir, "done")
	edit = scriptOf(t, "echo \"$2\" >'"+open+".new'; mv '"+open+".new' '"+open+"'\nuntil test -e '"+done+"'; do sleep 0.01; done\n")
	isOpen = func(term *terminal.Terminal) string {
		var path []byte
		term.Until("the editor opens", func(string) (ok bool) {
			term.Nudge()
			b, err := os.ReadFile(open)
			path = b
			return err == nil
		})
		return strings.TrimSpace(string(path))
	}
	letGo = func() {
		if err := os.WriteFile(done, nil, 0o600); err != nil {
			t.Error(err)
		}
	}
	return edit, isOpen, letGo
}

// TestWhatHappensWhileTheEditorIsOpen waits, and nothing of it is lost.
func TestWhatHappensWhileTheEditorIsOpen(t *testing.T) {
	t.Parallel()
	edit, isOpen, letGo := heldOpen(t)
	s := show(t, scene(), 120, 36, false, func(o *Options) { edit(o); o.Session = working })
	s.See("nightly.py", "i writes to it")
	s.Press("i", "draft", "\x07")
	isOpen(s.Terminal)
	for n := range 100 {
		s.happens(api.EventConversationUpdated, working, says(fmt.Sprintf("meanwhile %d.", n)))
	}
	letGo()
	s.See("draft", "meanwhile 98.", "meanwhile 99.")
}

// TestTheEndWhileTheEditorIsOpen waits for the editor, and no text stays behind.
func TestTheEndWhileTheEditorIsOpen(t *testing.T) {
	t.Parallel()
	edit, isOpen, letGo := heldOpen(t)
	term := terminal.Open(t, 120, 36, false, nil)
	o := usual(scene(), nil)
	edit(&o)
	cancel, ended := run(o, term)
	defer cancel()
	term.See("y yes")
	term.Press("N", "secret", "\x07")
	path := isOpen(term)
	cancel()
	letGo()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", path, err)
	}
}

// waitsIn waits until a goroutine is in a function that may wait, of whichever test.
func waitsIn(function string) {
	for b := make([]byte, 8<<20); !bytes.Contains(b[:runtime.Stack(b, true)], []byte(function+"(")); {
		runtime.Gosched()
	}
}

// TestTheEndJustBeforeTheEditor: who is told to end while the key of the editor waits
// ends all the same, and opens none.
func TestTheEndJustBeforeTheEditor(t *testing.T) {
	t.Parallel()
	edit, _, letGo := heldOpen(t)
	letGo()
	for range 5 {
		term := terminal.Open(t, 120, 36, false, nil)
		o := usual(scene(), nil)
		edit(&o)
		o.Session = waiting
		var busy atomic.Bool
		held := make(chan struct{})
		o.Now = func() time.Time {
			if busy.Load() {
				<-held
			}
			return then
		}
		cancel, ended := run(o, term)
		defer cancel()
		term.See("Shall I fix both?")
		term.Press("i", "draft")
		term.See("draft")
		busy.Store(true) // while this is drawn, the next key waits, and behind it the end
		term.Press("s", "\x07")
		waitsIn("ultraviolet.(*TerminalReader).sendEvents")
		cancel()
		waitsIn("tui.(*stage).send")
		close(held)
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("it goes on")
		}
	}
}
