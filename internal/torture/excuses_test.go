package torture

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestExcusesOfAFullDisk: that the disk was full excuses what it is the cause of,
// and nothing else.
func TestExcusesOfAFullDisk(t *testing.T) {
	t.Parallel()
	const start, noRoom = "Claude Code could not be started: ", "no space left on device"
	for _, tc := range []struct {
		starved     bool
		message     string // of a session that has failed
		log         string
		problematic bool
	}{
		{true, start + noRoom, "", false},
		{false, start + noRoom, "", true},
		{true, start + "permission denied", "", true},
		{true, "Claude Code is gone, and how it ended is not known", "", true},
		{true, "Claude Code was ended by signal SIGHUP: " + noRoom, "", true},
		{true, start + noRoom, `level=ERROR msg="step not stored" error="no room on the disk"`, false},
		{false, start + noRoom, `level=ERROR msg="step not stored" error="no room on the disk"`, true},
		{true, start + noRoom, `level=ERROR msg="step not stored" error="foreign key constraint failed"`, true},
		{true, start + noRoom, "panic: " + noRoom, true},
	} {
		w := &world{ctx: t.Context(), starved: tc.starved, daemon: &program{log: filepath.Join(t.TempDir(), "log")}}
		if err := os.WriteFile(w.daemon.log, []byte(tc.log+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		created := api.Event{Type: api.EventSessionCreated, Data: []byte(`{"status":"failed"}`)}
		w.checkStatus(&known{id: "a"}, api.Session{Status: api.StatusFailed, ErrorMessage: tc.message}, []api.Event{created})
		w.checkLog()
		if found := len(w.problems) > 0; found != tc.problematic {
			t.Errorf("%+v: %q", tc, w.problems)
		}
	}
}
