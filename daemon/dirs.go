package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// MakeStateDir makes the state directory, private to this user, or says why it
// cannot be used.
func MakeStateDir(c Config) error {
	if err := makePrivate(c.StateDir); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	return nil
}

// makePrivate makes dir, and what is missing above it, with mode 0700 whatever
// the umask. A directory that is there must be safe, and is closed to others.
func makePrivate(dir string) error {
	if err := makeMissing(dir); err != nil {
		return err
	}
	fi, err := checkOwned(dir)
	if err != nil {
		return err
	}
	if fi.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s can be written to by others (mode %04o): run 'chmod 700 %s' if nobody has tampered with it, or choose another directory",
			dir, fi.Mode().Perm(), dir)
	}
	if fi.Mode().Perm() == 0o700 {
		return nil
	}
	return os.Chmod(dir, 0o700)
}

// makeMissing is os.MkdirAll with mode 0700 that no umask takes away from.
func makeMissing(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
		if err := makeMissing(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // what it is, is checked by whoever cares
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// checkOwned makes sure that dir is a directory of this user's, and not a
// symbolic link that somebody else may point elsewhere.
func checkOwned(dir string) (fs.FileInfo, error) {
	link, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	for _, i := range []fs.FileInfo{link, fi} {
		if uid := ownerOf(i); uid != os.Getuid() {
			what := "directory"
			if i.Mode()&fs.ModeSymlink != 0 {
				what = "symbolic link"
			}
			return nil, fmt.Errorf("%s is a %s of another user (uid %d): choose another directory", dir, what, uid)
		}
	}
	return fi, nil
}

// makeSocketDir makes the directory of a socket whose path was chosen by the
// user. It may be a shared one such as /tmp, where the sticky bit keeps others
// from taking the socket away; its mode is left as it is.
func makeSocketDir(dir string) error {
	if err := makeMissing(dir); err != nil {
		return err
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if fi.Mode().Perm()&0o022 != 0 && fi.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("%s, the directory of the socket, can be written to by others (mode %04o): choose another one", dir, fi.Mode().Perm())
	}
	return nil
}

func ownerOf(fi fs.FileInfo) int {
	return int(fi.Sys().(*syscall.Stat_t).Uid)
}
