//go:build cgo

package store

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// kindOf says which fault an error of SQLite's is about; nil if none.
func kindOf(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Code & 0xff { // the rest of the code says more than is asked
	case sqlite3.ErrFull:
		return ErrFull
	case sqlite3.ErrReadonly, sqlite3.ErrPerm:
		return ErrReadOnly
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return ErrCorrupt
	case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrProtocol:
		return ErrBusy
	case sqlite3.ErrIoErr, sqlite3.ErrCantOpen:
		switch kind := kindOfFile(e.SystemErrno); {
		case kind != nil:
			return kind
		case e.SystemErrno == syscall.EACCES, e.SystemErrno == syscall.EPERM:
			return ErrReadOnly
		}
		return ErrIO
	}
	return nil
}

// copySteps runs SQLite's own copying from one connection to another.
func copySteps(ctx context.Context, src, dst *conn, progress func(done, total int)) (err error) {
	source, ok1 := src.driver.(*sqlite3.SQLiteConn)
	target, ok2 := dst.driver.(*sqlite3.SQLiteConn)
	if !ok1 || !ok2 {
		return fmt.Errorf("the driver's %T copies nothing", src.driver)
	}
	b, err := target.Backup("main", source, "main")
	if err != nil {
		return err
	}
	defer func() {
		if end := b.Finish(); err == nil { // it says again what the last step has said
			err = end
		}
	}()
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		done, err := b.Step(backupStep)
		if err != nil {
			return err
		}
		if total := b.PageCount(); progress != nil && total > 0 {
			progress(total-b.Remaining(), total)
		}
		if done {
			return nil
		}
	}
}
