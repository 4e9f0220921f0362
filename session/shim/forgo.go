package shim

import (
	"errors"
	"io/fs"
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
