package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestDeltasInTheirPlace has a turn come to the daemon all at once: each delta is
// told where it was printed, before the message and the end of the turn that it
// was printed before.
func TestDeltasInTheirPlace(t *testing.T) {
	t.Parallel()
	s := serveScripted(t, claudecli.Pinned)
	p := s.prompt(s.gate("a") + "\npartial: 3")
	p.Interactive, p.IncludePartialMessages = ptr(true), ptr(true)
	id := s.launch(p)
	s.reached(id, "a", 0)
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	heard := s.listen(ctx, id, true)
	pid := s.daemon.Process.Pid
	suspend(t, pid)
	s.open("a")
	printed := poll(func() bool {
		journal, err := os.ReadFile(filepath.Join(s.cfg.StateDir, "sessions", id, "journal"))
		return err == nil && bytes.Contains(journal, []byte(`"type":"result"`))
	})
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil || !printed {
		t.Fatalf("printed the turn: %v; %v", printed, err)
	}
	var got []string
	for _, ev := range heard() {
		switch ev.Type {
		case api.EventPartialMessage:
			got = append(got, "delta")
		case api.EventConversationUpdated:
			if c := decode[api.ConversationEvent](t, ev); c.Role == "assistant" && strings.HasPrefix(c.Content, "delta 1 ") {
				got = append(got, "message")
			}
		case api.EventSessionStatusChanged:
			if decode[api.StatusChange](t, ev).WaitingFor == api.WaitingForMessage {
				got = append(got, "end")
			}
		}
	}
	if diff := cmp.Diff([]string{"delta", "delta", "delta", "delta", "delta", "message", "delta", "delta", "end"}, got); diff != "" {
		t.Error(diff)
	}
}
