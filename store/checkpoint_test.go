package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// walSize is how long the write-ahead log's file is.
func walSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestTheWriteAheadLogIsFoldedIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "db")
		s := openAt(t, path, Options{})
		row := create(t, s, nil)
		tx, err := s.db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM events").Scan(&n); err != nil { // a reader that stays
			t.Fatal(err)
		}
		for range 4 {
			commit(t, s, &Batch{Events: line(row.N, bytes.Repeat([]byte("x"), 1<<20), 1)})
		}
		eventually(t, "the reader is in the way", func() bool { return walSize(t, path) > 4<<20 })
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "an empty write-ahead log", func() bool { return walSize(t, path) == 0 })
		commit(t, s, &Batch{Events: line(row.N, []byte("more"), 1)})
		eventually(t, "an empty write-ahead log again", func() bool { return walSize(t, path) == 0 })
	})
}

// TestALongWriteAheadLogIsCut: above its bound it is cut without a pause for it.
func TestALongWriteAheadLogIsCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pages int64
		cut   bool
	}{{100, true}, {checkpointPages, false}} {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db")
			s := openAt(t, path, Options{walPages: c.pages})
			row := create(t, s, nil)
			for range 5 {
				commit(t, s, &Batch{Events: line(row.N, bytes.Repeat([]byte("x"), 1<<20), 1)})
				time.Sleep(2 * checkpointEvery) // far from checkpointIdle
				synctest.Wait()
				if size := walSize(t, path); (size == 0) != c.cut {
					t.Errorf("bound %d pages: %d bytes", c.pages, size)
				}
			}
		})
	}
}
