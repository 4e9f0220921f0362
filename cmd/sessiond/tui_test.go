package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unicode"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/internal/terminal"
	"github.com/sessiond/sessiond/rpc/client"
)

// escape is the key, as terminals send it that tell it from the beginning of others.
const escape = "\x1b[27u"

// tui runs the terminal UI on a terminal of its own.
func (p *place) tui(columns, lines int, args ...string) *terminal.Terminal {
	p.t.Helper()
	term := terminal.Open(p.t, columns, lines, false, nil)
	startTUI(p.t, term, append(p.env, "TERM=xterm-256color"), p.dir, args...)
	return term
}

// startTUI runs 'sessiond tui' as the process that has that terminal.
func startTUI(t *testing.T, term *terminal.Terminal, env []string, dir string, args ...string) (exited <-chan struct{}) {
	t.Helper()
	return startProgram(t, "sessiond", term, env, dir, args...)
}

func startProgram(t *testing.T, path string, term *terminal.Terminal, env []string, dir string, args ...string) (exited <-chan struct{}) {
	t.Helper()
	cmd := exec.Command(path, append([]string{"tui"}, args...)...)
	cmd.Env, cmd.Dir = slices.Clip(env), dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = term.TTY, term.TTY, term.TTY
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ends is seen on the screen
		close(gone)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // if it has not been left
		<-gone
	})
	return gone
}

// killDaemon kills the daemon as a crash would.
func (p *place) killDaemon() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := client.Dial(ctx, filepath.Join(p.dir, "st", "sessiond.sock"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	h, err := c.Health(ctx)
	if err != nil || h.PID <= 1 {
		p.t.Fatalf("pid %d, %v", h.PID, err)
	}
	if err := syscall.Kill(h.PID, syscall.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
}

// TestADayInTheTUI is the whole way with a real daemon and the scripted Claude Code:
// a session is launched, asks, is answered, is talked to, survives the daemon's
// death, is continued and ended.
func TestADayInTheTUI(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.tui(140, 40)
	s.See("there is no session yet; N launches one", "● connected")

	s.Press("N", `ask: Bash {"command":"make hay"}`, "\t\t", "the first", "\x13")
	s.See("the first", "? may Bash run", "command: make hay", "y yes")
	s.Press("y")
	s.See("● Bash  make hay", "ran Bash with", "done with the tool", "waits for a message")
	s.Gone("? may Bash run")

	s.Press("i", "say: **a prompt**\r")
	s.See("› say: **a prompt**", "a prompt")
	s.Press("silence\r")
	s.See("● the first  running")
	s.Press("say: behind it\r")
	s.See("⧗ say: behind it")

	p.killDaemon()
	s.See("◌ reconnecting… (ctrl+r starts the daemon)")
	s.Press(escape)
	s.See("i writes to it")
	s.Press("\x12")
	s.See("● connected")
	s.Press("I")
	s.See("› say: behind it", "\n", "waits for message")
	s.Gone("⧗ say: behind it")
	s.Press("i")
	s.See("enter sends")
	s.Press("partial: 40\r")
	s.See("delta 39 delta 40", "waits for message", "$0.", "enter sends")

	s.Press(escape)
	s.See("i writes to it")
	s.Press("E")
	s.See("end ‘the first’?")
	s.Press("y")
	s.See("✓ the first  completed")
	s.Press("i", "say: going on\r")
	s.See("a new session continues it")
	s.See("going on", "2 sessions", "● Bash  make hay") // what was before is there too
	s.Press(escape)
	s.See("i writes to it")
	s.Press("q")
	s.Gone("● connected")

	out := p.run("list", "--json")
	if strings.Count(out, `"title":"the first"`) != 2 {
		t.Errorf("not two sessions: %s", out)
	}
}

// TestTheTUIMissesNothing has a session print while the daemon is killed: on the
// screen is every line, in order.
func TestTheTUIMissesNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	gate := filepath.Join(p.dir, "gate")
	id := p.run("launch", "-d", "--title", "emitter", "emit: 3\nwait: "+gate+"\nemit: 400 200 200")
	s := p.tui(80, 24, id)
	s.See("event 3 of 3")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.See(" of 400")
	p.killDaemon()
	s.See("reconnecting")
	s.Press("\x12")
	s.See("● connected", "✓ emitter  completed")
	s.Press("g")
	s.See("▌ › emit: 3")
	s.Press("j", "j", "j", "j")
	s.See("▌ waited for")
	const some = 8 // there is room for them all, above the line that is gone to
	for n := 0; n < 400; n += some {
		want := ""
		for i := n + 1; i < n+some; i++ {
			want += fmt.Sprintf("  event %d of 400\n\n", i)
		}
		s.Press(strings.Split(strings.Repeat("j", some), "")...)
		s.See(want + fmt.Sprintf("▌ event %d of 400\n", n+some))
	}
}

// TestTheTUIInTmux is what a person does who keeps it in tmux; where that is not
// installed, the terminal of the other tests has to do.
func TestTheTUIInTmux(t *testing.T) {
	t.Parallel()
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		t.Skip("tmux is not installed: the same is tested on the emulator (TestADayInTheTUI)")
	}
	p := newPlace(t)
	sessiond, err := exec.LookPath("sessiond")
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(tmux, append([]string{"-S", filepath.Join(p.dir, "tmux"), "-f", "/dev/null"}, args...)...)
		cmd.Env = p.env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %q: %v: %s", args, err, out)
		}
		return string(out)
	}
	see := func(texts ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		screen := ""
		if poll(ctx, func() bool {
			screen = run("capture-pane", "-p", "-t", "day")
			for _, text := range texts {
				if !strings.Contains(screen, text) {
					return false
				}
			}
			return true
		}) != nil {
			t.Fatalf("%q does not come up; the screen shows\n%s", texts, screen)
		}
	}
	run("-u", "new-session", "-d", "-s", "day", "-x", "80", "-y", "24", sessiond, "tui")
	t.Cleanup(func() { run("kill-server") })
	see("there is no session yet")
	run("send-keys", "-t", "day", "N")
	see("launch a session")
	run("send-keys", "-t", "day", "-l", `ask: Bash {"command":"make hay"}`)
	run("send-keys", "-t", "day", "C-s")
	see("? may Bash run", "y yes")
	run("send-keys", "-t", "day", "n")
	see("why not?")
	run("send-keys", "-t", "day", "not today", "Enter")
	see("✗ Bash  make hay", "not today", "waits for message")
	run("send-keys", "-t", "day", "?")
	see("all keys")
	run("send-keys", "-t", "day", "x", "Escape")
	see("1 session")
	run("resize-window", "-t", "day", "-x", "130", "-y", "30")
	see("1 session", "make hay")
}

// TestNothingFromOutsideReachesTheTUI shows a daemon whose every word is evil.
// What is printed is text, and what the UI itself says to terminals.
func TestNothingFromOutsideReachesTheTUI(t *testing.T) {
	t.Parallel()
	for what, service := range map[string]evilService{"tool": {kind: "tool"}, "question": {kind: "question"}, "errors": {fails: true}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			env := append(serveEvil(t, service), "TERM=xterm-256color", "COLORTERM=truecolor")
			raw := &printedBytes{}
			term := terminal.Open(t, 130, 50, false, raw)
			exited := startTUI(t, term, env, t.TempDir())
			if !service.fails {
				term.See("1 question")
				term.Press("ffff") // it is archived, too
			}
			term.See("evil")
			for _, keys := range []string{"l", "o", "t", "v", "g", "\r", "s", "x", "e", escape, "a", escape, "w", "x\r", "1", "n", escape, "R", escape, "C", "x\x13", "M", "1",
				"E", "y", "I", "Q", "d", "e", escape, "F", escape, "D", "n", "A", "?", "x", escape, "/", escape, escape} {
				term.Press(keys)
			}
			term.Press("?", "G", "x", "?") // in the help: all that came before was taken
			term.See("all keys", "the session above")
			term.Press("x", "q")
			<-exited
			if _, err := term.TTY.WriteString("\r\nbehind it"); err != nil {
				t.Fatal(err)
			}
			term.See("behind it")
			obeyed(t, raw.bytes())
		})
	}
}

// printedBytes keeps what is printed, while it is.
type printedBytes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printedBytes) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *printedBytes) bytes() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.b.Bytes())
}

// fromUI are the sequences that bubbletea itself writes: styles (none of which
// hides text), movements, erasing, scrolling, modes, and questions to the terminal.
var fromUI = regexp.MustCompile("\x1b\\[(?:[0-79]|[0-9][0-9]+|[0-9;:]*[0-9]{2,}[0-9;:]*|[0-79;:]*|0;?[0-9;:]*)?m|" +
	"\x1b\\[[0-9;]*[A-Hd`JKLMPXSTabeGZ@r]|\x1b\\[[?>=][0-9;]*[hlmnpuqc]|\x1b\\[\\?[0-9;]*\\$p|\x1b\\[[<>=]?[0-9;]*u|\x1b\\[\\?5W|\x1b\\[[0-9;]* q|\x1b\\[>q|\x1b\\[c|" +
	"\x1b\\]1[01][0-9]?;?\\?*(?:\x07|\x1b\\\\)|\x1b\\]11[0-2]\x07|\x1bP\\+q[0-9a-fA-F;]*\x1b\\\\|\x1bM|\x1b[78]")

// obeyed fails the test if a terminal would obey text.
func obeyed(t *testing.T, b []byte) {
	t.Helper()
	for _, order := range []string{"\x1b[8m", "\x1b]52", "\x1b]8;", "\x1b]0;", "\x1b[5n", "\x1bc", "\u009b", "\u202e"} {
		if bytes.Contains(b, []byte(order)) {
			t.Errorf("%q came through", order)
		}
	}
	rest := fromUI.ReplaceAll(b, nil)
	for i, r := range string(rest) {
		if r != '\n' && r != '\t' && r != '\r' && r != '\b' && unicode.Is(unicode.Cc, r) || plain.Bidi(r) {
			t.Errorf("%U came through: %q", r, rest[i:min(len(rest), i+60)])
			return
		}
	}
}

func TestTheTUINeedsATerminal(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"tui"}, {"tui", "--theme", "pink"}} {
		var out bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &out, &out, []string{"HOME=" + t.TempDir()}); code != exitUsage {
			t.Errorf("%q: exit code %d: %s", args, code, out.String())
		}
	}
}

// TestTheTUIIsAProgramOfItsOwn: it is found beside this one, also through a link to
// it, and where it is not, that is said.
func TestTheTUIIsAProgramOfItsOwn(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	beside, err := exec.LookPath("sessiond")
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(p.dir, "alone", "sessiond")
	if err := os.Mkdir(filepath.Dir(alone), 0o700); err != nil {
		t.Fatal(err)
	}
	copied, err := os.ReadFile(beside)
	if err != nil {
		t.Fatal(err)
	}
	program.Write(t, alone, string(copied))
	link := filepath.Join(p.dir, "sessiond")
	if err := os.Symlink(beside, link); err != nil {
		t.Fatal(err)
	}
	start := func(path string) *terminal.Terminal {
		term := terminal.Open(t, 100, 24, false, nil)
		env := append(slices.DeleteFunc(slices.Clone(p.env), func(kv string) bool { return strings.HasPrefix(kv, "PATH=") }), "TERM=xterm-256color", "PATH=")
		startProgram(t, path, term, env, p.dir)
		return term
	}
	start(alone).See("a program of its own, sessiond-tui, which is neither in", "make build")
	start(link).See("there is no session yet")
}

// TestAHangupLeavesNoText: what was in the editor when the terminal went is not in the
// temp directory afterwards.
func TestAHangupLeavesNoText(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	seen, editor := filepath.Join(p.dir, "seen"), filepath.Join(p.dir, "editor")
	program.Write(t, editor, "#!/bin/sh\necho \"$1\" >'"+seen+"'\nkill -HUP 0\ncat\n")
	term := terminal.Open(t, 120, 36, false, nil)
	exited := startTUI(t, term, append(p.env, "TERM=xterm-256color", "EDITOR="+editor, "VISUAL="), p.dir)
	term.See("there is no session yet")
	term.Press("N", "private", "\x07")
	<-exited
	text, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimSpace(string(text))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", text, err)
	}
}
