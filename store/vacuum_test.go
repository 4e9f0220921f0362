package store

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"
)

// removedBehindALock is a store that cannot remove a deleted session's events,
// because another program keeps the database.
func removedBehindALock(t *testing.T) (s *Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "db")
	s = openAt(t, path, Options{})
	row := filled(t, s, 3*purgeRows)
	s.Hurry()
	remove(t, s, row)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hold(t, path, "BEGIN IMMEDIATE"))
	return openAt(t, path, Options{patience: time.Nanosecond}), path
}

// TestVacuumWaitsNoLonger than its context, and the store's hurry, for events
// that are being removed.
func TestVacuumWaitsNoLonger(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stop func(s *Store, cancel func())
		want error
	}{
		"its context": {func(_ *Store, cancel func()) { cancel() }, context.Canceled},
		"hurry":       {func(s *Store, _ func()) { s.Hurry() }, ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := removedBehindALock(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() {
				_, err := s.Vacuum(ctx)
				done <- err
			}()
			eventually(t, "it waits", func() bool {
				waiting := make(chan int, 1)
				s.writer.jobs <- func() { waiting <- len(s.writer.vacuuming) }
				return <-waiting == 1
			})
			c.stop(s, cancel)
			select {
			case err := <-done:
				if !errors.Is(err, c.want) {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Fatal("it still waits")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if n := count(t, path, "SELECT count(*) FROM deletions WHERE purged = 0"); n != 1 {
				t.Errorf("%d removals go on with the next start", n)
			}
		})
	}
}

// TestNoChoreInAHurry: what remains of deleted sessions stays for the next start.
func TestNoChoreInAHurry(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := filled(t, s, 3*purgeRows)
	s.Hurry()
	remove(t, s, row)
	if _, err := s.Vacuum(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("vacuum: %v", err)
	}
	other := create(t, s, nil) // the writer has had the time
	commit(t, s, &Batch{Events: []Event{lineEvent(other.N, "x")}})
	if n := stored(t, s, row.N); n < 3*purgeRows {
		t.Errorf("%d events are left", n)
	}
}

// told calls a function for each message of a log.
type told struct {
	slog.Handler
	call func(message string)
}

func (told) Enabled(context.Context, slog.Level) bool { return true }

func (h told) Handle(_ context.Context, r slog.Record) error {
	h.call(r.Message)
	return nil
}

// TestARewriteIsGivenUp: a database that is rewritten as a whole stays as it was
// when there is no time for it any more.
func TestARewriteIsGivenUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	older(t, path)
	c, err := openConn(path, writerParams)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.run("PRAGMA auto_vacuum = NONE"), c.run("VACUUM"), c.close()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := openAt(t, path, Options{Logger: slog.New(told{slog.DiscardHandler, func(message string) {
		if message == rewriting {
			cancel()
		}
	}})})
	if _, err := s.Vacuum(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("vacuum: %v", err)
	}
	row := create(t, s, nil) // behind it
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "it goes on")}})
	if count(t, path, "PRAGMA auto_vacuum") != 0 {
		t.Error("it was rewritten")
	}
	if freed, err := s.Vacuum(t.Context()); err != nil || count(t, path, "PRAGMA auto_vacuum") != 2 {
		t.Errorf("%d bytes freed another time, %v", freed, err)
	}
}
