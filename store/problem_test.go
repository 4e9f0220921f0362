package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// hold begins a transaction of another program's; end rolls it back. SQLite's
// lock is nobody's in turn: a program that waits for it politely may starve beside
// a busy writer, so this one asks again and again.
func hold(t *testing.T, path, begin string) (end func()) {
	t.Helper()
	c, err := openConn(path, writerParams)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.run("PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(4 * time.Minute); ; {
		if err = c.run(begin); err == nil {
			break
		}
		if !errors.Is(err, ErrBusy) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if err := c.run("SELECT count(*) FROM events"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(c.run("ROLLBACK"), c.close()); err != nil {
			t.Error(err)
		}
	}
}

// TestAnotherProgramKeepsTheDatabase: commits wait, that is told while they do,
// readings go on, and so do commits once the other has ended.
func TestAnotherProgramKeepsTheDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	all, stop := feeders(t, s, 3, 0)
	progress(t, all)
	for _, begin := range []string{"BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"} {
		end := hold(t, path, begin)
		eventually(t, "the problem is told", func() bool { return errors.Is(s.Problem(), ErrBusy) })
		if err := s.Problem(); err != nil && !strings.Contains(err.Error(), "end the other program's transaction") {
			t.Errorf("problem: %v", err)
		}
		checkReadable(t, s, all)
		end()
		progress(t, all)
		eventually(t, "the problem is over", func() bool { return s.Problem() == nil })
	}
	stop()
	checkFed(t, s, all)
	checkFed(t, reopen(t, s, path), all)
}

// TestCommitsDoNotWaitForever for another program's transaction, and less while
// the store is being closed.
func TestCommitsDoNotWaitForever(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{patience: time.Nanosecond})
	row := create(t, s, nil)
	end := hold(t, path, "BEGIN IMMEDIATE")
	defer end()
	if err := s.Commit(t.Context(), &Batch{Events: []Event{lineEvent(row.N, "x")}}); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	s = openAt(t, path, Options{patience: time.Hour})
	var all errgroup.Group
	all.Go(func() error {
		return s.Commit(context.Background(), &Batch{Events: []Event{lineEvent(row.N, "x")}})
	})
	eventually(t, "the commit waits", func() bool { return errors.Is(s.Problem(), ErrBusy) })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := all.Wait(); !errors.Is(err, ErrBusy) {
		t.Errorf("while closing: %v", err)
	}
}

// TestCommitsDoNotWaitOneByOne: once another program's transaction is known to
// be in the way, who comes next is told so soon.
func TestCommitsDoNotWaitOneByOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{patience: time.Hour})
	row := create(t, s, nil)
	end := hold(t, path, "BEGIN IMMEDIATE")
	defer end()
	s.trouble.commitFailed(ErrBusy, 0) // as the commit before has found out
	for range 3 {
		told := make(chan error, 1)
		go func() {
			told <- s.Commit(context.Background(), &Batch{Events: []Event{lineEvent(row.N, "x")}})
		}()
		select {
		case err := <-told:
			if !errors.Is(err, ErrBusy) {
				t.Errorf("got %v", err)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("a commit waits for as long as the first may")
		}
	}
}

// TestAReaderThatStays: commits go on, the log that they make longer is told
// of, and cut when the reader is gone.
func TestAReaderThatStays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{walPages: 20})
	all, stop := feeders(t, s, 2, 0)
	progress(t, all)
	end := hold(t, path, "BEGIN")
	eventually(t, "the problem is told", func() bool { return errors.Is(s.Problem(), ErrBusy) })
	if err := s.Problem(); err != nil && !strings.Contains(err.Error(), "the write-ahead log is") {
		t.Errorf("problem: %v", err)
	}
	progress(t, all)
	end()
	eventually(t, "the problem is over", func() bool { return s.Problem() == nil })
	stop()
	eventually(t, "an empty write-ahead log", func() bool { return walSize(t, path) == 0 })
	checkFed(t, s, all)
}

// TestTheDatabaseIsMovedAway: that is told, and over when it is back.
func TestTheDatabaseIsMovedAway(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "db")
	s := openAt(t, path, Options{})
	all, stop := feeders(t, s, 2, 0)
	progress(t, all)
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(dir, dir+".moved")
	eventually(t, "the problem is told", func() bool { return s.Problem() != nil })
	if err := s.Problem(); !errors.Is(err, ErrIO) || !strings.Contains(err.Error(), "put it back") {
		t.Errorf("problem: %v", err)
	}
	progress(t, all)
	checkReadable(t, s, all)
	move(dir+".moved", dir)
	eventually(t, "the problem is over", func() bool { return s.Problem() == nil })

	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil { // another one in its place
		t.Fatal(err)
	}
	eventually(t, "the problem is told", func() bool { return s.Problem() != nil })
	move(path+".moved", path)
	eventually(t, "the problem is over", func() bool { return s.Problem() == nil })
	stop()
	checkFed(t, s, all)
	checkFed(t, reopen(t, s, path), all)
}
