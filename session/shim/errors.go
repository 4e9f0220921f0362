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

// RecordError: what lies under the name of a record or a journal is none: it is
// damaged, or not even a file.
type RecordError struct {
	Path string
	Err  error
}

func (e *RecordError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.Path, e.Err) }

// Unwrap gives what is wrong with it.
func (e *RecordError) Unwrap() error { return e.Err }

// JournalError: lines of a journal are missing. Reading goes on behind them.
type JournalError struct {
	Path     string
	From, To int64 // what should have been between these offsets is not there
	Cut      bool  // somebody has made the file shorter; else it holds nothing there
}

func (e *JournalError) Error() string {
	if e.Cut {
		return fmt.Sprintf("%s was cut from %d to %d bytes: lines may be missing", e.Path, e.To, e.From)
	}
	return fmt.Sprintf("%s holds nothing from byte %d to %d: the lines that were there are missing", e.Path, e.From, e.To)
}

// VersionError: the shim speaks another version of the protocol than this
// program: one of a newer release, which an older one cannot hold. Shim and child
// are left alone, and go on.
type VersionError struct{ Version int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the shim speaks version %d of its protocol, this program version %d: use the newer program", e.Version, protocolVersion)
}
