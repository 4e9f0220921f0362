package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// InheritError says why the daemon does not take a socket that was handed to it.
type InheritError struct {
	Socket string // the configured one
	Err    error
}

func (e *InheritError) Error() string {
	return fmt.Sprintf("the socket that was handed over (LISTEN_FDS) cannot be used, which should be a listening Unix stream socket at %s: %v; "+
		"correct ListenStream= of the unit and SESSIOND_SOCKET, or run 'sessiond service install'", e.Socket, e.Err)
}

// Unwrap returns what is wrong with the socket.
func (e *InheritError) Unwrap() error { return e.Err }

// backlog is how many clients may wait until the daemon takes their connections, if
// the system allows as many.
const backlog = 4096

// inherit takes the listening socket over that a service manager has made. It has
// to be the one at which clients look for the daemon. It stays the manager's: who
// connects while no daemon runs is answered by the next one.
func (c Config) inherit() (*net.UnixListener, error) {
	l, err := c.checkInherited()
	if err != nil {
		return nil, &InheritError{c.Socket, err}
	}
	l.SetUnlinkOnClose(false)
	return l, nil
}

func (c Config) checkInherited() (*net.UnixListener, error) {
	if n := len(c.Inherited); n != 1 {
		return nil, fmt.Errorf("there are %d", n)
	}
	file := c.Inherited[0]
	if err := checkDescriptor(file, c.Socket); err != nil {
		return nil, err
	}
	fi, err := os.Lstat(c.Socket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("nobody can connect to it: it was removed, and only its unit can make it again ('systemctl --user restart sessiond.socket')")
	case err != nil:
		return nil, err
	case fi.Mode()&fs.ModeSocket == 0:
		return nil, fmt.Errorf("%s is no socket any more", c.Socket)
	case ownerOf(fi) != os.Getuid():
		return nil, fmt.Errorf("it belongs to another user (uid %d)", ownerOf(fi))
	}
	if err := os.Chmod(c.Socket, 0o600); err != nil {
		return nil, err
	}
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	return l.(*net.UnixListener), nil // its type was looked at
}

// closeInherited closes what was handed over; a listener has a copy.
func (c Config) closeInherited() {
	for _, f := range c.Inherited {
		_ = f.Close() // it is of no more use
	}
}

// checkDescriptor makes sure that a file is the socket that listens at path, and
// makes this process the one that clients see at the other end: until it calls
// listen itself they see who did before, and `sessiond stop` would not believe the
// daemon its pid.
func checkDescriptor(file *os.File, path string) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var checkErr error
	err = raw.Control(func(fd uintptr) { checkErr = checkSocket(int(fd), path) })
	return errors.Join(err, checkErr)
}

func checkSocket(fd int, path string) error {
	address, err := unix.Getsockname(fd)
	if errors.Is(err, unix.ENOTSOCK) {
		return errors.New("it is no socket")
	}
	if err != nil {
		return err
	}
	local, isUnix := address.(*unix.SockaddrUnix)
	if !isUnix {
		return errors.New("it is no Unix socket")
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return err
	}
	listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	switch {
	case err != nil:
		return err
	case kind != unix.SOCK_STREAM:
		return errors.New("it is no stream socket")
	case !samePlace(local.Name, path):
		return fmt.Errorf("it is bound to %q", local.Name)
	case listens == 0:
		return errors.New("nobody listens on it (Accept= of the unit must be no)")
	}
	return unix.Listen(fd, backlog)
}

// samePlace reports whether two paths name one socket, however its directory is
// spelt.
func samePlace(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	one, err := os.Stat(filepath.Dir(a))
	if err != nil || !filepath.IsAbs(a) || filepath.Base(a) != filepath.Base(b) {
		return false
	}
	other, err := os.Stat(filepath.Dir(b))
	return err == nil && os.SameFile(one, other)
}
