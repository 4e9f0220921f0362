package shim

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Forgo sees to it that the child of a directory, which has not been started, is
// never started: a shim that is on its way to do so finds nothing to start. The
// error is ErrStarted if the child was started before, and ErrLocked if somebody
// lives on the conversation, that very shim perhaps: try again.
func Forgo(dir, lockFile string) error {
	lock, err := takeLock(lockFile)
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := ReadStart(dir); !errors.Is(err, fs.ErrNotExist) {
		return ErrStarted
	}
	return forgetSpec(dir)
}

// Begun tells whether somebody has begun to start the child of a directory, and
// neither it nor its failure is known yet: a shim may be on its way.
func Begun(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, launchName))
	return !errors.Is(err, fs.ErrNotExist)
}
