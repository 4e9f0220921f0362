package e2e

import (
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestHundredSessionsAreAdopted: a daemon that starts where a hundred sessions
// live asks each of them, once, and has the answers of all soon. BenchmarkAdopt
// says how soon on a machine that has nothing else to do.
func TestHundredSessionsAreAdopted(t *testing.T) {
	t.Parallel()
	const sessions, most = 100, 30 * time.Second
	w := newWorld(t)
	w.cfg.Claude = patientClaude(t)
	w.start()
	var ids []string
	for range sessions {
		ids = append(ids, w.interactive("go"))
	}
	for _, id := range ids {
		w.idle(id, 1)
	}
	w.stop()
	began := time.Now()
	w.start()
	var h api.Health
	var err error
	poll(func() bool { // a session that has not answered is a problem
		h, err = w.Health(w.ctx)
		return err != nil || len(h.Problems) == 0
	})
	took := time.Since(began)
	t.Logf("all have answered after %v", took)
	if took > most {
		t.Errorf("it took %v, more than %v", took, most)
	}
	if err != nil || len(h.Problems) > 0 || h.Sessions[api.StatusWaitingInput] != sessions {
		t.Errorf("health: %+v, %v", h, err)
	}
	for _, id := range ids {
		if n := w.askedAgain(id); n != 1 {
			t.Errorf("session %s was asked %d times", id, n)
		}
	}
}
