package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// LockExt is the extension of the lock files that SweepLocks knows.
const LockExt = ".lock"

// lockPatience is how long a shim tries to get a lock that is held. It spans
// the moment that Locked holds it, and the one between the exit record of the
// conversation's last shim and that process's end.
const lockPatience = 250 * time.Millisecond

// takeLock takes the lock on a lock file for as long as the file that it
// returns, or a copy of it that a child inherited, is open. The error is
// ErrLocked if somebody else has it.
func takeLock(path string) (*os.File, error) {
	if err := PrivateDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(5 * time.Millisecond) {
		f, err := openPrivate(path, os.O_RDWR)
		if err != nil {
			return nil, fmt.Errorf("lock file: %w", err)
		}
		switch err = lockNamed(f, path); {
		case err == nil:
			return f, nil
		case errors.Is(err, errSwept), errors.Is(err, unix.EWOULDBLOCK) && time.Now().Before(end):
			f.Close()
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			err = ErrLocked
		}
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
}

// errSwept: the file has lost its name since it was opened, and with it its use:
// nobody else would find its lock.
var errSwept = errors.New("the lock file was removed")

// lockNamed takes the lock of a file that was opened under a path.
func lockNamed(f *os.File, path string) error {
	if err := flock(f, unix.LOCK_EX); err != nil {
		return err
	}
	if !hasName(f, path) {
		return errSwept
	}
	return nil
}

// hasName tells whether a path still leads to an open file.
func hasName(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(mine, named)
}

// SweepLocks removes the lock files of a directory that nobody holds, and
// returns how many those were: a conversation has one for as long as it is
// worked on. It may run beside shims that take and leave locks.
func SweepLocks(dir string) (removed int, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("lock files: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		if !entry.Type().IsRegular() || filepath.Ext(entry.Name()) != LockExt {
			continue
		}
		swept, err := sweepLock(filepath.Join(dir, entry.Name()))
		if swept {
			removed++
		}
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

// sweepLock removes a lock file while it holds the lock: whoever has opened it
// meanwhile gets the lock of a file without a name, sees that, and makes another.
func sweepLock(path string) (bool, error) {
	f, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock file: %w", err)
	}
	defer f.Close()
	switch err := lockNamed(f, path); {
	case errors.Is(err, unix.EWOULDBLOCK), errors.Is(err, errSwept):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return false, fmt.Errorf("lock file: %w", err)
	}
	return true, nil
}

// Locked tells whether a shim, or a child whose shim is gone, lives on a
// conversation. A lock file that does not exist is not locked.
func Locked(lockFile string) (bool, error) {
	f, err := os.Open(lockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock file: %w", err)
	}
	defer f.Close() // frees the lock
	// Shared: those who only ask do not see each other.
	switch err := flock(f, unix.LOCK_SH); {
	case err == nil:
		return false, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return true, nil
	default:
		return false, fmt.Errorf("lock %s: %w", lockFile, err)
	}
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
