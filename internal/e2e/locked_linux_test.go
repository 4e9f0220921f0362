package e2e

import (
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestLockedDatabaseIsToldToAllAtOnce: who calls while another program keeps the
// database waits for it once, not once more for everybody before him. A call that
// names its message or its launch waits behind nobody else's.
func TestLockedDatabaseIsToldToAllAtOnce(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	var ids []string
	for range 2 {
		id := w.interactive("say: ready")
		w.idle(id, 1)
		ids = append(ids, id)
	}
	db, err := sql.Open("sqlite3", filepath.Join(w.cfg.StateDir, "sessiond.db")+"?_txlock=immediate&_busy_timeout=60000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(w.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var calls sync.WaitGroup
	refused := func(what string, err error) {
		if err == nil || !strings.Contains(err.Error(), "another program keeps the database for itself") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range 8 {
		calls.Go(func() {
			p := api.SendMessageParams{SessionID: ids[i%2], Content: api.Text("say: x"), MessageID: uuid.NewString()}
			_, err := w.SendMessage(w.ctx, p)
			refused("sendMessage", err)
		})
	}
	calls.Go(func() {
		p := w.prompt("say: x")
		p.IdempotencyKey = "key"
		_, err := w.LaunchSession(w.ctx, p)
		refused("launchSession", err)
	})
	calls.Wait()
	// The first waits for 10 s. One by one it would be 90.
	if took := time.Since(began); took > time.Minute {
		t.Errorf("the last was told after %v", took)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	w.well()
}
