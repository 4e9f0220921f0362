package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Restore puts a backup in the place of the database at path, which nobody may
// have open. It copies and checks the backup first, and refuses one of a newer
// program (*NewerSchemaError); then it calls ready, whose error ends it; then the
// present database, if there is one, becomes aside, and the copy gets its name.
// After an error everything is as it was, and undo has been called if ready was;
// either may be nil. RestoredPath(path) is there from before ready is called until
// the copy has got its name or undo is done: so a call that was killed between is
// told from one that was done.
func Restore(ctx context.Context, backup, path, aside string, ready, undo func() error) error {
	if err := restore(ctx, backup, path, aside, ready, undo); err != nil {
		return fmt.Errorf("restore %s: %w", backup, fault(err))
	}
	return nil
}

// RestoredPath is where Restore has the copy until the database is replaced.
func RestoredPath(path string) string { return path + ".restored" }

func restore(ctx context.Context, backup, path, aside string, ready, undo func() error) (err error) {
	i, err := Inspect(ctx, backup)
	if err != nil {
		return err
	}
	if i.Version > i.Known {
		return &NewerSchemaError{Path: backup, Found: i.Version, Known: i.Known}
	}
	fresh := RestoredPath(path)
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a call that was killed
		return err
	}
	if err := copyTo(ctx, backup, fresh, nil); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		if undo != nil {
			if e := undo(); e != nil {
				err = errors.Join(err, e) // the copy stays: it tells that this is still to be done
				return
			}
		}
		err = errors.Join(err, os.Remove(fresh))
	}()
	if ready != nil {
		if err := ready(); err != nil {
			return err
		}
	}
	if err := putAside(path, aside); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return errors.Join(err, takeBack(path, aside))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return errors.Join(err, os.Rename(path, fresh), takeBack(path, aside))
	}
	return nil
}

// putAside gives the database at path a second name, under which all of it is
// found. What belongs to it beside the file itself is gone from path then: it
// would be taken for the new one's. After an error all is as it was.
func putAside(path, aside string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if c, err := openConn(path, writerParams); err == nil { // a sound one is one file then
		_ = c.run("PRAGMA wal_checkpoint(TRUNCATE)")
		_ = c.close()
	}
	if err := os.Link(path, aside); err != nil {
		return err
	}
	err := os.Rename(path+"-wal", aside+"-wal")
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.Remove(path + "-shm") // it is made anew of the log
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, takeBack(path, aside))
	}
	return nil
}

// takeBack undoes putAside.
func takeBack(path, aside string) error {
	if _, err := os.Lstat(aside); err != nil {
		return nil //nolint:nilerr // there was no database
	}
	if err := os.Link(aside, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	err := os.Rename(aside+"-wal", path+"-wal")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(aside))
}
