package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
)

// maxSize is more than any settings have.
const maxSize = 16 << 20

// File is a settings file as it was read.
type File struct {
	Path string // as it was named
	at   string // where it lies, if Path is a symbolic link
	text []byte
	mode fs.FileMode
	made bool // it is there
}

// Read reads a settings file; one that is missing is empty.
func Read(path string) (*File, error) {
	f := &File{Path: path, at: path, mode: 0o600}
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return nil, fmt.Errorf("%s is a symbolic link to something that is not there", path)
		}
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(target)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case info.Size() > maxSize:
		return nil, fmt.Errorf("%s has %d bytes, which is more than settings have: nothing is changed", path, info.Size())
	}
	f.at, f.mode, f.made = target, info.Mode().Perm(), true
	if f.text, err = os.ReadFile(target); err != nil { // #nosec G304 -- the user's own settings
		return nil, err
	}
	return f, nil
}

// State says how the file stands to the hooks.
func (f *File) State() (State, error) {
	s, err := Look(f.text)
	return s, f.wrap(err)
}

// wrap says which file an error is about.
func (f *File) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w; nothing was changed", f.Path, err)
}

// Install puts the hooks into the file. It returns the path of the copy of what was
// there; "" if nothing was, or nothing has changed.
func (f *File) Install(command string) (backup string, changed bool, err error) {
	text, err := Install(f.text, command)
	if err != nil {
		return "", false, f.wrap(err)
	}
	return f.replace(text)
}

// Uninstall takes them out.
func (f *File) Uninstall() (backup string, changed bool, err error) {
	if !f.made {
		return "", false, nil
	}
	text, err := Uninstall(f.text)
	if err != nil {
		return "", false, f.wrap(err)
	}
	return f.replace(text)
}

// replace writes the file anew, whole or not at all, behind a copy of what it was.
func (f *File) replace(text []byte) (backup string, changed bool, err error) {
	if f.made && bytes.Equal(text, f.text) {
		return "", false, nil
	}
	if err := os.MkdirAll(filepath.Dir(f.at), 0o700); err != nil {
		return "", false, f.wrap(err)
	}
	if f.made {
		backup = fmt.Sprintf("%s.before-sessiond-%s", f.at, time.Now().UTC().Format("20060102T150405.000"))
		if err := renameio.WriteFile(backup, f.text, f.mode); err != nil {
			return "", false, f.wrap(fmt.Errorf("no copy of it can be made: %w", err))
		}
	}
	if err := f.write(text); err != nil {
		_ = os.Remove(backup)
		return "", false, f.wrap(err)
	}
	return backup, true, nil
}

// write puts a text into the place of the file, unless it has changed meanwhile.
func (f *File) write(text []byte) error {
	pending, err := renameio.NewPendingFile(f.at, renameio.WithPermissions(f.mode), renameio.WithTempDir(filepath.Dir(f.at)))
	if err != nil {
		return err
	}
	defer func() { _ = pending.Cleanup() }()
	if _, err := pending.Write(text); err != nil {
		return err
	}
	if err := f.keepOwner(pending.File); err != nil {
		return err
	}
	now, err := os.ReadFile(f.at)
	if f.made && err != nil || !f.made && !errors.Is(err, fs.ErrNotExist) || !bytes.Equal(now, f.text) {
		return errors.New("it was changed by somebody else meanwhile: try again")
	}
	return pending.CloseAtomicallyReplace()
}

// keepOwner gives the new file to whom the old one belongs.
func (f *File) keepOwner(to *os.File) error {
	info, err := os.Stat(f.at)
	if err != nil {
		return nil //nolint:nilerr // there is none
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return nil
	}
	if err := to.Chown(int(st.Uid), int(st.Gid)); err != nil {
		return fmt.Errorf("it belongs to another user: %w", err)
	}
	return nil
}
