package e2e

import (
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session"
)

// database opens the database beside the daemon, or in its place.
func (w *world) database() *sql.DB {
	w.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(w.cfg.StateDir, "sessiond.db")+"?mode=rw&_busy_timeout=60000&_txlock=immediate")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = db.Close() })
	return db
}

// age makes sessions some hours older, the first the oldest. No daemon runs.
func (w *world) age(ids ...string) {
	w.t.Helper()
	db := w.database()
	for i, id := range ids {
		at := time.Now().Add(-2 * time.Hour).Add(time.Duration(i) * time.Minute)
		if _, err := db.Exec("UPDATE sessions SET last_activity_at = ? WHERE id = ?", at.UnixMilli(), id); err != nil {
			w.t.Fatal(err)
		}
	}
}

// deleted follows the log from its beginning until so many sessions are deleted.
func (w *world) deleted(n int) []string {
	w.t.Helper()
	ids := []string{}
	for ev, err := range w.Events(w.ctx, api.SubscribeParams{AfterSeq: ptr(int64(0)), EventTypes: []api.EventType{api.EventSessionDeleted}}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if ids = append(ids, ev.SessionID); len(ids) == n {
			break
		}
	}
	return ids
}

// problems polls health until what it says is as wanted.
func (w *world) problems(wanted func(string) bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		h, err := w.Health(w.ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		if wanted(strings.Join(h.Problems, "; ")) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("health says %q", h.Problems)
		}
	}
}

// smaller waits until the database's file has at most so many bytes.
func (w *world) smaller(bytes int64) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		fi, err := os.Stat(filepath.Join(w.cfg.StateDir, "sessiond.db"))
		if err != nil {
			w.t.Fatal(err)
		}
		if fi.Size() <= bytes {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the database has %d bytes", fi.Size())
		}
	}
}

// TestRetentionByAge has a daemon that archives and deletes what is old by
// itself, and leaves alone what lives.
func TestRetentionByAge(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	p := w.prompt("say: alive")
	p.Interactive = ptr(true)
	alive := w.launch(p)
	w.until(alive, api.StatusWaitingInput)
	ended := []string{w.run("say: one").ID, w.run("say: two").ID}
	fresh := w.run("say: three").ID
	w.stop()
	w.age(append([]string{alive}, ended...)...)
	archives := filepath.Join(t.TempDir(), "deep", "archives")
	w.cfg.Retention = session.Retention{After: time.Hour, ArchiveDir: archives}
	w.start()
	gone := w.deleted(2)
	slices.Sort(gone)
	if diff := cmp.Diff(ended, gone); diff != "" || w.gone(alive) || w.gone(fresh) {
		t.Errorf("gone: %s", diff)
	}
	for _, id := range ended {
		if a := readArchive(t, filepath.Join(archives, id+".jsonl.gz")); a.header.Session.ID != id || a.end == nil {
			t.Errorf("archive: %+v", a)
		}
	}
}

// TestRetentionBySize has more in the database than it may hold: the oldest
// sessions go, and no more of them than need be.
func TestRetentionBySize(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	var ids []string
	for range 5 {
		ids = append(ids, w.run("bigline: 1000000").ID)
	}
	fresh := w.run("bigline: 1000000").ID
	w.stop()
	w.age(ids...)
	w.cfg.Retention = session.Retention{MaxBytes: 3_800_000}
	w.start()
	if diff := cmp.Diff(ids[:3], slices.Sorted(slices.Values(w.deleted(3)))); diff != "" {
		t.Errorf("deleted: %s", diff)
	}
	for _, id := range ids[3:] {
		if w.gone(id) {
			t.Errorf("%s is gone too", id)
		}
	}
	w.smaller(w.cfg.Retention.MaxBytes)
	w.stop()

	// What has ended just now is not gone before anybody could look.
	w.cfg.Retention = session.Retention{MaxBytes: 1000}
	w.start()
	w.deleted(5)
	w.problems(func(text string) bool { return strings.Contains(text, "max_database_bytes") })
	if w.gone(fresh) {
		t.Error("the session that has just ended is gone")
	}
	h, err := w.Health(w.ctx)
	if err != nil || h.Status != api.HealthDegraded {
		t.Errorf("health: %+v, %v", h, err)
	}
}

// TestRetentionThatCannotArchive deletes nothing, and health says why.
func TestRetentionThatCannotArchive(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	ses := w.run("say: hi").ID
	w.stop()
	w.age(ses)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.cfg.Retention = session.Retention{After: time.Hour, MaxBytes: 1000, ArchiveDir: file}
	w.start()
	w.problems(func(text string) bool { return strings.Contains(text, file) })
	if w.gone(ses) {
		t.Error("it is gone without an archive")
	}
}

// TestJournalStaysUntilItIsStored has the database locked while a session ends:
// its journal is there, whole, until its lines are stored, and not any longer.
func TestJournalStaysUntilItIsStored(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	gate := filepath.Join(t.TempDir(), "gate")
	id := w.launch(w.prompt("wait: " + gate + "\nsay: the last words\nresult-exit: 0"))
	w.until(id, api.StatusRunning)
	dir := filepath.Join(w.cfg.StateDir, "sessions", id)
	tx, err := w.database().Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "exit.json")); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	journal, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil || !strings.Contains(string(journal), "the last words") {
		t.Errorf("journal %.200q, %v", journal, err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	w.until(id, final...)
	w.swept(dir)
	if said := texts(w.conversation(api.GetConversationParams{SessionID: id})); !slices.Contains(said, "assistant: the last words") {
		t.Errorf("said: %q", said)
	}
}

// swept waits until a session's directory is gone.
func (w *world) swept(dir string) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		_, err := os.Stat(dir)
		if os.IsNotExist(err) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s is still there, %v", dir, err)
		}
	}
}

// TestJournalOfADaemonThatIsGone ends a session while no daemon runs. Its files
// stay until the next daemon has stored the last line; and where that one is
// killed before it could remove them, the one after does, and stores nothing twice.
func TestJournalOfADaemonThatIsGone(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	gate := filepath.Join(t.TempDir(), "gate")
	id := w.launch(w.prompt("wait: " + gate + "\nsay: the last words\nresult-exit: 0"))
	w.until(id, api.StatusRunning)
	dir := filepath.Join(w.cfg.StateDir, "sessions", id)
	w.stop()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		_, ended := os.Stat(filepath.Join(dir, "exit.json"))
		_, holds := os.Stat(filepath.Join(dir, "shim.sock")) // a moment longer, and no copy is made of it
		if ended == nil && os.IsNotExist(holds) {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%v, %v", ended, holds)
		}
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.until(id, final...)
	w.swept(dir)
	want := w.conversation(api.GetConversationParams{SessionID: id, IncludeRaw: true})
	w.stop()
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.CopyFS(dir, os.DirFS(copied))); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.swept(dir)
	if diff := cmp.Diff(want, w.conversation(api.GetConversationParams{SessionID: id, IncludeRaw: true})); diff != "" || len(want) == 0 {
		t.Error(diff)
	}
}

// TestDeletionSaysWho has a session deleted, one pruned, and one gone by itself: the
// event that is left says so, also of one that a version deleted that did not.
func TestDeletionSaysWho(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	before, deleted, pruned := w.run("say: nothing").ID, w.run("say: one").ID, w.run("say: two").ID
	for _, id := range []string{before, deleted} {
		if _, err := w.DeleteSession(w.ctx, api.SessionParams{SessionID: id}); err != nil {
			t.Fatal(err)
		}
	}
	archives := t.TempDir()
	w.prune(api.PruneSessionsParams{ArchiveDir: archives})
	retained := w.run("say: three").ID
	w.stop()
	w.age(retained)
	if _, err := w.database().Exec("UPDATE events SET data = NULL WHERE type = 'session_deleted' AND session = (SELECT n FROM deletions WHERE session_id = ?)", before); err != nil {
		t.Fatal(err)
	}
	own := t.TempDir()
	w.cfg.Retention = session.Retention{After: time.Hour, ArchiveDir: own}
	w.start()
	got := map[string]api.SessionDeletion{}
	for ev, err := range w.Events(w.ctx, api.SubscribeParams{AfterSeq: ptr(int64(0)), EventTypes: []api.EventType{api.EventSessionDeleted}}) {
		var why api.SessionDeletion
		if err = errors.Join(err, json.Unmarshal(ev.Data, &why)); err != nil {
			t.Fatal(err)
		}
		if got[ev.SessionID] = why; ev.SessionID == retained {
			break
		}
	}
	want := map[string]api.SessionDeletion{
		before:   {},
		deleted:  {DeletedBy: api.DeletedByClient},
		pruned:   {DeletedBy: api.DeletedByClient, Archive: filepath.Join(archives, pruned+".jsonl.gz")},
		retained: {DeletedBy: api.DeletedByRetention, Archive: filepath.Join(own, retained+".jsonl.gz")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
