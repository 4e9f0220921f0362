package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestMessageGivenBack withdraws a message that was written already, which each
// version of Claude Code confirms in its own way: nothing waits for it any more.
func TestMessageGivenBack(t *testing.T) {
	t.Parallel()
	for _, version := range claudecli.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := scriptedWorld(t, version)
			id := w.launch(w.prompt("say: here\nsilence"))
			w.heard(id, "here")
			sent, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("say: never"), Delivery: api.DeliveryNow})
			if err != nil {
				t.Fatal(err)
			}
			given, err := w.CancelMessage(w.ctx, api.MessageParams{MessageID: sent.Message.ID})
			if err != nil || given.Message.State != api.MessageCancelled {
				t.Fatalf("cancelMessage: %+v, %v", given, err)
			}
			if _, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id}); err != nil {
				t.Fatal(err)
			}
			if ses := w.until(id, final...); ses.Status != api.StatusInterrupted || ses.NumTurns != 1 {
				t.Errorf("session: %+v", ses)
			}
		})
	}
}

// TestDeafClaudeCanBeEnded has a process that never reads, with more written to
// it than its pipe takes: the session can be spoken to, and ended, all the same.
func TestDeafClaudeCanBeEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Claude = filepath.Join(t.TempDir(), "claude")
	script := "#!/bin/sh\n[ \"$1\" = --version ] && echo 2.1.329 && exit\necho '{\"type\":\"system\",\"subtype\":\"init\"}'\nexec sleep 600\n"
	program.Write(t, w.cfg.Claude, script)
	w.start()
	id := w.launch(w.prompt("go"))
	w.until(id, api.StatusRunning)
	for range 3 {
		p := api.SendMessageParams{SessionID: id, Content: api.Text(strings.Repeat("long ", 5000)), Delivery: api.DeliveryNow}
		if _, err := w.SendMessage(w.ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.EndSession(w.ctx, api.EndSessionParams{SessionID: id, Force: true}); err != nil {
		t.Fatal(err)
	}
	if ses := w.until(id, final...); ses.Status != api.StatusInterrupted || ses.ExitSignal != "SIGKILL" {
		t.Errorf("session: %+v", ses)
	}
}
