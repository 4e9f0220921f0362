package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"bufio"

	"github.com/google/renameio/v2"
)

// mayWrite refuses a name that is taken, unless it may be taken over.
func (e *exporting) mayWrite(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case e.force && info.Mode().IsRegular():
		return nil
	case e.force:
		return usagef("%s is no file that could be replaced", path)
	}
	return taken(path)
}

func taken(path string) error { return usagef("%s exists; --force replaces it", path) }

// write writes a file under a name of its own, and gives it its name once all is
// in it and on the disk. After an error there is no file, or the one of before.
func (e *exporting) write(path string, content func(io.Writer) error) (err error) {
	if err := e.mayWrite(path); err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o600), renameio.IgnoreUmask())
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	defer f.Cleanup() //nolint:errcheck // the file has its name, or what went wrong is known
	out := bufio.NewWriterSize(f, 64<<10)
	if err := content(out); err != nil {
		return fmt.Errorf("%w; %s is not written", err, path)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if e.force {
		return f.CloseAtomicallyReplace()
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// A link, unlike a rename, leaves alone what has come to be there meanwhile.
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return taken(path)
	} else if err == nil {
		return nil
	}
	if err := e.mayWrite(path); err != nil { // a file system without links
		return err
	}
	return f.CloseAtomicallyReplace()
}
