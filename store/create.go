package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	newSuffix  = ".new"     // of a database that is being made
	partSuffix = ".partial" // of a copy that is
)

// prepare sees to it that there is a database of the newest schema at path,
// which only its owner can read. A new one is made under another name, so that
// one without content is never a new one: somebody has cut it.
func prepare(ctx context.Context, path string, o Options) error {
	if err := removeUnfinished(path); err != nil {
		return err
	}
	file, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
			return fmt.Errorf("%w: it is gone, and its write-ahead log %s-wal is not: put it back beside it, or move that away to begin anew",
				ErrCorrupt, path)
		}
		return createNew(ctx, path, o)
	case err != nil:
		return err
	case file.Size() == 0:
		return fmt.Errorf("%w: the file is empty; move it away to begin anew", ErrCorrupt)
	}
	if err := makePrivate(path); err != nil {
		return err
	}
	return migrate(ctx, path, o)
}

// removeUnfinished removes what a crash has left of a database or a copy that
// was being made.
func removeUnfinished(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		rest, ours := strings.CutPrefix(entry.Name(), "."+filepath.Base(path)+".")
		made := strings.TrimSuffix(strings.TrimSuffix(rest, "-wal"), "-shm")
		if ours && (strings.HasSuffix(made, newSuffix) || strings.HasSuffix(made, partSuffix) &&
			(strings.HasPrefix(rest, "before-v") || strings.HasPrefix(rest, "restored."))) {
			err = errors.Join(err, os.Remove(filepath.Join(filepath.Dir(path), entry.Name())))
		}
	}
	return err
}

// createNew makes a new database at path.
func createNew(ctx context.Context, path string, o Options) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*"+newSuffix) // with mode 0600
	if err != nil {
		return err
	}
	made := f.Name()
	defer func() {
		for _, suffix := range []string{"-wal", "-shm"} {
			_ = os.Remove(made + suffix) // there is none, unless it could not be closed
		}
		err = errors.Join(fault(err), f.Close(), os.Remove(made))
	}()
	if err := f.Chmod(0o600); err != nil { // whatever the umask is
		return err
	}
	if err := createSchema(ctx, made, o); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Link(made, path); err != nil && !errors.Is(err, fs.ErrExist) { // another has been faster
		return err
	}
	return syncDir(dir)
}

// makePrivate sees to it that only its owner can read a file, whatever it was
// made with. SQLite gives the files beside it the same mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		if err = os.Chmod(path, 0o600); err == nil {
			f, err = os.OpenFile(path, os.O_RDWR, 0o600)
		}
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}
