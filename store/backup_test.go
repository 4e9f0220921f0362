package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sessiond/sessiond/rpc/api"
)

// names lists what is in a directory.
func names(t testing.TB, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// writeOn commits numbered lines from some goroutines until the function that
// it returns is called, which returns how many each of them has committed.
func writeOn(t *testing.T, s *Store, rows []*SessionRow) (stop func() []int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	counts := make([]int, len(rows))
	var all errgroup.Group
	for who, row := range rows {
		all.Go(func() error {
			for ; ctx.Err() == nil; counts[who] += 4 {
				b := &Batch{Update: &SessionUpdate{N: row.N, JournalOffset: int64(counts[who] + 4)}}
				for i := range 4 {
					b.Events = append(b.Events, lineEvent(row.N, numbered(who, counts[who]+i)))
				}
				if err := s.Commit(context.Background(), b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return func() []int {
		cancel()
		if err := all.Wait(); err != nil {
			t.Error(err)
		}
		return counts
	}
}

// TestBackupOfABusyStore: a copy that is made while others write at full speed
// is one state of the store, and as good as the store itself.
func TestBackupOfABusyStore(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	rows, other := []*SessionRow{create(t, s, nil), create(t, s, nil), create(t, s, nil)}, create(t, s, nil)
	for range 8 { // so that it takes some steps
		commit(t, s, &Batch{Events: []Event{lineEvent(other.N, strings.Repeat("x", 1<<20))}})
	}
	stop := writeOn(t, s, rows)
	eventually(t, "some commits", func() bool { return s.Head() > 1000 })
	dir := t.TempDir()
	path := filepath.Join(dir, "backup")
	var last, all int
	before := s.Head()
	err := s.Backup(t.Context(), path, func(done, total int) {
		if done < last || total == 0 || done > total {
			t.Errorf("%d of %d pages behind %d", done, total, last)
		}
		last, all = done, total
	})
	stop()
	if err != nil || last != all || last == 0 {
		t.Fatalf("%d of %d pages, %v", last, all, err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("there are %q", got)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if err := Check(t.Context(), path); err != nil {
		t.Error(err)
	}
	copied := openAt(t, path, Options{})
	if copied.Head() < before || copied.Head() > s.Head() {
		t.Errorf("head %d, it was %d, and is %d now", copied.Head(), before, s.Head())
	}
	counts := make([]int64, len(rows))
	for _, e := range wholeLog(t, copied, 1000, Filter{}) {
		for who, row := range rows {
			if e.SessionN == row.N {
				if string(e.Line) != numbered(who, int(counts[who])) {
					t.Fatalf("%q is number %d of session %d", e.Line, counts[who], who)
				}
				counts[who]++
			}
		}
	}
	for who, row := range rows {
		got, err := copied.Session(t.Context(), row.Session.ID)
		if err != nil || got.JournalOffset != counts[who] {
			t.Errorf("session %d: offset %d, %d events, %v", who, got.JournalOffset, counts[who], err)
		}
	}
	commit(t, copied, &Batch{Events: []Event{lineEvent(rows[0].N, "it goes on")}})
}

// TestABackupThatFailsLeavesNothing: what is there stays, what was begun goes.
func TestABackupThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	for range 4 {
		commit(t, s, &Batch{Events: []Event{lineEvent(row.N, strings.Repeat("x", 2<<20))}})
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "backup")

	ctx, cancel := context.WithCancel(t.Context())
	err := s.Backup(ctx, path, func(done, total int) { // in the middle
		if done > total/2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || len(names(t, dir)) != 0 {
		t.Errorf("cancelled: %v, there is %q", err, names(t, dir))
	}

	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = s.Backup(t.Context(), path, nil)
	if b, _ := os.ReadFile(path); !errors.Is(err, fs.ErrExist) || string(b) != "mine" {
		t.Errorf("over another file: %v, %q", err, b)
	}
	if err := s.Backup(t.Context(), filepath.Join(dir, "no", "where"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nowhere: %v", err)
	}

	var closed error
	closing := func() { closed = s.Close() }
	done := make(chan struct{})
	err = s.Backup(t.Context(), filepath.Join(dir, "other"), func(int, int) {
		if closing != nil {
			go func(f func()) { f(); close(done) }(closing)
			closing = nil
			<-s.closing
		}
	})
	<-done
	if !errors.Is(err, ErrClosed) || closed != nil || len(names(t, dir)) != 1 {
		t.Errorf("closed: %v and %v, there is %q", err, closed, names(t, dir))
	}
}

// TestABackupAppearsWhole: somebody who creates the file meanwhile keeps it.
func TestABackupReplacesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	filled(t, s, 100)
	dir := t.TempDir()
	path := filepath.Join(dir, "backup")
	err := s.Backup(t.Context(), path, func(int, int) {
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Error(err)
		}
	})
	if b, _ := os.ReadFile(path); !errors.Is(err, fs.ErrExist) || string(b) != "mine" || len(names(t, dir)) != 1 {
		t.Errorf("%v, %q, there is %q", err, b, names(t, dir))
	}
}

// TestANameWithoutLinks: on a file system that has no links a copy gets its name
// all the same, and replaces nothing.
func TestANameWithoutLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	part, to := filepath.Join(dir, "part"), filepath.Join(dir, "to")
	for _, why := range []error{syscall.EPERM, syscall.EOPNOTSUPP, syscall.ENOTSUP, syscall.ENOSYS, errors.ErrUnsupported} {
		none := func(from, to string) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: why} }
		if err := os.WriteFile(part, []byte("copy"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := name(part, to, none); err != nil {
			t.Errorf("%v: %v", why, err)
		}
		if b, err := os.ReadFile(to); string(b) != "copy" || len(names(t, dir)) != 1 {
			t.Errorf("%v: %q, %v, there is %q", why, b, err, names(t, dir))
		}
		if err := os.WriteFile(part, []byte("another"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := name(part, to, none); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%v, over another: %v", why, err)
		}
		if b, _ := os.ReadFile(to); string(b) != "copy" {
			t.Errorf("%v: another was replaced by %q", why, b)
		}
		if err := os.Remove(to); err != nil {
			t.Fatal(err)
		}
	}
	gone := filepath.Join(dir, "gone")
	if err := name(gone, to, os.Link); !errors.As(err, new(*os.LinkError)) {
		t.Errorf("another error: %v", err)
	}
	if err := name(gone, to, func(string, string) error { return syscall.EPERM }); err == nil || len(names(t, dir)) != 1 {
		t.Errorf("%v, there is %q", err, names(t, dir))
	}
}

// TestVacuumGivesPagesBack: once a session is deleted the file becomes smaller,
// and what is written meanwhile is there.
func TestVacuumGivesPagesBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	gone, kept := create(t, s, nil), create(t, s, nil)
	for range 8 {
		commit(t, s, &Batch{Events: []Event{lineEvent(gone.N, strings.Repeat("x", 1<<20))}})
	}
	full, err := s.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop := writeOn(t, s, []*SessionRow{kept})
	remove(t, s, gone)
	freed, err := s.Vacuum(t.Context())
	counts := stop()
	if err != nil || freed < 8<<20-int64(counts[0])*1000 { // what was free was written to meanwhile
		t.Errorf("%d bytes freed, %v", freed, err)
	}
	size, err := s.Size(t.Context())
	if err != nil || size.Used+size.Free > full.Used+full.Free-8<<20+int64(counts[0])*1000+1<<20 {
		t.Errorf("%+v, it was %+v, %v", size, full, err)
	}
	eventually(t, "a shorter file", func() bool {
		fi, err := os.Stat(path)
		return err == nil && fi.Size() < size.Used+size.Free+1<<20
	})
	if n := len(wholeLog(t, s, 1000, Filter{SessionID: kept.Session.ID})); n != counts[0] {
		t.Errorf("%d events, %d were committed", n, counts[0])
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	if _, err := s.Vacuum(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with no time: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Vacuum(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if err := Check(t.Context(), path); err != nil {
		t.Error(err)
	}
}

// TestVacuumOfAnOlderDatabase: one whose pages cannot be given back becomes one
// whose can.
func TestVacuumOfAnOlderDatabase(t *testing.T) {
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
	if count(t, path, "PRAGMA auto_vacuum") != 0 {
		t.Fatal("it is not as it was")
	}
	s := openAt(t, path, Options{})
	for range 2 {
		gone := create(t, s, nil)
		for range 4 {
			commit(t, s, &Batch{Events: []Event{lineEvent(gone.N, strings.Repeat("x", 1<<20))}})
		}
		remove(t, s, gone)
		if freed, err := s.Vacuum(t.Context()); err != nil || freed < 4<<20 {
			t.Errorf("%d bytes freed, %v", freed, err)
		}
		if count(t, path, "PRAGMA auto_vacuum") != 2 {
			t.Error("it has stayed as it was")
		}
	}
	if n := len(wholeLog(t, s, 10, Filter{Types: []api.EventType{api.EventConversationUpdated}})); n != 2 {
		t.Errorf("%d events", n)
	}
	reopen(t, s, path)
}
