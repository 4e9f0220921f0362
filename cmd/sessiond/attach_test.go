package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// screen is a program on a pseudo-terminal: what it prints, and keys for it.
type screen struct {
	t       *testing.T
	tty     *os.File
	cmd     *exec.Cmd
	reading sync.WaitGroup
	mu      sync.Mutex
	text    strings.Builder // all that was printed
	seen    int             // how much of that `see` has passed
	more    chan struct{}   // has one when text has grown
}

// place is a home and a state directory for the programs of one test.
type place struct {
	t   *testing.T
	dir string
	env []string
}

func newPlace(t *testing.T) *place {
	dir, err := os.MkdirTemp("", "t") // short, because of the sockets in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	claude, err := exec.LookPath("claude")
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "st")
	t.Cleanup(func() { endDaemon(t, state) })
	return &place{t: t, dir: dir, env: []string{
		"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "SESSIOND_STATE_DIR=" + state, "SESSIOND_CLAUDE=" + claude,
		"TERM=xterm", "GORACE=atexit_sleep_ms=0",
	}}
}

// run runs sessiond without a terminal, and returns what it prints.
func (p *place) run(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("sessiond", args...)
	cmd.Env = p.env
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("sessiond %q: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// until runs sessiond until it prints the text.
func (p *place) until(text string, args ...string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := poll(ctx, func() bool { return strings.Contains(p.run(args...), text) }); err != nil {
		p.t.Fatalf("sessiond %q never shows %q", args, text)
	}
}

// open runs sessiond on a terminal.
func (p *place) open(args ...string) *screen {
	p.t.Helper()
	cmd := exec.Command("sessiond", args...)
	cmd.Env, cmd.Dir = p.env, p.dir
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 100})
	if err != nil {
		p.t.Fatal(err)
	}
	s := &screen{t: p.t, tty: tty, cmd: cmd, more: make(chan struct{}, 1)}
	s.reading.Go(s.read)
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill() // if the test has not waited for its end
		_, _ = cmd.Process.Wait()
		_ = tty.Close()
		s.reading.Wait()
	})
	return s
}

func (s *screen) read() {
	b := make([]byte, 4096)
	for {
		n, err := s.tty.Read(b)
		s.mu.Lock()
		s.text.Write(b[:n])
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// controls are escape sequences and carriage returns.
var controls = regexp.MustCompile("\x1b\\[[0-9;?]*[a-zA-Z]|\r")

// plain is what was printed and not yet passed, without the terminal's language.
// A line that was drawn anew is there as often as it was drawn.
func (s *screen) plain() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.ReplaceAll(s.text.String(), "\x1b[K", "\n")
	return controls.ReplaceAllString(text, "")[s.seen:]
}

// see waits until the screen shows the texts, in this order, behind what was seen before.
func (s *screen) see(texts ...string) {
	s.t.Helper()
	deadline := time.After(patience)
	for _, text := range texts {
		for {
			if i := strings.Index(s.plain(), text); i >= 0 {
				s.seen += i + len(text)
				break
			}
			select {
			case <-s.more:
			case <-deadline:
				s.t.Fatalf("%q does not come up; the screen shows\n%s", text, s.plain())
			}
		}
	}
}

// all is everything that was printed.
func (s *screen) all() string {
	seen := s.seen
	defer func() { s.seen = seen }()
	s.seen = 0
	return s.plain()
}

// press types keys.
func (s *screen) press(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, keys); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end of the program, and checks its exit code.
func (s *screen) ends(code int) {
	s.t.Helper()
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("exit code %d, want %d; the screen shows\n%s", got, code, s.plain())
	}
}

const enter = "\r"

func TestATalk(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.open("launch", "--interactive", "say: hi")
	s.see("session ", "› say: hi", "hi\n", "› ")
	s.press("/help" + enter)
	s.see("/help", "/interrupt", "//…")
	s.press("say: typ" + "\x7f\x7fwo words" + enter)
	s.see("\ntwo words\n", "\n› ")
	s.press("say: mo\x01\x1b[C\x05re" + enter) // home, right, end
	s.see("\nmore\n", "\n› ")
	if strings.Count(s.all(), "say: more") != 1 {
		t.Error("what was typed is on the screen twice")
	}
	s.press("\x1b[200~say: pasted\rsay: lines\x1b[201~" + enter)
	s.see("\npasted\n", "lines\n")
	s.press("/nonsense" + enter)
	s.see("/nonsense is no command")
	s.press("//compact" + enter)
	s.see("you said: /compact", "\n› ")
	s.press("\x03")
	s.see("nothing to interrupt")
	s.press("/model sonnet" + enter)
	s.see("model: ", "sonnet")
	s.press("/mode plan" + enter)
	s.see("permission mode: plan")
	s.press("/mode odd" + enter)
	s.see("odd")
	s.press("/end" + enter)
	s.see("✓ completed")
	s.ends(0)
}

func TestATalkIsLeftAndFoundAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.open("launch", "--interactive", "say: first")
	s.see("\nfirst\n", "› ")
	s.press("\x04")
	s.see("detached; the session goes on. Come back with:\n  sessiond attach ")
	s.ends(0)
	id := strings.Fields(p.run("list"))[0]

	p.run("send", id, "say: second")
	p.until(`"num_turns":2`, "show", "--json", id)
	s = p.open("attach", "--history", "2", id)
	s.see("… what was before: sessiond log", "say: second", "› ")
	s.press("silence" + enter)
	s.see("running ›")
	s.press("say: third" + enter)
	s.see("queued", "running, 1 queued ›")
	s.press("say: fourth" + enter)
	s.see("running, 2 queued ›")
	s.press("/queue" + enter)
	s.see("1  queued  say: third", "2  queued  say: fourth")
	s.press("/cancel 3" + enter)
	s.see("2 messages wait")
	s.press("/cancel 1" + enter)
	s.see("withdrawn: say: third", "running, 1 queued ›")
	s.press("\x03")
	s.see("› say: fourth", "\nfourth\n")
	s.press("silence" + enter)
	s.see("running ›")
	s.press("\x03\x03")
	s.see("detached")
	s.ends(exitStopped)

	s = p.open("attach", id)
	s.see("/help tells", "›")
	p.run("end", id)
	p.until("completed_at", "show", "--json", id)
	s.ends(exitCodeAfterEnd(p, id))
	s = p.open("attach", id)
	s.see("it has ended; to go on: sessiond continue " + id)
	s.ends(exitCodeAfterEnd(p, id))
}

// exitCodeAfterEnd is the code by which a session's status is told.
func exitCodeAfterEnd(p *place, id string) int {
	if strings.Contains(p.run("show", id), "interrupted") {
		return exitInterrupted
	}
	return exitOK
}

func TestATalkAnswersWithKeys(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.env = append(p.env, `EDITOR=sed -i s/three/edited/`)
	s := p.open("launch", "--interactive", `ask: Bash {"command":"touch one"}`)
	s.see("? may Bash run  touch one", "y yes, n no", "y/n/a/e ›")
	s.press("y")
	s.see("approved", `ran Bash with {"command":"touch one"}`)
	s.press(`ask: Bash {"command":"touch two"}` + enter)
	s.see("y/n/a/e ›")
	s.press("N")
	s.see("why not?")
	s.press("yes, but not now" + enter)
	s.see("denied", "⎿ yes, but not now", "›")
	s.press(`ask: Bash {"command":"touch two"}` + enter)
	s.see("y/n/a/e ›")
	s.press("n")
	s.see("why not?")
	s.press(enter)
	s.see("⎿ " + noReason)
	s.press(`ask: Bash {"command":"touch three"}` + enter)
	s.see("y/n/a/e ›")
	s.press("e")
	s.see(`ran Bash with {"command":"touch edited"}`)
	s.press(`ask: Bash {"command":"touch four"}` + enter)
	s.see("y/n/a/e ›")
	s.press("e")
	s.see("nothing was changed", "y/n/a/e ›")
	s.press("say: a message meanwhile" + enter)
	s.see("queued", "y/n/a/e ›")
	s.press("a")
	s.see("approved", "\na message meanwhile\n")
	s.press(`ask: Bash {"command":"touch four"}` + enter) // is remembered
	s.see("ran Bash")

	s.press(`ask: NotebookEdit {"notebook_path":"x"}` + enter)
	s.see("y/n/a/e ›")
	s.press("\x03")
	s.see("cancelled", "›")
	s.press("/end" + enter)
	s.see("■ interrupted")
	s.ends(exitInterrupted)
}

func TestATalkAnswersQuestions(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	const ask = `ask: AskUserQuestion {"questions":[{"question":"Which colour?","header":"Colour","options":[{"label":"Red","description":"warm"},{"label":"Rose"}]},` +
		`{"question":"Which sizes?","header":"Size","options":[{"label":"Small"},{"label":"Large"}],"multiSelect":true}]}`
	s := p.open("launch", "--interactive", ask)
	s.see("? Colour: Which colour?", "1  Red  warm", "2  Rose", "answer ›")
	s.press("2")
	s.see("→ Rose", "? Size: Which sizes?", "answer ›")
	s.press("1,huge" + enter)
	s.see("→ Small, huge", "approved", `Which colour?":"Rose"`)
	s.press(ask + enter)
	s.see("Which colour?", "answer ›")
	s.press("r" + enter)
	s.see("several options: Red, Rose")
	s.press("green" + enter)
	s.see("→ green", "answer ›")
	s.press("/deny ask me tomorrow" + enter)
	s.see("denied", "⎿ ask me tomorrow", "done with the tool", "\n› ")
	s.press("/end" + enter)
	s.ends(0)
}

func TestATalkOutlivesItsDaemon(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.open("launch", "--interactive", "say: first")
	s.see("\nfirst\n", "› ")
	p.run("stop")
	s.see("the daemon is gone")
	p.run("list") // starts the next one
	s.press("say: still here" + enter)
	s.see("\nstill here\n")
	s.press(`ask: Bash {"command":"touch x"}` + enter)
	s.see("y/n/a/e ›")
	p.run("stop")
	s.see("the daemon is gone")
	p.run("approve", strings.Fields(p.run("approvals"))[0])
	s.see("approved", "ran Bash", "done with the tool", "\n› ")
	s.press("/end" + enter)
	s.see("✓ completed")
	s.ends(0)
}

func TestAttachIsForTerminals(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	code := run(context.Background(), []string{"attach", "0"}, strings.NewReader(""), &out, &errs, nil)
	if code != exitUsage || !strings.Contains(errs.String(), "sessiond send") {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
}
