package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a store in a directory of its own.
func open(t testing.TB, o Options) *Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "sessiond.db"), o)
}

// openAt opens the store at path and closes it at the end, unless the test has.
func openAt(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

// newRow makes a session that is not in a store yet.
func newRow(change func(*SessionRow)) *SessionRow {
	row := &SessionRow{Session: api.Session{
		ID: uuid.NewString(), RunID: uuid.NewString(), ClaudeSessionID: uuid.NewString(),
		Status: api.StatusRunning, Query: "do it", WorkingDir: "/home/user", Tags: []string{},
		CreatedAt: api.Now(), LastActivityAt: api.Now(),
	}}
	if change != nil {
		change(row)
	}
	return row
}

// create commits a new session.
func create(t testing.TB, s *Store, change func(*SessionRow)) *SessionRow {
	t.Helper()
	row := newRow(change)
	commit(t, s, &Batch{Create: row})
	return row
}

func commit(t testing.TB, s *Store, b *Batch) {
	t.Helper()
	if err := s.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// lineEvent makes an event of a line of Claude Code's.
func lineEvent(n int64, line string) Event {
	return Event{SessionN: n, Type: api.EventConversationUpdated, Time: api.Now(), Kind: api.ConversationMessage,
		FromLine: true, Line: []byte(line)}
}

// typedEvent makes an event of another kind.
func typedEvent(n int64, typ api.EventType) Event {
	return Event{SessionN: n, Type: typ, Time: api.Now(), Data: json.RawMessage(`{"x":1}`)}
}

// wholeLog reads what the filter picks, page by page.
func wholeLog(t testing.TB, s *Store, limit int, f Filter) (all []Event) {
	t.Helper()
	for after := int64(0); after < s.Head(); {
		events, upTo, err := s.Log(t.Context(), after, limit, f)
		if err != nil {
			t.Fatal(err)
		}
		if upTo <= after || len(events) > limit {
			t.Fatalf("after %d: %d events up to %d, limit %d", after, len(events), upTo, limit)
		}
		all = append(all, events...)
		after = upTo
	}
	return all
}

// eventually polls until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(4 * time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("never came: " + what)
		}
	}
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "odd ?name%20#.db")
	for range 2 { // a new one, and one that others could read
		s := openAt(t, path, Options{})
		create(t, s, nil)
		checkPrivate(t, path)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// checkPrivate checks the modes of an open database's files.
func checkPrivate(t *testing.T, path string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", info.Name(), info.Mode())
		}
	}
}

func TestOpenRefusesNewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	row := create(t, s, nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	_, err := Open(t.Context(), path, Options{})
	var newer *NewerSchemaError
	if !errors.As(err, &newer) || newer.Found != 999 || newer.Known < 1 || newer.Known >= 999 {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), path) {
		t.Errorf("%q does not name the database", err)
	}
	execute(t, path, "DELETE FROM goose_db_version WHERE version_id = 999")
	s = openAt(t, path, Options{})
	if _, err := s.Session(t.Context(), row.Session.ID); err != nil {
		t.Error(err)
	}
}

// execute runs one statement on a database that is not open.
func execute(t testing.TB, path, query string) {
	t.Helper()
	c, err := openConn(path, writerParams)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.run(query), c.close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenReportsWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), path, Options{}); err == nil {
		t.Error("opened it", s.Close())
	}
	if s, err := Open(t.Context(), filepath.Join(path, "below"), Options{}); err == nil {
		t.Error("opened a file in a file", s.Close())
	}
}

func TestPragmasHoldOnEveryConnection(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	ctx := t.Context()
	for range maxReaders {
		c, err := s.db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var queryOnly, busy int
		if err := errors.Join(c.QueryRowContext(ctx, "PRAGMA query_only").Scan(&queryOnly),
			c.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&busy)); err != nil {
			t.Fatal(err)
		}
		if queryOnly != 1 || busy != 10000 {
			t.Errorf("query_only %d, busy_timeout %d", queryOnly, busy)
		}
		if _, err := c.ExecContext(ctx, "DELETE FROM meta"); err == nil {
			t.Error("a reader could write")
		}
	}
	w, err := openConn(filepath.Join(t.TempDir(), "db"), strings.Replace(writerParams, "mode=rw", "mode=rwc", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for pragma, want := range map[string]any{"journal_mode": "wal", "synchronous": int64(2), "foreign_keys": int64(1)} {
		if got := one(t, w, "PRAGMA "+pragma); got != want {
			t.Errorf("%s is %v", pragma, got)
		}
	}
}

// one reads one value.
func one(t testing.TB, c *conn, query string) any {
	t.Helper()
	q, err := c.prepare(query)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]driver.Value, 1)
	ok, err := q.row(row)
	if err := errors.Join(err, q.close()); err != nil || !ok {
		t.Fatal(query, ok, err)
	}
	return row[0]
}

func TestEverythingReturnsErrClosed(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	calls := map[string]func() error{
		"Close":                func() error { return s.Close() },
		"Commit":               func() error { return s.Commit(ctx, &Batch{}) },
		"Session":              func() error { _, err := s.Session(ctx, "x"); return err },
		"SessionByKey":         func() error { _, err := s.SessionByKey(ctx, "x"); return err },
		"NewestOfConversation": func() error { _, err := s.NewestOfConversation(ctx, "x"); return err },
		"OpenSessions":         func() error { _, err := s.OpenSessions(ctx); return err },
		"ListSessions":         func() error { _, err := s.ListSessions(ctx, api.ListSessionsParams{}); return err },
		"StatusCounts":         func() error { _, err := s.StatusCounts(ctx); return err },
		"Inbox":                func() error { _, _, err := s.Inbox(ctx); return err },
		"Log":                  func() error { _, _, err := s.Log(ctx, 0, 1, Filter{}); return err },
		"Conversation":         func() error { _, _, err := s.Conversation(ctx, nil, 0, 1, 1); return err },
		"Tools":                func() error { _, err := s.Tools(ctx, 1, nil); return err },
		"LastFromLine":         func() error { return s.LastFromLine(ctx, 1, 0, nil) },
		"ConversationEvent":    func() error { _, err := s.ConversationEvent(ctx, 1); return err },
		"MessagesFrom":         func() error { _, _, err := s.MessagesFrom(ctx, "x", nil, 0, 1); return err },
		"Messages":             func() error { _, _, err := s.Messages(ctx, "", nil); return err },
		"Message":              func() error { _, err := s.Message(ctx, "x"); return err },
		"Approvals":            func() error { _, _, err := s.Approvals(ctx, "", nil); return err },
		"Approval":             func() error { _, err := s.Approval(ctx, "x"); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadingsObeyTheirContext(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Session(ctx, row.Session.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("Session: %v", err)
	}
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "x")}})
	if _, _, err := s.Log(ctx, 0, 10, Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Log: %v", err)
	}
}

// texts returns the lines of events.
func texts(events []Event) (lines []string) {
	for _, e := range events {
		lines = append(lines, string(e.Line))
	}
	return lines
}

// numbered is a line that is told from others.
func numbered(who, i int) string { return fmt.Sprintf(`{"who":%d,"i":%d}`, who, i) }
