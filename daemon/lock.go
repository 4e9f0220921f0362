package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// RunningError says that another daemon has the state directory or the socket.
type RunningError struct {
	What   string // "state directory" or "socket"
	Path   string
	PID    int    // of the other daemon; 0 where it is not known
	Socket string // of the other daemon; "" where it is not known
	Doing  string // the command that has it for a while, where that is no daemon; else ""
}

func (e *RunningError) Error() string {
	msg := "another daemon"
	if e.Doing != "" {
		msg = "'" + e.Doing + "'"
	}
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
	Socket string `json:"socket,omitempty"`
	Doing  string `json:"doing,omitempty"` // of a command that is no daemon
}

// patience is how long a lock is tried for: whoever asks whether a daemon runs
// holds it for a moment.
const patience = 300 * time.Millisecond

// copyPatience is how long a lock is tried for whose owner is dead: a process that
// it was just starting has a copy of the lock until it runs another program, which
// takes its time on a busy machine.
const copyPatience = 30 * time.Second

// lockFile takes the lock on path, or returns a *RunningError. The file is left
// where it is when the lock is let go of.
func lockFile(ctx context.Context, path, what, locked string, who owner) (*flock.Flock, error) {
	// Beside a socket in a shared directory, another user may have left a link.
	l := flock.New(path, flock.SetPermissions(0o600), flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NOFOLLOW))
	ok, err := tryLock(ctx, l, patience)
	if err == nil && !ok && readOwner(path).dead() {
		ok, err = tryLock(ctx, l, copyPatience)
	}
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, runningError(path, what, locked)
	}
	who.PID = os.Getpid()
	if err := sign(path, who); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return l, nil
}

// tryLock tries to take a lock for a time. It reports whether it has.
func tryLock(ctx context.Context, l *flock.Flock, patience time.Duration) (bool, error) {
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ok, err := l.TryLockContext(patient, 30*time.Millisecond)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		return false, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	return ok, nil
}

// sign writes into a lock file who holds it, and closes it to others, whatever
// the umask.
func sign(path string, o owner) error {
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Chmod(0o600); err != nil { // another user's cannot be changed
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	return json.NewEncoder(f).Encode(o)
}

// readOwner reads who has signed a lock file last.
func readOwner(path string) (o owner) {
	if b, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(b, &o) // a file that is just being written names nobody
	}
	return o
}

// dead reports whether the owner is named and its process is gone.
func (o owner) dead() bool { return o.PID > 0 && errors.Is(syscall.Kill(o.PID, 0), syscall.ESRCH) }

func runningError(path, what, locked string) *RunningError {
	o := readOwner(path)
	return &RunningError{What: what, Path: locked, PID: o.PID, Socket: o.Socket, Doing: o.Doing}
}

// lockState takes the lock of the state directory for a daemon.
func lockState(ctx context.Context, c Config) (*flock.Flock, error) {
	return lockFile(ctx, filepath.Join(c.StateDir, "lock"), "state directory", c.StateDir, owner{Socket: c.Socket})
}

// lockStateInTurn is lockState for a daemon whose clients wait on a socket that is
// there without it: a command that has the state directory for a while, such as a
// restore, is waited for. Whoever is no such command is the daemon that is to be.
func lockStateInTurn(ctx context.Context, c Config) (*flock.Flock, error) {
	for {
		lock, err := lockState(ctx, c)
		var running *RunningError
		if len(c.Inherited) == 0 || !errors.As(err, &running) || running.Doing == "" {
			return lock, err
		}
		c.tell("STATUS=waiting for '" + running.Doing + "' to be done")
	}
}

// lockStateFor takes the lock of the state directory for a command, which keeps
// daemons away while it works.
func lockStateFor(ctx context.Context, c Config, command string) (*flock.Flock, error) {
	return lockFile(ctx, filepath.Join(c.StateDir, "lock"), "state directory", c.StateDir, owner{Doing: command})
}

// Running returns a *RunningError if a daemon has c's state directory, and nil
// if none has. It asks the lock, not a pid.
func Running(c Config) error {
	return held(filepath.Join(c.StateDir, "lock"), "state directory", c.StateDir)
}

// Listening returns a *RunningError if a daemon has c's socket, and nil if none
// has: a service manager may listen there all the same, and would start one for
// whoever connects.
func Listening(c Config) error { return held(c.Socket+socketLock, "socket", c.Socket) }

// held returns a *RunningError if somebody has the lock on path.
func held(path, what, locked string) error {
	if _, err := os.Stat(path); err != nil {
		return nil //nolint:nilerr // where there is no lock nobody holds one
	}
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := l.TryRLock() // shared, so that two who ask see no daemon in each other
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	if !ok {
		return runningError(path, what, locked)
	}
	return l.Close()
}
