package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// socket is the listening socket of a daemon, and the lock that makes it ours.
type socket struct {
	net.Listener
	path string
	file fs.FileInfo // what path named when it was bound; nil: a service manager has bound it
	lock *flock.Flock
}

// socketLock is what the name of a socket's lock has behind the socket's.
const socketLock = ".lock"

// listen binds the socket with mode 0600, or takes over the one that was handed to
// the daemon. What a dead daemon has left there is removed; a socket on which
// somebody answers never is.
func listen(ctx context.Context, c Config) (_ *socket, err error) {
	dir := filepath.Dir(c.Socket)
	if c.privateSocketDir {
		err = makePrivate(dir)
	} else {
		err = makeSocketDir(dir)
	}
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(ctx, c.Socket+socketLock, "socket", c.Socket, owner{Socket: c.Socket})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	if len(c.Inherited) > 0 {
		l, err := c.inherit()
		if err != nil {
			return nil, err
		}
		return &socket{Listener: l, path: c.Socket, lock: lock}, nil
	}
	if err := removeStale(ctx, c.Socket); err != nil {
		return nil, err
	}
	l, err := bind(ctx, c.Socket)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", c.Socket, err)
	}
	l.SetUnlinkOnClose(false)
	fi, err := os.Lstat(c.Socket)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return &socket{Listener: l, path: c.Socket, file: fi, lock: lock}, nil
}

// release removes the socket if it is still the one that was bound here, and then
// lets go of its lock. The listener is closed.
func (s *socket) release() error {
	err := s.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if fi, statErr := os.Lstat(s.path); statErr == nil && s.file != nil && os.SameFile(fi, s.file) {
		err = errors.Join(err, os.Remove(s.path))
	}
	return errors.Join(err, s.lock.Close())
}

// removeStale makes way for a socket. It is called under the socket's lock, so
// nobody binds path meanwhile who keeps to the rules; who does not, answers.
func removeStale(ctx context.Context, path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is in the way of the socket: it is not one, so it is left alone", path)
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	nc, err := d.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = nc.Close()
		return &RunningError{What: "socket", Path: path}
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default: // a full backlog, another user's socket: somebody may be there
		return fmt.Errorf("the socket %s is in use: %w", path, err)
	}
}

// bind listens on path; nobody else can connect at any moment.
func bind(ctx context.Context, path string) (*net.UnixListener, error) {
	lc := net.ListenConfig{Control: restrict}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	// The umask may have taken from the mode what the owner needs.
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l.(*net.UnixListener), nil
}
