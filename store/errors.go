package store

import (
	"cmp"
	"errors"
	"fmt"
	"syscall"
)

// What the store's errors are about; test with errors.Is.
var (
	ErrClosed   = errors.New("the store is closed")
	ErrNotFound = errors.New("not in the store")
	ErrExists   = errors.New("already in the store") // an id or a key that is taken
	ErrChanged  = errors.New("changed meanwhile")    // what was to be changed does not stand as it was said to
)

// What is wrong with the disk, or with the database on it; test with errors.Is.
// An error of any method may wrap one of them, and so does Store.Problem.
var (
	ErrFull     = errors.New("no room on the disk")                           // or in the user's quota
	ErrReadOnly = errors.New("the disk or the database is read-only")         // also one that may not be written to
	ErrIO       = errors.New("the disk fails")                                // it could not read, write or sync
	ErrCorrupt  = errors.New("the database is damaged")                       // all of it, or the one row that the error names
	ErrBusy     = errors.New("another program keeps the database for itself") // for longer than it was waited for
)

// fault adds to an error of SQLite's, or of a file, what it is about.
func fault(err error) error {
	if faultOf(err) == nil {
		if kind := cmp.Or(kindOf(err), kindOfFile(err)); kind != nil {
			return fmt.Errorf("%w: %w", kind, err)
		}
	}
	return err
}

// kindOfFile says which fault the error of a call on a file is about; nil if none.
func kindOfFile(err error) error {
	var errno syscall.Errno
	switch errors.As(err, &errno); errno {
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
		return ErrFull
	case syscall.EROFS:
		return ErrReadOnly
	case syscall.EIO:
		return ErrIO
	}
	return nil
}

// faultOf returns which fault err is about; nil if it is about none.
func faultOf(err error) error {
	for _, kind := range []error{ErrCorrupt, ErrFull, ErrReadOnly, ErrIO, ErrBusy} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// nextStep tells a person what to do about a fault.
func nextStep(err error) string {
	_, record := errors.AsType[*RecordError](err)
	switch {
	case record:
		return RecordAdvice
	case errors.Is(err, errMoved):
		return "put it back where it was, or stop the daemon: what is written now is in the file that was moved"
	case errors.Is(err, ErrFull):
		return "make room; what waits is written then by itself"
	case errors.Is(err, ErrReadOnly):
		return "make it writable again; what waits is written then by itself"
	case errors.Is(err, ErrIO):
		return "look at the disk and the kernel's log; writing is tried again all the time"
	case errors.Is(err, ErrCorrupt):
		return "look at the kernel's log for errors of the disk, run `sessiond doctor`, and restore a backup if it says so"
	case errors.Is(err, ErrBusy):
		return "end the other program's transaction, or the program; what waits is written then by itself"
	}
	return "run `sessiond doctor`"
}
