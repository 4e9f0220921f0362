package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestForkBeforeTheFirstLine forks a live session that has printed nothing yet:
// what it goes on from can be forked all the same.
func TestForkBeforeTheFirstLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.MaxSessions = 1
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	w.start()
	parent := w.run("say: one")
	gate := filepath.Join(t.TempDir(), "gate")
	w.launch(w.prompt("wait: " + gate)) // has the only slot
	child, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: parent.ID, Query: api.Text("say: two")})
	if err != nil || child.Status != api.StatusQueued {
		t.Fatalf("%+v, %v", child, err)
	}
	fork, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: child.SessionID, Query: api.Text("say: three"), Fork: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.until(fork.SessionID, final...)
	want := []string{"user: say: one", "assistant: one", "user: say: three", "assistant: three"}
	if diff := cmp.Diff(want, texts(w.conversation(api.GetConversationParams{SessionID: fork.SessionID}))); diff != "" {
		t.Error(diff)
	}
}

// TestContinuedAsItWasChanged changes a session while it runs: what continues it
// inherits the title and the tags that it has now.
func TestContinuedAsItWasChanged(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	p := w.prompt("say: hi")
	p.Title, p.Tags = ptr("old"), &[]string{"old"}
	parent := w.until(w.launch(p), final...)
	if _, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: parent.ID, Title: ptr("new"), Tags: &[]string{"new"}}); err != nil {
		t.Fatal(err)
	}
	result, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: parent.ID, Query: api.Text("say: more")})
	if err != nil {
		t.Fatal(err)
	}
	if child := w.until(result.SessionID, final...); child.Title != "new" || !slices.Equal(child.Tags, []string{"new"}) {
		t.Errorf("title %q, tags %v", child.Title, child.Tags)
	}
}

func TestNoModelIsRefused(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	p := w.prompt("say: hi")
	p.Interactive = ptr(true)
	id := w.launch(p)
	w.until(id, api.StatusWaitingInput)
	_, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: id, Model: ptr(" ")})
	if refused := new(api.Error); !errors.As(err, &refused) || refused.Data["field"] != "model" {
		t.Errorf("updateSession: %v", err)
	}
	if _, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: id, Model: ptr("")}); err == nil || err.Error() != `model: "" is not a model's name` {
		t.Errorf("updateSession: %v", err)
	}
}
