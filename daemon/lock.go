package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// RunningError says that another daemon has the state directory or the socket.
type RunningError struct {
	What   string // "state directory" or "socket"
	Path   string
	PID    int    // of the other daemon; 0 where it is not known
	Socket string // of the other daemon; "" where it is not known
}

func (e *RunningError) Error() string {
	msg := "another daemon"
	if e.PID != 0 {
		msg += fmt.Sprintf(" (pid %d)", e.PID)
	}
	msg += fmt.Sprintf(" has the %s %s", e.What, e.Path)
	if e.Socket != "" && e.Socket != e.Path {
		msg += ", and listens on " + e.Socket
	}
	return msg
}

// owner is what a lock file tells people about who holds the lock. Only the
// lock itself counts: the file of a daemon that was killed names a dead pid.
type owner struct {
	PID    int    `json:"pid"`
	Socket string `json:"socket"`
}

// patience is how long a lock is tried for: whoever asks whether a daemon runs
// holds it for a moment.
const patience = 300 * time.Millisecond

// lockFile takes the lock on path, or returns a *RunningError. The file is left
// where it is when the lock is let go of.
func lockFile(ctx context.Context, path, what, locked, socket string) (*flock.Flock, error) {
	l := flock.New(path, flock.SetPermissions(0o600))
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ok, err := l.TryLockContext(patient, patience/10)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !ok {
		return nil, runningError(path, what, locked)
	}
	b, err := json.Marshal(owner{PID: os.Getpid(), Socket: socket})
	if err == nil {
		err = os.WriteFile(path, append(b, '\n'), 0o600)
	}
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return l, nil
}

func runningError(path, what, locked string) *RunningError {
	var o owner
	if b, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(b, &o) // a file that is just being written names nobody
	}
	return &RunningError{What: what, Path: locked, PID: o.PID, Socket: o.Socket}
}

// lockState takes the lock of the state directory.
func lockState(ctx context.Context, c Config) (*flock.Flock, error) {
	return lockFile(ctx, filepath.Join(c.StateDir, "lock"), "state directory", c.StateDir, c.Socket)
}

// Running returns a *RunningError if a daemon has c's state directory, and nil
// if none has. It asks the lock, not a pid.
func Running(c Config) error {
	path := filepath.Join(c.StateDir, "lock")
	if _, err := os.Stat(path); err != nil {
		return nil //nolint:nilerr // where there is no lock nobody holds one
	}
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := l.TryRLock() // shared, so that two who ask see no daemon in each other
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	if !ok {
		return runningError(path, "state directory", c.StateDir)
	}
	return l.Close()
}
