package shim

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrLocked: another shim, or a child whose shim is gone, lives on the
	// conversation whose lock file was named. If it is the one of the same
	// directory, Connect reaches it.
	ErrLocked = errors.New("another process lives on this conversation")

	// ErrStarted: the child of this directory was started before, or could not
	// be, and no directory has two.
	ErrStarted = errors.New("the child of this directory was started before")

	// ErrGone: there is no shim behind the socket (any more). ReadExit tells
	// how its child ended.
	ErrGone = errors.New("the shim is gone")

	// ErrExited: the child has exited; the shim is about to write that down.
	ErrExited = errors.New("the child has exited")

	// ErrInputClosed: the child's input has been closed, by CloseInput or by
	// the child.
	ErrInputClosed = errors.New("the child's input is closed")

	// ErrNotOneLine: what was to be written holds a newline.
	ErrNotOneLine = errors.New("a newline inside a line")

	// ErrTooLong: the line is longer than MaxLine.
	ErrTooLong = fmt.Errorf("a line for the child is longer than %d MiB", MaxLine>>20)
)

// StartError says why a child could not be started: the program is not there or
// cannot be run, the working directory is missing, the arguments are too long,
// the disk is full. Nothing was started, and the exit record says the same.
type StartError struct {
	Text  string        `json:"text"`
	Errno syscall.Errno `json:"errno"` // 0 where the system gave no reason
}

func (e *StartError) Error() string { return e.Text }

// Unwrap gives the system's reason: errors.Is(err, fs.ErrNotExist),
// errors.Is(err, syscall.E2BIG) and the like work.
func (e *StartError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// asStartError makes a StartError of any error.
func asStartError(err error) *StartError {
	if e, ok := errors.AsType[*StartError](err); ok {
		return e
	}
	errno, _ := errors.AsType[syscall.Errno](err)
	return &StartError{Text: err.Error(), Errno: errno}
}

// VersionError: the shim speaks another version of the protocol than this
// program: one of a newer release, which an older one cannot hold.
type VersionError struct{ Version int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the shim speaks version %d of its protocol, this program version %d: use the newer program", e.Version, protocolVersion)
}
