package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestStraysOfAKilledShim kills the shim of a session whose process has started
// others, in sessions of their own. It ends with its process, and by then the
// daemon, that of before or the next, has killed the others.
func TestStraysOfAKilledShim(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"the same daemon": false, "the next daemon": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := scriptedWorld(t, claudecli.Pinned)
			gate := filepath.Join(t.TempDir(), "gate")
			id := w.launch(w.prompt("spawn: 2\nsay: ready\nwait: " + gate))
			w.heard(id, "ready")
			if restart {
				w.stop()
			}
			w.killShim(id)
			if restart {
				w.start()
			}
			touch(t, gate)
			if ses := w.until(id, final...); ses.Status != api.StatusFailed || ses.NumTurns != 1 {
				t.Errorf("session: %+v", ses)
			}
			spawned := 0
			for _, ev := range w.conversation(api.GetConversationParams{SessionID: id}) {
				pids, said := strings.CutPrefix(ev.Content, "spawned ")
				if !said || ev.Role != "assistant" {
					continue
				}
				for pid := range strings.FieldsSeq(pids) {
					spawned++
					environ, _ := os.ReadFile(filepath.Join("/proc", pid, "environ"))
					if strings.Contains(string(environ), id) { // else it is another by now
						t.Errorf("process %s is left", pid)
					}
				}
			}
			if spawned != 2 {
				t.Errorf("%d were spawned", spawned)
			}
		})
	}
}
