package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestFailsToStart has programs that cannot be started, or give up before they
// say anything: the session has failed, and says why, with the end of stderr.
func TestFailsToStart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ program, message string }{
		"gives up":           {"#!/bin/sh\necho 'first words' >&2; echo 'no config found' >&2; exit 7\n", "exited with code 7 before it printed anything: first words\nno config found"},
		"is killed":          {"#!/bin/sh\nkill -9 $$\n", "SIGKILL before it printed anything"},
		"has no such loader": {"#!/no/such/interpreter\n", "could not be started"},
		"is no program":      {"\x00\x01\x02\x03", "could not be started"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.cfg.Claude = filepath.Join(t.TempDir(), "claude")
			program.Write(t, w.cfg.Claude, tc.program)
			w.start()
			ses := w.run("hello")
			if ses.Status != api.StatusFailed || !strings.Contains(ses.ErrorMessage, tc.message) {
				t.Errorf("%s: %q", ses.Status, ses.ErrorMessage)
			}
			if diff := cmp.Diff([]api.Status{"starting", "failed"}, w.changes(ses.ID)); diff != "" {
				t.Error(diff)
			}
			messages, err := w.ListMessages(w.ctx, api.ListMessagesParams{SessionID: ses.ID})
			if err != nil || len(messages.Messages) != 1 || messages.Messages[0].State != api.MessageFailed || messages.Messages[0].Reason != api.MessageNotStarted {
				t.Errorf("messages: %+v, %v", messages, err)
			}
		})
	}
}
