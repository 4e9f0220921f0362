package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"
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

// walGeneration is how often the write-ahead log has begun anew, by what stands at
// its beginning; -1 if nothing does.
func walGeneration(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.Open(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	header := make([]byte, 16)
	if _, err := io.ReadFull(f, header); err != nil {
		return -1
	}
	return int64(binary.BigEndian.Uint32(header[12:]))
}

// TestReadersWhoComeAndGo: however many read, one beginning before the other ends,
// the log begins anew, and nothing is said of somebody who reads all the time. Once
// the writer rests, its file is cut to nothing.
func TestReadersWhoComeAndGo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	const pages = 2000 // several times what is written between two looks
	s := openAt(t, path, Options{walPages: pages})
	all, stop := feeders(t, s, 2, 0)
	progress(t, all)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var readers errgroup.Group
	for range maxReaders {
		readers.Go(func() error {
			for ctx.Err() == nil {
				if err := overlap(ctx, s); err != nil && ctx.Err() == nil {
					return err
				}
			}
			return nil
		})
	}
	for begin := walGeneration(t, path); walGeneration(t, path) < begin+5; {
		if err := s.Problem(); err != nil {
			t.Error(err)
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := readers.Wait(); err != nil {
		t.Error(err)
	}
	stop()
	checkFed(t, s, all)
	eventually(t, "an empty write-ahead log", func() bool { return walSize(t, path) == 0 })
}

// overlap is a reading that lasts long enough for others to begin meanwhile.
func overlap(ctx context.Context, s *Store) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.reading.Done()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it has read only
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sessions").Scan(&n); err != nil {
		return err
	}
	time.Sleep(time.Duration(1+rand.IntN(20)) * time.Millisecond)
	return nil
}
