package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// leave gives a lock back. To close its file alone does so a moment later where
// another goroutine is starting a process: until that runs its program, it has the file too.
func leave(t *testing.T, lock *os.File) {
	t.Helper()
	if err := errors.Join(unix.Flock(int(lock.Fd()), unix.LOCK_UN), lock.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestSweepLocks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	held, err := takeLock(path("held.lock"))
	if err != nil {
		t.Fatal(err)
	}
	left, err := takeLock(path("left.lock"))
	if err != nil {
		t.Fatal(err)
	}
	leave(t, left)
	if err := errors.Join(os.WriteFile(path("other"), nil, 0o600), os.Mkdir(path("dir.lock"), 0o700), os.Symlink("other", path("link.lock"))); err != nil {
		t.Fatal(err)
	}
	if n, err := SweepLocks(dir); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if _, err := os.Stat(path("left.lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	for _, name := range []string{"held.lock", "other", "dir.lock", "link.lock"} {
		if _, err := os.Lstat(path(name)); err != nil {
			t.Error(err)
		}
	}
	if locked, err := Locked(path("held.lock")); !locked || err != nil {
		t.Errorf("held: %v, %v", locked, err)
	}
	leave(t, held)
	if n, err := SweepLocks(dir); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if n, err := SweepLocks(filepath.Join(dir, "none")); n != 0 || err != nil {
		t.Errorf("no directory: %d, %v", n, err)
	}
}

// TestLockThatWasSwept: between opening a lock file and locking it, it was swept
// away, and somebody else has made a new one. The lock of the old is worth nothing.
func TestLockThatWasSwept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.lock")
	late, err := openPrivate(path, os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if n, err := SweepLocks(filepath.Dir(path)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := lockNamed(late, path); !errors.Is(err, errSwept) {
		t.Errorf("a file without a name: %v", err)
	}
	owner, err := takeLock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if err := lockNamed(late, path); !errors.Is(err, errSwept) {
		t.Errorf("a file whose name another has: %v", err)
	}
}

// TestSweepLocksBesideOwners: locks are taken, left and swept all at once, and
// never has a conversation two owners.
func TestSweepLocksBesideOwners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var owners [2]atomic.Int32
	var taken atomic.Int32
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := SweepLocks(dir); err != nil {
					t.Error(err)
				}
			}
		}
	})
	var takers sync.WaitGroup
	for i := range 4 {
		takers.Go(func() {
			for range 500 {
				n := i % len(owners)
				f, err := takeLock(filepath.Join(dir, fmt.Sprint(n, LockExt)))
				if errors.Is(err, ErrLocked) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if owners[n].Add(1) != 1 {
					t.Error("two owners")
				}
				taken.Add(1)
				for range 20 { // time for others to come
					_, _ = os.Stat(f.Name())
				}
				owners[n].Add(-1)
				f.Close()
			}
		})
	}
	takers.Wait()
	close(stop)
	wg.Wait()
	if taken.Load() < 100 {
		t.Errorf("a lock was taken %d times", taken.Load())
	}
}
