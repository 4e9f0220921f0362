package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
	"github.com/sessiond/sessiond/session/shim"
)

// Each test here is named after a failure that a supervisor of background
// sessions is known to have had, and shows that it does not happen. What belongs
// to the same list and is tested elsewhere: TestFailedUpgradeKillsEverySession
// and TestOlderBinaryStripsNewerFields, and time that passes while the machine
// sleeps (package session).

// bystander is a process that has nothing to do with any of this.
func bystander(t *testing.T) (pid int, gone <-chan error) {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("the bystander was ended: %v", err)
		}
		<-ended
	})
	return cmd.Process.Pid, ended
}

func TestStaleLockWhosePidWasReusedBlocksTheStart(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	id := s.interactive("hello")
	s.idle(id, 1)
	s.strike(id, "daemon and shim")
	pid, _ := bystander(t)
	stale := fmt.Appendf(nil, `{"pid":%d,"socket":%q}`, pid, s.cfg.Socket)
	files := []string{filepath.Join(s.cfg.StateDir, "lock"), s.cfg.Socket + ".lock"}
	for _, file := range files {
		if err := os.WriteFile(file, stale, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.launchDaemon()
	// The conversation has a lock of its own, whose file may name anybody, too.
	conversation := s.until(id, final...).ClaudeSessionID
	lock := filepath.Join(s.home, ".local", "state", "sessiond", "conversations", conversation+".lock")
	if _, err := os.Stat(filepath.Dir(lock)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lock, fmt.Append(nil, pid), 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := s.ContinueSession(s.ctx, api.ContinueSessionParams{SessionID: id, Query: api.Text("history")})
	if err != nil {
		t.Fatal(err)
	}
	if ses := s.until(next.SessionID, final...); !strings.Contains(ses.Result, "hello") {
		t.Errorf("continued: %s, %q", ses.Status, ses.Result)
	}
}

// Where something holds the conversation still, TestGonePidIsReused is this.
func TestStopKillsAnUnrelatedProcess(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	id := s.interactive("hello")
	s.idle(id, 1)
	dir := filepath.Join(s.cfg.StateDir, "sessions", id)
	record, err := os.ReadFile(filepath.Join(dir, "start.json"))
	if err != nil {
		t.Fatal(err)
	}
	started, err := shim.ReadStart(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.strike(id, "daemon and shim")
	_ = syscall.Kill(-started.PID, syscall.SIGKILL)
	pid, gone := bystander(t)
	reused := strings.NewReplacer(fmt.Sprintf(`"pid":%d`, started.PID), fmt.Sprintf(`"pid":%d`, pid),
		fmt.Sprintf(`"shim_pid":%d`, started.ShimPID), fmt.Sprintf(`"shim_pid":%d`, pid)).Replace(string(record))
	if reused == string(record) {
		t.Fatalf("start record: %s", record)
	}
	if err := os.WriteFile(filepath.Join(dir, "start.json"), []byte(reused), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.cfg.StateDir, "lock"), fmt.Appendf(nil, `{"pid":%d}`, pid), 0o600); err != nil {
		t.Fatal(err)
	}
	stop := s.daemonCommand()
	stop.Args = []string{"sessiond", "stop"}
	if out, err := stop.CombinedOutput(); err != nil {
		t.Errorf("stop: %v: %s", err, out)
	}
	s.launchDaemon()
	_, err = s.EndSession(s.ctx, api.EndSessionParams{SessionID: id, Force: true})
	if err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonInvalidState}) { // it may be final by now
		t.Fatal(err)
	}
	s.until(id, final...)
	s.restart(syscall.SIGTERM)
	select {
	case err := <-gone:
		t.Fatalf("another process was ended: %v", err)
	default:
	}
}

// restart ends the daemon by a signal, and starts the next one.
func (s *served) restart(sig syscall.Signal) {
	s.t.Helper()
	s.endDaemon(sig)
	s.launchDaemon()
}

func TestDaemonLivesButItsSocketNeverCameUp(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	s.endDaemon(syscall.SIGTERM)
	if err := os.Mkdir(s.cfg.Socket, 0o700); err != nil { // nothing can listen there
		t.Fatal(err)
	}
	blocked := s.daemonCommand()
	out, err := blocked.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(string(out), s.cfg.Socket) {
		t.Errorf("a daemon that cannot listen: %v: %s", err, out)
	}
	if err := os.Remove(s.cfg.Socket); err != nil {
		t.Fatal(err)
	}
	s.launchDaemon() // it has let go of its locks
}

func TestDisplacedDaemonDeletesItsSuccessorsSocket(t *testing.T) {
	t.Parallel()
	first := serveScripted(t, claudecli.Pinned)
	for _, file := range []string{first.cfg.Socket, first.cfg.Socket + ".lock"} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t)
	w.cfg.Claude, w.cfg.Socket = first.cfg.Claude, first.cfg.Socket
	second := serve(t, w)
	first.endDaemon(syscall.SIGTERM)
	c, err := client.Dial(second.ctx, second.cfg.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if h, err := c.Health(second.ctx); err != nil || h.PID != second.daemon.Process.Pid {
		t.Errorf("health: %+v, %v", h, err)
	}
	first.cfg.Socket = shortSocket(t)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	first.Client = nil
	first.launchDaemon()
}

func TestStoppedSessionsComeBack(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	stopped := map[string]api.Session{}
	for _, prompt := range []string{"say: hi", "silence", `ask: Bash {"command":"ls"}`} {
		id := s.interactive(prompt)
		s.when(id, func(ses api.Session) bool { return ses.Status != api.StatusQueued && ses.Status != api.StatusStarting })
		s.say(id, "say: later")
		if _, err := s.EndSession(s.ctx, api.EndSessionParams{SessionID: id, Force: true}); err != nil {
			t.Fatal(err)
		}
		stopped[id] = api.Session{}
		s.restart(syscall.SIGKILL) // while it ends
		stopped[id] = s.until(id, final...)
	}
	head := s.head()
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		s.restart(sig)
		for id, before := range stopped {
			if ses := s.when(id, func(api.Session) bool { return true }); ses.Status != before.Status || ses.PID != 0 {
				t.Errorf("session: %+v", ses)
			}
		}
	}
	if now := s.head(); now != head {
		t.Errorf("%d events have come of sessions that had ended", now-head)
	}
}

func TestCancelledTurnRunsAgainAfterARestart(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	id := s.interactive("say: cut off\nsilence")
	s.heard(id, "cut off")
	withdrawn := s.say(id, "say: withdrawn")
	if _, err := s.CancelMessage(s.ctx, api.MessageParams{MessageID: withdrawn.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.InterruptSession(s.ctx, api.InterruptSessionParams{SessionID: id}); err != nil {
		t.Fatal(err)
	}
	s.restart(syscall.SIGKILL)
	s.idle(id, 1)
	s.restart(syscall.SIGKILL)
	s.say(id, "history")
	if ses := s.idle(id, 2); strings.Count(ses.Result, "cut off") != 1 || strings.Contains(ses.Result, "withdrawn") {
		t.Errorf("Claude Code was told %s", ses.Result)
	}
	if said := texts(s.conversation(api.GetConversationParams{SessionID: id})); count(said, "assistant: cut off") != 1 {
		t.Errorf("said: %q", said)
	}
}

func TestOneCorruptRecordTakesTheDaemonDownAgainAndAgain(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]string{"start record": "start.json", "exit record": "exit.json", "journal": "journal", "launch": "launch.json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveScripted(t, claudecli.Pinned)
			id, other := s.interactive("hello"), s.interactive("hello")
			s.idle(id, 1)
			s.idle(other, 1)
			s.strike(id, "daemon and child")
			path := filepath.Join(s.cfg.StateDir, "sessions", id, record)
			poll(func() bool { // the shim's last act
				_, err := os.Stat(filepath.Join(filepath.Dir(path), "exit.json"))
				return err == nil
			})
			if err := os.WriteFile(path, []byte("\x00{\"pid\":"), 0o600); err != nil {
				t.Fatal(err)
			}
			for turn := range 2 {
				s.launchDaemon()
				s.until(id, final...)
				s.say(other, "on")
				s.idle(other, 2+turn)
				s.killDaemon()
			}
			s.launchDaemon()
		})
	}
}

func TestChildInheritsTheDaemonsPathAndKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Claude = serveScripted(t, claudecli.Pinned).cfg.Claude
	s := servePrepared(t, w, func(daemon *exec.Cmd) {
		daemon.Env = append(daemon.Env, "PATH=/the/daemons/bin:"+os.Getenv("PATH"), "ANTHROPIC_API_KEY=the daemon's")
	})
	p := s.prompt("report")
	p.Env = map[string]string{"HOME": s.home, "PATH": "/the/callers/bin:/usr/bin:/bin", "ANTHROPIC_API_KEY": "the caller's"}
	env := s.report(s.launch(p)).Env
	if env["PATH"] != p.Env["PATH"] || env["ANTHROPIC_API_KEY"] != "the caller's" {
		t.Errorf("PATH %q, key %q", env["PATH"], env["ANTHROPIC_API_KEY"])
	}
	for name := range env {
		_, given := p.Env[name]
		if own := strings.HasPrefix(name, "SESSIOND_SESSION") || strings.HasPrefix(name, "SESSIOND_RUN"); !given && !own && name != "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS" {
			t.Errorf("%s is neither the caller's nor documented", name)
		}
	}
}

func TestWorkingForEver(t *testing.T) {
	t.Parallel()
	for _, victim := range []string{"child", "shim", "daemon and child", "daemon and shim"} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			s := serveScripted(t, claudecli.Pinned)
			id := s.interactive("say: at it\nsilence")
			s.heard(id, "at it")
			s.strike(id, victim)
			s.mend(victim)
			if ses := s.until(id, final...); ses.Status != api.StatusFailed || ses.ErrorMessage == "" || ses.PID != 0 {
				t.Errorf("session: %+v", ses)
			}
		})
	}
	t.Run("a process that hears nothing", func(t *testing.T) {
		t.Parallel()
		s := serveScripted(t, claudecli.Pinned)
		id := s.deaf()
		if _, err := s.EndSession(s.ctx, api.EndSessionParams{SessionID: id, Force: true}); err != nil {
			t.Fatal(err)
		}
		s.until(id, final...)
	})
}

func TestReplyLostOnItsWayIsNeverSentAgain(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	id := s.interactive(`ask: Bash {"command":"ls"}`)
	question := s.asked(id)
	dir := filepath.Join(s.cfg.StateDir, "sessions", id)
	started, err := shim.ReadStart(dir)
	if err != nil {
		t.Fatal(err)
	}
	suspend(t, started.ShimPID)
	s.sayNow(id, strings.Repeat("more than its socket takes ", 1<<16)) // what comes behind it stays in the daemon
	s.decide(api.SendDecisionParams{ApprovalID: question.ID, Decision: api.DecisionApprove})
	s.killDaemon()
	if err := syscall.Kill(started.ShimPID, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.launchDaemon()
	s.idle(id, 1)
	if said := s.results(id); len(said) != 1 {
		t.Errorf("the tool said %q", said)
	}
}

func TestInboxOverflowsSilently(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	id := s.interactive(s.gate("turn"))
	s.reached(id, "turn", 0)
	accepted := 0
	for {
		_, err := s.SendMessage(s.ctx, api.SendMessageParams{SessionID: id, Content: api.Text(fmt.Sprint("number ", accepted+1))})
		if err != nil {
			refused(t, err, api.ReasonLimitExceeded)
			break
		}
		accepted++
	}
	s.restart(syscall.SIGKILL)
	if waiting := count(s.states(id), api.MessageQueued); waiting != accepted {
		t.Errorf("%d messages wait of %d that were accepted", waiting, accepted)
	}
	s.open("turn")
	s.when(id, func(ses api.Session) bool { return ses.QueuedMessages < accepted-5 })
	heard := slices.DeleteFunc(texts(s.conversation(api.GetConversationParams{SessionID: id})), func(said string) bool { return !strings.HasPrefix(said, "user: number") })
	for i, said := range heard {
		if said != fmt.Sprint("user: number ", i+1) {
			t.Fatalf("message %d was %q", i+1, said)
		}
	}
}

func TestDeletedWorkingDirectoryCrashLoops(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	w := filepath.Join(s.work, "gone")
	if err := os.Mkdir(w, 0o700); err != nil {
		t.Fatal(err)
	}
	p := s.prompt("hello")
	p.Interactive, p.WorkingDir = ptr(true), &w
	id := s.launch(p)
	s.idle(id, 1)
	if err := os.Remove(w); err != nil {
		t.Fatal(err)
	}
	s.restart(syscall.SIGKILL)
	s.say(id, "its process does not mind")
	s.idle(id, 2)
	s.end(id)
	next, err := s.ContinueSession(s.ctx, api.ContinueSessionParams{SessionID: id, Query: api.Text("hello")})
	if err == nil { // it was there a moment ago, as far as the answer knows
		if ses := s.until(next.SessionID, final...); ses.Status != api.StatusFailed || !strings.Contains(ses.ErrorMessage, w) {
			t.Errorf("continued without its directory: %s, %q", ses.Status, ses.ErrorMessage)
		}
	} else {
		refused(t, err, api.ReasonInvalidParams)
	}
	head := s.head()
	s.restart(syscall.SIGKILL)
	if now := s.head(); now != head {
		t.Errorf("it was tried again: %d events more", now-head)
	}
	if _, err := os.Stat(w); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is there again: %v", err)
	}
}
