package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
)

// eachServed runs a test with every claude there is, and a daemon that can be
// killed.
func eachServed(t *testing.T, test func(t *testing.T, s *served)) {
	t.Parallel()
	for _, version := range claudecli.Versions() {
		t.Run("scripted "+version, func(t *testing.T) {
			t.Parallel()
			test(t, serveScripted(t, version))
		})
		t.Run("real "+version, func(t *testing.T) {
			t.Parallel()
			test(t, serveReal(t, version))
		})
	}
}

// asks is a prompt for a tool that has to be asked for, and that then runs until
// release.
func (s *served) asks(name string) string {
	gate := filepath.Join(s.gates, name)
	if s.API != nil {
		return "bash: touch ran; while [ ! -e " + gate + " ]; do sleep 0.05; done"
	}
	return "ask: Bash {\"command\":\"ls\"}\nwait: " + gate
}

func (s *served) release(name string) { touch(s.t, filepath.Join(s.gates, name)) }

// dir is a session's directory.
func (w *world) dir(id string) string { return filepath.Join(w.cfg.StateDir, "sessions", id) }

// askedAgain counts the answers of Claude Code's that list what it waits for.
func (w *world) askedAgain(id string) (n int) {
	for _, ev := range w.conversation(api.GetConversationParams{SessionID: id, IncludeRaw: true}) {
		if ev.Raw != nil && strings.Contains(*ev.Raw, `"pending_permission_requests"`) {
			n++
		}
	}
	return n
}

// approvals lists all approvals of a session.
func (w *world) approvals(id string) []api.Approval {
	w.t.Helper()
	list, err := w.FetchApprovals(w.ctx, api.FetchApprovalsParams{SessionID: id,
		Status: []api.ApprovalStatus{api.ApprovalPending, api.ApprovalApproved, api.ApprovalDenied, api.ApprovalCancelled}})
	if err != nil {
		w.t.Fatal(err)
	}
	return list.Approvals
}

// stopProcess stops a process as a signal does, until the returned function.
func stopProcess(t *testing.T, pid int) (goOn func()) {
	t.Helper()
	suspend(t, pid)
	goOn = func() { _ = syscall.Kill(pid, syscall.SIGCONT) } // it may be gone
	t.Cleanup(goOn)
	return goOn
}

// TestReadoptOpenQuestion kills the daemon while a question is open: the next one
// asks Claude Code, and the question is the one that it was.
func TestReadoptOpenQuestion(t *testing.T) {
	eachServed(t, func(t *testing.T, s *served) {
		id := s.interactive(s.asks("a"))
		before := s.asked(id)
		s.killDaemon()
		s.launchDaemon()
		if !poll(func() bool { return s.askedAgain(id) == 1 }) {
			t.Fatalf("Claude Code was not asked what it waits for:\n%s", s.dump(id))
		}
		if now := s.asked(id); now.ID != before.ID {
			t.Errorf("approval %s, was %s", now.ID, before.ID)
		}
		s.decide(api.SendDecisionParams{ApprovalID: before.ID, Decision: api.DecisionApprove})
		s.release("a")
		s.idle(id, 1)
		if all := s.approvals(id); len(all) != 1 || all[0].Status != api.ApprovalApproved || len(s.results(id)) != 1 {
			t.Errorf("approvals: %+v, results: %q", all, s.results(id))
		}
	})
}

// TestReadoptAnsweredQuestion kills the daemon when it has answered a question
// that Claude Code has not taken the answer to: it does, once.
func TestReadoptAnsweredQuestion(t *testing.T) {
	eachServed(t, func(t *testing.T, s *served) {
		id := s.interactive(s.asks("a"))
		question := s.asked(id)
		goOn := stopProcess(t, s.until(id, api.StatusWaitingInput).PID)
		s.decide(api.SendDecisionParams{ApprovalID: question.ID, Decision: api.DecisionApprove})
		s.killDaemon()
		s.launchDaemon()
		if all := s.approvals(id); len(all) != 1 || all[0].Status != api.ApprovalApproved {
			t.Errorf("approvals: %+v", all)
		}
		goOn()
		if !poll(func() bool { return s.askedAgain(id) == 1 }) {
			t.Fatalf("Claude Code was not asked what it waits for:\n%s", s.dump(id))
		}
		s.release("a")
		s.idle(id, 1)
		if all := s.approvals(id); len(all) != 1 || all[0].Status != api.ApprovalApproved || len(s.results(id)) != 1 {
			t.Errorf("approvals: %+v, results: %q", all, s.results(id))
		}
	})
}

// TestReadoptCancelledQuestion has a question answered behind the daemon's back,
// while none runs: the next one cancels it here, in mid-turn, for it is not open
// any more.
func TestReadoptCancelledQuestion(t *testing.T) {
	eachServed(t, func(t *testing.T, s *served) {
		id := s.interactive(s.asks("a"))
		question := s.asked(id)
		requestID := s.requestID(id)
		s.killDaemon()
		client, err := shim.Connect(s.ctx, s.dir(id))
		if err != nil {
			t.Fatal(err)
		}
		if err := client.WriteLine(s.ctx, claude.Allow(requestID, question.ToolInput, nil)); err != nil {
			t.Fatal(err)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		s.launchDaemon()
		ses := s.when(id, func(ses api.Session) bool { return ses.PendingApprovals == 0 })
		if ses.Status != api.StatusRunning || ses.NumTurns != 0 {
			t.Errorf("session: %+v", ses)
		}
		if all := s.approvals(id); len(all) != 1 || all[0].Status != api.ApprovalCancelled || all[0].ResolvedBy != "claude" {
			t.Errorf("approvals: %+v", all)
		}
		s.release("a")
		s.idle(id, 1)
	})
}

// requestID is the id under which Claude Code has asked its last question.
func (s *served) requestID(id string) (requestID string) {
	s.t.Helper()
	for _, ev := range s.conversation(api.GetConversationParams{SessionID: id, IncludeRaw: true}) {
		var line struct {
			Type      string `json:"type"`
			RequestID string `json:"request_id"`
		}
		if ev.Raw != nil && json.Unmarshal([]byte(*ev.Raw), &line) == nil && line.Type == "control_request" {
			requestID = line.RequestID
		}
	}
	return requestID
}

// TestReadoptNewQuestion has the line of a question lost with the journal that it
// stood in: Claude Code, asked what it waits for, tells.
func TestReadoptNewQuestion(t *testing.T) {
	t.Parallel()
	for _, version := range claudecli.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := serveScripted(t, version)
			id := s.interactive(s.gate("before") + "\n" + s.asks("a"))
			s.reached(id, "before", 0)
			before := s.until(id, api.StatusRunning)
			s.killDaemon()
			s.open("before")
			journal := filepath.Join(s.dir(id), shim.JournalName)
			if !poll(func() bool {
				content, err := os.ReadFile(journal)
				return err == nil && strings.Contains(string(content), `"can_use_tool"`) && content[len(content)-1] == '\n'
			}) {
				t.Fatal("nothing is asked")
			}
			if err := os.Truncate(journal, 10); err != nil {
				t.Fatal(err)
			}
			s.launchDaemon()
			question := s.asked(id)
			if question.ToolName != "Bash" || before.PendingApprovals != 0 {
				t.Errorf("approval: %+v", question)
			}
			s.decide(api.SendDecisionParams{ApprovalID: question.ID, Decision: api.DecisionApprove})
			s.release("a")
			s.idle(id, 1)
		})
	}
}

// TestReadoptSilentProcess has a process that does not answer when a daemon takes
// over: it holds nobody up, is shown, and goes on when it does answer.
func TestReadoptSilentProcess(t *testing.T) {
	t.Parallel()
	for name, pid := range map[string]func(s *served, id string) int{
		"child": func(s *served, id string) int { return s.idle(id, 1).PID },
		"shim":  func(s *served, id string) int { return s.shimPID(id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveScripted(t, claudecli.Pinned)
			silent, other := s.interactive("say: one"), s.interactive("say: one")
			s.idle(silent, 1)
			s.idle(other, 1)
			goOn := stopProcess(t, pid(s, silent))
			s.killDaemon()
			s.launchDaemon()
			s.say(other, "say: two")
			s.idle(other, 2)
			s.say(silent, "say: two")
			degraded := func() bool {
				h, err := s.Health(s.ctx)
				return err == nil && slices.ContainsFunc(h.Problems, func(p string) bool { return strings.Contains(p, silent) })
			}
			if !poll(degraded) {
				t.Error("health does not show it")
			}
			goOn()
			s.idle(silent, 2)
			if !poll(func() bool { return !degraded() }) {
				t.Error("health shows it still")
			}
			if said := texts(s.conversation(api.GetConversationParams{SessionID: silent})); count(said, "assistant: two") != 1 {
				t.Errorf("said: %v", said)
			}
		})
	}
}

// TestReadoptExitInsteadOfAnswer has the process die while it is asked what it
// waits for: nothing hangs.
func TestReadoptExitInsteadOfAnswer(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	id := s.interactive("say: one")
	pid := s.idle(id, 1).PID
	stopProcess(t, pid)
	s.killDaemon()
	s.launchDaemon()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if ses := s.until(id, final...); ses.Status != api.StatusFailed || ses.ExitSignal != "SIGKILL" {
		t.Errorf("session: %+v", ses)
	}
	if h, err := s.Health(s.ctx); err != nil || strings.Contains(strings.Join(h.Problems, " "), id) {
		t.Errorf("health: %+v, %v", h, err)
	}
}

// TestReadoptTriesAgain has a session that cannot be taken over, for something is
// in the place of its journal: it is shown, refuses calls with the reason, and is
// taken over once it can be.
func TestReadoptTriesAgain(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	id := s.interactive("say: one")
	s.idle(id, 1)
	s.killDaemon()
	journal := filepath.Join(s.dir(id), shim.JournalName)
	if err := os.Rename(journal, journal+".aside"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(journal, 0o700); err != nil {
		t.Fatal(err)
	}
	s.launchDaemon()
	_, err := s.SendMessage(s.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("say: two")})
	if e := refused(t, err, api.ReasonInvalidState); !strings.Contains(e.Message, "journal") {
		t.Errorf("refused: %v", e)
	}
	if h, err := s.Health(s.ctx); err != nil || !strings.Contains(strings.Join(h.Problems, " "), id) {
		t.Errorf("health: %+v, %v", h, err)
	}
	if err := os.Remove(journal); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(journal+".aside", journal); err != nil {
		t.Fatal(err)
	}
	if !poll(func() bool {
		_, err := s.SendMessage(s.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("say: two")})
		return err == nil
	}) {
		t.Fatal("it is not taken over")
	}
	s.idle(id, 2)
}
