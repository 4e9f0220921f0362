package e2e

import (
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
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
