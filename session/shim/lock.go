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

// lockPatience is how long a shim tries to get a lock that is held. It spans
// the moment that Locked holds it, and the one between the exit record of the
// conversation's last shim and that process's end.
const lockPatience = 250 * time.Millisecond

// takeLock takes the lock on a lock file for as long as the file that it
// returns, or a copy of it that a child inherited, is open. The error is
// ErrLocked if somebody else has it.
func takeLock(path string) (*os.File, error) {
	if err := privateDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	f, err := openPrivate(path, os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(5 * time.Millisecond) {
		switch err = flock(f, unix.LOCK_EX); {
		case err == nil:
			return f, nil
		case errors.Is(err, unix.EWOULDBLOCK) && time.Now().Before(end):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			err = ErrLocked
		}
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
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
