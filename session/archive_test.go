package session

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// TestArchiveIsReadBack has files that are not what was written to them.
func TestArchiveIsReadBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "archive")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := newArchiveWriter(f)
	for range 1000 {
		w.put(api.ArchiveLine{Event: &api.Event{Seq: 7, SessionID: newID(), Type: api.EventMessageUpdated}})
	}
	if err := errors.Join(w.close(), f.Close(), w.verify(t.Context(), path)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/2] ^= 1
	for name, content := range map[string][]byte{"cut off": whole[:len(whole)-9], "empty": nil, "a bit flipped": flipped} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.verify(t.Context(), path); !errors.Is(err, errArchiveDiffers) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := newArchiveWriter(io.Discard)
	other.put(api.ArchiveLine{End: &api.ArchiveEnd{}})
	if err := errors.Join(other.close(), os.WriteFile(path, whole, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := other.verify(t.Context(), path); !errors.Is(err, errArchiveDiffers) {
		t.Errorf("another archive: %v", err)
	}
}

// withArchivable makes a manager of a database with a session that has ended, and has a
// line for each text.
func withArchivable(t *testing.T, id string, texts ...string) (*Manager, store.SessionRow) {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(t.Context(), filepath.Join(dir, "sessiond.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	m, err := NewManager(Config{Store: st, StateDir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	row := store.SessionRow{Session: api.Session{ID: id, RunID: "run-" + id, Status: api.StatusCompleted, CreatedAt: api.FromMillis(1),
		LastActivityAt: api.FromMillis(1)}, Options: json.RawMessage(`{}`)}
	err = st.Commit(t.Context(), &store.Batch{Create: &row})
	for i, text := range texts {
		err = cmp.Or(err, st.Commit(t.Context(), &store.Batch{Events: []store.Event{{SessionN: row.N, Type: api.EventConversationUpdated,
			Time: api.FromMillis(int64(i)), FromLine: true, Line: []byte(text), Data: json.RawMessage(`{}`)}}}))
	}
	if err != nil {
		t.Fatal(err)
	}
	return m, row
}

// TestWhatCannotBeReadStays: a session of which an event is damaged is not pruned.
func TestWhatCannotBeReadStays(t *testing.T) {
	t.Parallel()
	m, row := withArchivable(t, newID(), `{"a":1}`, `{"b":2}`, `{"c":3}`)
	db, err := sql.Open("sqlite3", filepath.Join(m.cfg.StateDir, "sessiond.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE events SET line = NULL WHERE line = CAST('{\"b\":2}' AS BLOB)"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	result, err := m.PruneSessions(t.Context(), api.PruneSessionsParams{Before: api.At(time.Now()), ArchiveDir: dir})
	if err != nil || len(result.Pruned) != 0 || len(result.Failed) != 1 || result.Failed[0].SessionID != row.Session.ID {
		t.Fatalf("%+v, %v", result, err)
	}
	if _, err := m.store.Session(t.Context(), row.Session.ID); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("there is %v, %v", left, err)
	}
}

// TestARicherArchiveStays: only what the new archive begins with is replaced.
func TestARicherArchiveStays(t *testing.T) {
	t.Parallel()
	dir, id := t.TempDir(), newID()
	usual := filepath.Join(dir, id+".jsonl.gz")
	for _, c := range []struct {
		texts  []string
		beside bool
	}{
		{[]string{`{"a":1}`}, false},
		{[]string{`{"a":1}`}, false},
		{[]string{`{"a":1}`, `{"b":2}`, `{"c":3}`}, false},
		{[]string{`{"a":1}`, `{"b":2}`}, true},
		{[]string{`{"a":1}`, `{"d":2}`, `{"c":3}`, `{"e":4}`}, true},
	} {
		before, _ := os.ReadFile(usual)
		m, row := withArchivable(t, id, c.texts...)
		a, err := m.archive(t.Context(), row, len(c.texts), dir)
		if err != nil || (a.path != usual) != c.beside {
			t.Errorf("%q: %+v, %v", c.texts, a, err)
		}
		if now, _ := os.ReadFile(usual); c.beside && string(now) != string(before) {
			t.Errorf("%q: the other was changed", c.texts)
		}
	}
	if all, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(all) != 3 {
		t.Errorf("there is %q, %v", all, err)
	}
}
