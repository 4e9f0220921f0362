package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// overwrite replaces bytes of a file.
func overwrite(t testing.TB, path string, at int64, with []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(with, at); err != nil {
		t.Fatal(err)
	}
}

// pageOf finds the page of a database file that holds a text.
func pageOf(t testing.TB, path, text string) int64 {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(content, []byte(text))
	if at < 0 {
		t.Fatalf("%q is not in the file", text)
	}
	return int64(at) / pageSize
}

// TestADamagedPageOfEvents: what stands in it is left out of replays and named;
// all else is there, sessions are listed, and commits go on.
func TestADamagedPageOfEvents(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	row := create(t, s, nil)
	const many = 1000
	for i := range many {
		commit(t, s, &Batch{Events: []Event{lineEvent(row.N, fmt.Sprintf("number <%d> %s", i, strings.Repeat("x", 400)))}})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	overwrite(t, path, pageOf(t, path, "number <500>")*pageSize, bytes.Repeat([]byte{0xee}, pageSize))
	if err := Check(t.Context(), path); !errors.Is(err, ErrCorrupt) {
		t.Errorf("check: %v", err)
	}

	s = openAt(t, path, Options{})
	for _, f := range []Filter{{}, {SessionID: row.Session.ID}} {
		log := texts(wholeLog(t, s, 100, f))
		if len(log) < many-20 || len(log) == many {
			t.Errorf("%d events", len(log))
		}
		if !strings.HasPrefix(log[0], "number <0>") || !strings.HasPrefix(log[len(log)-1], fmt.Sprintf("number <%d>", many-1)) {
			t.Errorf("from %.20q to %.20q", log[0], log[len(log)-1])
		}
	}
	if err := s.Problem(); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "event 49") ||
		!strings.Contains(err.Error(), "sessiond doctor") {
		t.Errorf("problem: %v", err)
	}
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "more")}})
	if list, err := s.ListSessions(t.Context(), api.ListSessionsParams{}); err != nil || len(list.Sessions) != 1 {
		t.Errorf("%d sessions, %v", len(list.Sessions), err)
	}
	if _, _, err := s.Conversation(t.Context(), []Segment{{N: row.N}}, 0, many, 1<<30); !errors.Is(err, ErrCorrupt) {
		t.Errorf("conversation: %v", err)
	}
}

// TestDamagedEvents: an event of nobody, one without its bytes, and the parts of
// a line whose first is gone do not hold up the replay of all others.
func TestDamagedEvents(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	row := create(t, s, nil)
	commit(t, s, &Batch{Events: slices.Concat([]Event{lineEvent(row.N, "a"), lineEvent(row.N, "b"), lineEvent(row.N, "c")},
		line(row.N, []byte("parts"), 3), []Event{lineEvent(row.N, ""), lineEvent(row.N, "z")})})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, path, "UPDATE events SET session = 999 WHERE seq = 2")
	execute(t, path, "UPDATE events SET line = NULL WHERE seq = 3")
	execute(t, path, "DELETE FROM events WHERE seq = 4")
	s = openAt(t, path, Options{})
	if got := texts(wholeLog(t, s, 3, Filter{})); !slices.Equal(got, []string{"a", "", "z"}) {
		t.Errorf("log %q", got)
	}
	if events, _, err := s.Conversation(t.Context(), []Segment{{N: row.N}}, 0, 10, 1<<20); err != nil || len(events) != 3 {
		t.Errorf("%d events, %v", len(events), err)
	}
	if err := s.Problem(); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "event 2") || !strings.Contains(err.Error(), "3 others") {
		t.Errorf("problem: %v", err)
	}
}

// TestADamagedIndex: what cannot be written for it fails alone.
func TestADamagedIndex(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	rows := []*SessionRow{}
	for i := range 200 {
		rows = append(rows, create(t, s, func(r *SessionRow) {
			r.IdempotencyKey = fmt.Sprintf("the-key-of-session-%03d-%s", i, strings.Repeat("k", 100))
		}))
	}
	var root int64
	if err := s.db.QueryRow("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_session_launches_1'").Scan(&root); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	overwrite(t, path, (root-1)*pageSize, bytes.Repeat([]byte{0xee}, 100))
	s = openAt(t, path, Options{})
	for range 2 {
		err := s.Commit(t.Context(), &Batch{Create: newRow(func(r *SessionRow) { r.IdempotencyKey = "new" })})
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("a new session: %v", err)
		}
		if err := s.Problem(); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("problem: %v", err)
		}
		commit(t, s, &Batch{Events: []Event{lineEvent(rows[7].N, "goes on")}, Update: &SessionUpdate{N: rows[7].N, JournalOffset: 1}})
	}
	if n := len(wholeLog(t, s, 10, Filter{})); n != 2 {
		t.Errorf("%d events", n)
	}
	if open, err := s.OpenSessions(t.Context()); err != nil || len(open) != len(rows) {
		t.Errorf("%d open sessions, %v", len(open), err)
	}
}

// TestADamagedLog: the write-ahead log of a crash that is cut or overwritten
// anywhere gives a state that was: commits up to one of them, whole.
func TestADamagedLog(t *testing.T) {
	t.Parallel()
	block := make(chan struct{})
	defer close(block)
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	row := create(t, s, nil)
	const many = 40
	for i := range many {
		b := &Batch{Update: &SessionUpdate{N: row.N, JournalOffset: int64(i + 1)}}
		for k := range 3 {
			b.Events = append(b.Events, lineEvent(row.N, numbered(0, 3*i+k)))
		}
		commit(t, s, b)
	}
	left := copyDatabase(t, path)
	log, err := os.ReadFile(left + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if len(log) < 10*pageSize {
		t.Skip("it was folded in already")
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // G404: to be the same each time
	shorter := 0
	for range 40 {
		damaged := filepath.Join(t.TempDir(), "db")
		copyFile(t, left, damaged)
		content := slices.Clone(log)
		at := random.IntN(len(content))
		if random.IntN(2) == 0 {
			content = content[:at]
		} else {
			for i := at; i < min(at+1+random.IntN(5000), len(content)); i++ {
				content[i] = byte(random.Uint32())
			}
		}
		if err := os.WriteFile(damaged+"-wal", content, 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Open(t.Context(), damaged, Options{})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("damaged at %d: %v", at, err)
			}
			continue
		}
		got, err := again.Session(t.Context(), row.Session.ID)
		events := wholeLog(t, again, 1000, Filter{})
		if err == nil && int64(len(events)) != 3*got.JournalOffset {
			t.Errorf("damaged at %d: %d events with offset %d", at, len(events), got.JournalOffset)
		}
		for i, e := range events {
			if string(e.Line) != numbered(0, i) {
				t.Fatalf("damaged at %d: event %d is %q", at, i, e.Line)
			}
		}
		if len(events) < 3*many {
			shorter++
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
		if err := Check(t.Context(), damaged); err != nil {
			t.Errorf("damaged at %d: %v", at, err)
		}
	}
	if shorter == 0 {
		t.Error("nothing was damaged")
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
}
