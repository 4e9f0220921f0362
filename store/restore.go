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
// program (*NewerSchemaError); then it calls ready, if it is not nil, whose error
// ends it; then the present database, if there is one, becomes aside, and the
// copy gets its name. Until that last step an error leaves everything as it was.
func Restore(ctx context.Context, backup, path, aside string, ready func() error) error {
	if err := restore(ctx, backup, path, aside, ready); err != nil {
		return fmt.Errorf("restore %s: %w", backup, fault(err))
	}
	return nil
}

func restore(ctx context.Context, backup, path, aside string, ready func() error) (err error) {
	i, err := Inspect(ctx, backup)
	if err != nil {
		return err
	}
	if i.Version > i.Known {
		return &NewerSchemaError{Path: backup, Found: i.Version, Known: i.Known}
	}
	fresh := path + ".restored"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a call that was killed
		return err
	}
	if err := copyTo(ctx, backup, fresh, nil); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(fresh))
		}
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
		return err
	}
	return syncDir(filepath.Dir(path))
}

// putAside gives the database at path a second name, under which all of it is
// found. What belongs to it beside the file itself is gone from path then: it
// would be taken for the new one's.
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
		err = os.Remove(path + "-shm")
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}
