package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

// copyDatabase copies the files of a live database, as a crash leaves them. Nobody may
// commit meanwhile.
func copyDatabase(t *testing.T, path string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := copyLive(path, copied); err != nil {
		t.Fatal(err)
	}
	return copied
}

// copyLive copies the log first: a checkpoint between the two would take from it what
// the database did not have yet. The other way round both have it.
func copyLive(from, to string) error {
	for _, suffix := range []string{"-wal", ""} {
		b, err := os.ReadFile(from + suffix)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to+suffix, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// filled makes a session with everything, and many events.
func filled(t *testing.T, s *Store, events int) *SessionRow {
	t.Helper()
	row := create(t, s, func(r *SessionRow) {
		r.Session.Tags = []string{"tag"}
		r.Engine = []byte("{}")
		r.IdempotencyKey = uuid.NewString()
	})
	b := &Batch{
		Messages:  []api.Message{{ID: uuid.NewString(), SessionID: row.Session.ID, Content: api.Text("x"), State: api.MessageQueued}},
		Approvals: []api.Approval{{ID: uuid.NewString(), SessionID: row.Session.ID, Status: api.ApprovalPending}},
	}
	for range events {
		b.Events = append(b.Events, lineEvent(row.N, "x"))
	}
	commit(t, s, b)
	return row
}

// remove deletes a session as its owner does.
func remove(t *testing.T, s *Store, row *SessionRow) {
	t.Helper()
	e := typedEvent(0, api.EventSessionDeleted)
	e.Data = nil
	e.SessionID, e.RunID = row.Session.ID, row.Session.RunID
	commit(t, s, &Batch{Delete: row.N, Events: []Event{e}})
}

// stored counts what is in the file of a session.
func stored(t *testing.T, s *Store, n int64) (count int) {
	t.Helper()
	if err := s.db.QueryRow("SELECT count(*) FROM events WHERE session = ?", n).Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

func TestDeleteHidesAtOnceAndRemovesBehind(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	const many = 10 * purgeRows
	kept, gone := filled(t, s, 5), filled(t, s, many)
	remove(t, s, gone)
	ctx := t.Context()
	log := wholeLog(t, s, 100, Filter{})
	if len(log) != 6 {
		t.Fatalf("%d events are shown", len(log))
	}
	last := log[5]
	if last.Type != api.EventSessionDeleted || last.SessionID != gone.Session.ID || last.RunID != gone.Session.RunID {
		t.Errorf("last event %+v", last)
	}
	for _, f := range []Filter{{SessionID: gone.Session.ID}, {RunID: gone.Session.RunID}, {Types: []api.EventType{api.EventSessionDeleted}}} {
		if got := wholeLog(t, s, 100, f); len(got) != 1 || got[0].Seq != last.Seq {
			t.Errorf("%+v: %d events", f, len(got))
		}
	}
	if _, err := s.Session(ctx, gone.Session.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("session: %v", err)
	}
	if events, more, err := s.Conversation(ctx, []Segment{{N: gone.N}, {N: kept.N}}, 0, 10000, 1<<20); len(events) != 5 || more || err != nil {
		t.Errorf("conversation: %d events, more %v, %v", len(events), more, err)
	}
	if _, err := s.ConversationEvent(ctx, 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("event: %v", err)
	}
	if n, _, err := s.Inbox(ctx); n != 1 || err != nil {
		t.Errorf("inbox: %d, %v", n, err)
	}
	if a, _, err := s.Approvals(ctx, "", nil); len(a) != 1 || err != nil {
		t.Errorf("approvals: %d, %v", len(a), err)
	}
	eventually(t, "the events' removal", func() bool { return stored(t, s, gone.N) == 1 })
	if n := stored(t, s, kept.N); n != 5 {
		t.Errorf("%d events of the other are left", n)
	}
	eventually(t, "the deletion's end", func() bool { open, err := s.openDeletions(ctx); return err == nil && len(open) == 0 })
	if err := s.Commit(ctx, &Batch{Delete: gone.N}); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted again: %v", err)
	}
	if err := s.Commit(ctx, &Batch{Events: []Event{lineEvent(gone.N, "late")}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("appended behind: %v", err)
	}
}

func TestRemovalGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	block := make(chan struct{})
	s := openAt(t, path, Options{Published: func(events []Event) {
		if events[0].Type == api.EventSessionDeleted {
			<-block // so that nothing is removed yet
		}
	}})
	defer close(block)
	gone := filled(t, s, 3*purgeRows)
	go func() {
		_ = s.Commit(t.Context(), &Batch{Delete: gone.N, Events: []Event{typedEvent(0, api.EventSessionDeleted)}})
	}()
	eventually(t, "the deletion", func() bool { _, err := s.Session(t.Context(), gone.Session.ID); return errors.Is(err, ErrNotFound) })
	if n := stored(t, s, gone.N); n != 3*purgeRows+1 {
		t.Fatalf("%d events", n)
	}
	again := openAt(t, copyDatabase(t, path), Options{})
	if n := len(wholeLog(t, again, 100, Filter{})); n != 1 {
		t.Errorf("%d events are shown", n)
	}
	eventually(t, "the events' removal", func() bool { return stored(t, again, gone.N) == 1 })
}

// TestRemovalGoesInSmallSteps: as many as a commit has, or as much.
func TestRemovalGoesInSmallSteps(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	small, large := filled(t, s, 3*purgeRows), create(t, s, nil)
	for range 5 {
		commit(t, s, &Batch{Events: line(large.N, bytes.Repeat([]byte("x"), purgeBytes*2/3), 2)})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := openConn(path, writerParams)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	purge, err := c.prepare(purgeEventsSQL)
	if err != nil {
		t.Fatal(err)
	}
	defer purge.close()
	for n, want := range map[int64][]int64{small.N: {purgeRows, purgeRows, purgeRows, 0}, large.N: {3, 4, 3, 0}} {
		for i, w := range want {
			if removed, err := purge.change(n, int64(purgeRows), int64(purgeBytes)); removed != w || err != nil {
				t.Errorf("step %d: %d events removed, not %d, %v", i, removed, w, err)
			}
		}
	}
}
