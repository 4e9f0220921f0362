package daemon

import (
	"errors"
	"syscall"
)

// restrict gives the socket its mode before it has a name: Linux makes the
// file with the mode of the socket, less the umask.
func restrict(_, _ string, c syscall.RawConn) error {
	var chmodErr error
	err := c.Control(func(fd uintptr) { chmodErr = syscall.Fchmod(int(fd), 0o600) })
	return errors.Join(err, chmodErr)
}
