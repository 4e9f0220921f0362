package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sessiond/sessiond/internal/crashpoint"
)

// RestoreSteps are called by Restore as it goes. Each may be nil.
type RestoreSteps struct {
	Progress func(done, total int) // is told how many pages of how many are copied
	Ready    func() error          // before anything is replaced; its error ends it
	Undo     func() error          // after an error, if Ready was called
}

// Restore puts a backup in the place of the database at path, which nobody may
// have open. It copies and checks the backup first, and refuses one of a newer
// program (*NewerSchemaError); then it calls Ready; then the
// present database, if there is one, becomes aside, and the copy gets its name. It
// gives no seq out that the present one has: those are void in it.
// After an error everything is as it was, and Undo has been called if Ready was.
// RestoredPath(path) is there from before Ready is called until
// the copy has got its name or Undo is done: so a call that was killed between,
// which UndoRestore undoes, is told from one that was done.
func Restore(ctx context.Context, backup, path, aside string, steps RestoreSteps) error {
	if err := restore(ctx, backup, path, aside, steps); err != nil {
		return fmt.Errorf("restore %s: %w", backup, fault(err))
	}
	return nil
}

// RestoredPath is where Restore has the copy until the database is replaced.
func RestoredPath(path string) string { return path + ".restored" }

// UndoRestore takes back what a Restore of the database at path has done that was
// killed before the copy got its name, all but the copy: that goes last, when all
// else is undone. The name aside of that call was one beside path that began with
// prefix; it is known by being the database itself.
func UndoRestore(path, prefix string) error {
	if err := undoRestore(path, prefix); err != nil {
		return fmt.Errorf("take back the database %s: %w", path, fault(err))
	}
	return nil
}

func undoRestore(path, prefix string) error {
	database, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there was none
	}
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	for _, entry := range entries {
		aside := filepath.Join(filepath.Dir(path), entry.Name())
		if info, none := os.Lstat(aside); strings.HasPrefix(aside, prefix) && none == nil && os.SameFile(info, database) {
			err = errors.Join(err, takeBack(path, aside))
		}
	}
	return err
}

func restore(ctx context.Context, backup, path, aside string, steps RestoreSteps) (err error) {
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
	if err := copyTo(ctx, backup, fresh, steps.Progress); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		undone := takeBack(path, aside)
		if steps.Undo != nil {
			undone = errors.Join(undone, steps.Undo())
		}
		if err = errors.Join(err, undone); undone == nil { // else the copy stays: it tells that this is still to be done
			err = errors.Join(err, os.Remove(fresh))
		}
	}()
	if err := voidNumbers(ctx, fresh, path); err != nil {
		return fmt.Errorf("have its numbers go on: %w", err)
	}
	crashpoint.Reach(crashpoint.RestoreCopied)
	if steps.Ready != nil {
		if err := steps.Ready(); err != nil {
			return err
		}
	}
	crashpoint.Reach(crashpoint.RestoreReady)
	if err := putAside(path, aside); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	crashpoint.Reach(crashpoint.RestoreReplaced)
	if err := syncDir(filepath.Dir(path)); err != nil {
		return errors.Join(err, os.Rename(path, fresh))
	}
	return nil
}

// putAside gives the database at path a second name, under which all of it is
// found. What belongs to it beside the file itself is gone from path then: it
// would be taken for the new one's. takeBack undoes it, also where it has failed.
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
	crashpoint.Reach(crashpoint.RestoreLinked)
	if err := os.Rename(path+"-wal", aside+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	crashpoint.Reach(crashpoint.RestoreLogAside)
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) { // it is made anew of the log
		return err
	}
	return syncDir(filepath.Dir(path)) // before the new one comes, which would take the log for its own
}

// takeBack undoes what putAside has done, and nothing where aside is another
// file. The second name goes last: so it can be called again after a crash.
func takeBack(path, aside string) error {
	second, err := os.Lstat(aside)
	if err != nil {
		return nil //nolint:nilerr // there was no database, or it has no second name yet
	}
	first, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.Link(aside, path)
	} else if err == nil && !os.SameFile(first, second) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Rename(aside+"-wal", path+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Remove(aside)
}
