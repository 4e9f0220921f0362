package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// backupStep is how many pages are copied between two looks at the context.
const backupStep = 256

// The copy is no database until it is whole: it needs no journal, and one sync.
const copyParams = "mode=rw&_journal_mode=OFF&_synchronous=OFF"

// Backup writes a consistent copy of the database to path, while others read
// and write: what was committed when it began is in it, what came later is not.
// The copy is one file that only its owner can read; it has been checked and is
// on the disk when it appears under its name. Backup refuses a path where
// something is (fs.ErrExist), tells progress, if it is not nil, how many pages of
// how many are copied, and leaves nothing behind when it fails or ctx ends.
// Commits go on meanwhile, but the write-ahead log grows by them until it is done.
func (s *Store) Backup(ctx context.Context, path string, progress func(done, total int)) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.reading.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(ErrClosed) })()
	told := func(done, total int) {
		if progress != nil {
			progress(done, total)
		}
		if s.life.Err() != nil { // at once, and not when the function above is run
			cancel(ErrClosed)
		}
	}
	if err := copyTo(ctx, s.trouble.path, path, told); err != nil {
		return fmt.Errorf("back up the database to %s: %w", path, cmp.Or(context.Cause(ctx), err))
	}
	return nil
}

// copyTo makes a checked copy of the database at from, whoever else uses it.
func copyTo(ctx context.Context, from, to string, progress func(done, total int)) (err error) {
	switch _, err := os.Lstat(to); {
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	dir := filepath.Dir(to)
	f, err := os.CreateTemp(dir, "."+filepath.Base(to)+".*"+partSuffix) // with mode 0600
	if err != nil {
		return err
	}
	part := f.Name()
	defer func() {
		gone := os.Remove(part)
		if errors.Is(gone, fs.ErrNotExist) {
			gone = nil // it has its name
		}
		err = errors.Join(fault(err), f.Close(), gone)
	}()
	if err := f.Chmod(0o600); err != nil { // whatever the umask is
		return err
	}
	if err := copyPages(ctx, from, part, progress); err != nil {
		return err
	}
	if err := checkIntegrity(ctx, part); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := name(part, to, os.Link); err != nil {
		return err
	}
	return syncDir(dir)
}

// name gives a file another name, where nothing is yet. A link replaces nothing,
// unlike a rename; where a file system has none, the name is taken by an empty
// file first.
func name(file, to string, link func(from, to string) error) error {
	err := link(file, to)
	if !errors.Is(err, syscall.EPERM) && !errors.Is(err, errors.ErrUnsupported) { // each of the ways to say so
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), os.Rename(file, to)); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// copyPages copies every page of one snapshot, in steps. SQLite begins again
// whenever the database has changed between two of them, unless the snapshot is held.
func copyPages(ctx context.Context, from, to string, progress func(done, total int)) (err error) {
	src, err := openConn(from, readerParams)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	dst, err := openConn(to, copyParams)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.close()) }()
	for _, query := range []string{"BEGIN", "SELECT count(*) FROM sqlite_schema"} {
		if err := src.run(query); err != nil {
			return err
		}
	}
	if err := copySteps(ctx, src, dst, progress); err != nil {
		return err
	}
	return dst.run("PRAGMA journal_mode = DELETE") // one file, without others beside it
}

// syncDir puts a new name in a directory on the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
