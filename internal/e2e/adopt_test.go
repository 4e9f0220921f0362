package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// deaf launches a session that heeds nothing but SIGKILL.
func (w *world) deaf() string {
	w.t.Helper()
	id := w.launch(w.prompt("ignore-signals"))
	w.heard(id, "nothing but SIGKILL from here on")
	return id
}

// killShim kills a session's shim, and leaves the child to itself.
func (w *world) killShim(id string) {
	w.t.Helper()
	started, err := shim.ReadStart(filepath.Join(w.cfg.StateDir, "sessions", id))
	if err == nil {
		err = syscall.Kill(started.ShimPID, syscall.SIGKILL)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestEndGoesOnAfterRestart stops the daemon while it waits for a process to
// end: the next one makes it.
func TestEndGoesOnAfterRestart(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	id := w.deaf()
	if _, err := w.EndSession(w.ctx, api.EndSessionParams{SessionID: id}); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.start()
	if ses := w.until(id, final...); ses.Status != api.StatusInterrupted || ses.ExitSignal != "SIGKILL" {
		t.Errorf("session: %+v", ses)
	}
}

// TestEndWithoutShim ends a process that nobody holds, and that ends by itself
// neither at end-of-file nor at SIGTERM.
func TestEndWithoutShim(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"the same daemon": false, "the next daemon": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := scriptedWorld(t, claudecli.Pinned)
			id := w.deaf()
			if restart {
				w.stop()
			}
			w.killShim(id)
			if restart {
				w.start()
			}
			if _, err := w.EndSession(w.ctx, api.EndSessionParams{SessionID: id}); err != nil {
				t.Fatal(err)
			}
			if ses := w.until(id, final...); ses.Status != api.StatusInterrupted || ses.ExitCode != nil {
				t.Errorf("session: %+v", ses)
			}
		})
	}
}

// TestQuestionWithoutShim has a question open when the shim dies: nobody can
// answer it any more, and nobody is told that he has.
func TestQuestionWithoutShim(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"the same daemon": false, "the next daemon": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := scriptedWorld(t, claudecli.Pinned)
			gate := filepath.Join(t.TempDir(), "gate")
			p := w.prompt("ask: Bash {\"command\":\"ls\"}\nwait: " + gate)
			p.Interactive = ptr(true)
			id := w.launch(p)
			w.when(id, func(s api.Session) bool { return s.PendingApprovals == 1 })
			asked, err := w.FetchApprovals(w.ctx, api.FetchApprovalsParams{SessionID: id})
			if err != nil {
				t.Fatal(err)
			}
			if restart {
				w.stop()
			}
			w.killShim(id)
			if restart {
				w.start()
			}
			w.when(id, func(s api.Session) bool { return s.PendingApprovals == 0 })
			_, err = w.SendDecision(w.ctx, api.SendDecisionParams{ApprovalID: asked.Approvals[0].ID, Decision: api.DecisionApprove})
			if refused := new(api.Error); !errors.As(err, &refused) || refused.Reason != api.ReasonAlreadyResolved {
				t.Errorf("sendDecision: %v", err)
			}
			_, err = w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("say: more")})
			if refused := new(api.Error); !errors.As(err, &refused) || refused.Reason != api.ReasonInvalidState {
				t.Errorf("sendMessage: %v", err)
			}
			if err := os.WriteFile(gate, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if ses := w.until(id, final...); ses.Status != api.StatusFailed || ses.ExitCode != nil || ses.NumTurns != 1 {
				t.Errorf("session: %+v", ses)
			}
		})
	}
}

// TestRestartWhileStarting stops the daemon while processes are being started:
// none is started twice, none is given up, and none is left to itself.
func TestRestartWhileStarting(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	for range 4 {
		var ids []string
		for range 8 {
			ids = append(ids, w.launch(w.prompt("say: hi")))
		}
		w.stop()
		w.start()
		for _, id := range ids {
			if ses := w.until(id, final...); ses.Status != api.StatusCompleted {
				t.Errorf("%s: %s", ses.Status, ses.ErrorMessage)
			}
		}
	}
}
