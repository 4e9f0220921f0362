package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/messagesapi"
	tty "github.com/sessiond/sessiond/internal/terminal"
	"github.com/sessiond/sessiond/rpc/api"
)

// person sits at a terminal in which Claude Code runs, as people use it.
type person struct {
	*tty.Terminal
	w   *world
	cmd *exec.Cmd
}

// sitsDown starts Claude Code in a pseudo-terminal, behind the questions that it asks
// whoever uses it for the first time: these would have it ask its servers.
func (w *world) sitsDown() *person {
	w.t.Helper()
	keys, slave, err := pty.Open()
	if err != nil {
		w.t.Skipf("there is no pseudo-terminal to be had: %v", err)
	}
	_, _ = keys.Close(), slave.Close()
	known, err := json.Marshal(map[string]any{"hasCompletedOnboarding": true, "theme": "dark",
		"customApiKeyResponses": map[string]any{"approved": []string{"sk-ant-stand-in"}, "rejected": []string{}},
		"projects":              map[string]any{w.work: map[string]any{"hasTrustDialogAccepted": true}}})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.home, ".claude.json"), known, 0o600); err != nil {
		w.t.Fatal(err)
	}
	p := &person{Terminal: tty.Open(w.t, 140, 50, false, nil), w: w, cmd: exec.Command(w.cfg.Claude, "--permission-mode=default")}
	p.cmd.Dir = w.work
	p.cmd.Env = append(messagesapi.Env(w.home, w.url), "TERM=xterm-256color",
		"CLAUDE_CODE_DISABLE_TERMINAL_TITLE=1",                   // it has bytes in it that the emulator takes for an end
		"CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL=1", // and nothing but the loopback is asked for anything
		"HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1,localhost")
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = p.TTY, p.TTY, p.TTY
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	p.See("❯", "? for shortcuts")
	return p
}

// types types a line, and enters it once it stands there.
func (p *person) types(line string) {
	p.w.t.Helper()
	p.Press(line)
	p.Until("see the line "+line, func(screen string) bool {
		return strings.Contains(strings.ReplaceAll(screen, "\u00a0", " "), "❯ "+line) // between them is no break
	})
	p.Press("\r")
}

// newest waits until the newest of so many sessions of terminals is as wanted.
func (w *world) newest(n int, wanted func(api.Session) bool) api.Session {
	w.t.Helper()
	return w.externals(func(list []api.Session) bool { return len(list) == n && wanted(list[n-1]) })[n-1]
}

// waitsForMessage is a session that has had so many turns, and waits for the next one.
func waitsForMessage(turns int) func(api.Session) bool {
	return func(s api.Session) bool {
		return s.Status == api.StatusWaitingInput && s.WaitingFor == api.WaitingForMessage && s.NumTurns == turns
	}
}

func waitsForApproval(s api.Session) bool {
	return s.Status == api.StatusWaitingInput && s.WaitingFor == api.WaitingForApproval
}

func isRunning(s api.Session) bool { return s.Status == api.StatusRunning }

// TestRealTerminal is a day at a terminal, with the hooks installed: Claude Code is
// talked to, asks, is told yes and no, is interrupted, begins anew, goes on with what
// was before, and is left. Then the daemon goes on with that.
func TestRealTerminal(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		w.installHooks()
		p := w.sitsDown()
		first := w.newest(1, waitsForMessage(0))
		if first.WorkingDir != w.work || first.PID != p.cmd.Process.Pid && first.PID != 0 || first.PermissionMode != "" && first.PermissionMode != "default" {
			t.Errorf("session: %+v", first)
		}
		p.types("hello")
		w.newest(1, waitsForMessage(1))
		w.hears(first.ID, "you said: hello")

		p.isAsked(first)
		p.types("never mind") // the stand-in answers to the no that stands before it
		turns := w.newest(1, func(s api.Session) bool {
			return waitsForMessage(s.NumTurns)(s) && s.NumTurns > 2 && s.Result == "done with the tool"
		}).NumTurns
		p.interrupts("slow: 10000", turns, func() { p.See("tick 3") }) // the transcript tells of it
		p.interrupts("hold: never", turns, func() {                    // and of this nothing does: it was not answered yet
			if err := w.API.Reached(w.ctx, "never"); err != nil {
				t.Fatal(err)
			}
		})

		p.types("/clear")
		second := w.newest(2, waitsForMessage(0))
		p.types("again")
		w.newest(2, waitsForMessage(1))
		w.hears(second.ID, "you said: again")

		p.types("/resume")
		p.See("Resume session", "❯ hello")
		p.Press("\r")
		third := w.newest(3, waitsForMessage(0))
		if third.ParentSessionID != first.ID || third.ClaudeSessionID != first.ClaudeSessionID || second.ParentSessionID != "" {
			t.Errorf("it goes on from %q: %+v", third.ParentSessionID, third)
		}
		p.See("you said: hello", "? for shortcuts")
		p.types("more")
		w.newest(3, waitsForMessage(1))
		w.hears(third.ID, "you said: more")

		p.types("/exit")
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("claude: %v", err)
		}
		for i, ses := range w.externals(allEnded(3)) {
			how := map[bool]api.Status{true: api.StatusInterrupted, false: api.StatusCompleted}[ses.ID == first.ID] // what it was at last
			if ses.Status != how || ses.PID != 0 {
				t.Errorf("session %d: %+v", i, ses)
			}
		}
		result, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: third.ID, Query: api.Text("and here")})
		if err != nil {
			t.Fatal(err)
		}
		w.until(result.SessionID, final...)
		all := slices.DeleteFunc(said(w.conversation(api.GetConversationParams{SessionID: result.SessionID})), func(text string) bool {
			return strings.HasPrefix(text, "user: <local-command-stdout>") // it says goodbye
		})
		want := []string{"user: more", "assistant: you said: more", "user: and here", "assistant: you said: and here"}
		if diff := cmp.Diff(want, all[max(0, len(all)-len(want)):]); diff != "" || all[0] != "user: hello" {
			t.Errorf("%q: %s", all, diff)
		}
	})
}

// isAsked has Claude Code ask twice: whoever sits there says yes, and then no.
func (p *person) isAsked(ses api.Session) {
	t, w := p.w.t, p.w
	t.Helper()
	file := filepath.Join(w.work, "file")
	p.types("bash: touch file")
	p.See("Do you want to proceed?")
	w.newest(1, waitsForApproval)
	w.refusesLive(ses.ID)
	p.Press("\r") // the first answer is yes
	w.newest(1, waitsForMessage(2))
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	w.hears(ses.ID, "done with the tool")
	p.See("? for shortcuts")

	p.types("bash: rm file")
	p.See("Do you want to proceed?")
	w.newest(1, waitsForApproval)
	p.Press("\x1b") // no
	p.Gone("Do you want to proceed?")
	w.newest(1, func(s api.Session) bool { return s.WaitingFor == api.WaitingForMessage })
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	seen, err := w.ListObservations(w.ctx, api.ListObservationsParams{SessionID: ses.ID})
	if err != nil || len(seen.Observations) != 2 {
		t.Fatalf("observations: %+v, %v", seen, err)
	}
	yes, no := seen.Observations[0], seen.Observations[1]
	if yes.ToolName != "Bash" || !strings.Contains(string(yes.ToolInput), `"touch file"`) || yes.PromptNumber != 2 || yes.IsError || yes.RespondedAt.IsZero() || yes.WorkingDir != w.work {
		t.Errorf("observation: %+v", yes)
	}
	if !strings.Contains(string(no.ToolInput), `"rm file"`) || no.PromptNumber != 3 || !no.IsError {
		t.Errorf("observation: %+v", no)
	}
}

// interrupts enters a line, and interrupts Claude Code at it once something is so.
func (p *person) interrupts(line string, turns int, once func()) {
	p.w.t.Helper()
	p.See("? for shortcuts")
	p.types(line)
	p.w.newest(1, isRunning)
	p.See("esc to interrupt")
	once()
	p.Press("\x1b")
	p.w.newest(1, waitsForMessage(turns))
	p.Gone("esc to interrupt")
	p.Press("\x15") // where it has put the line back
	p.See("? for shortcuts")
}
