package shim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Warden does for a child whose shim was killed what the shim can do no more: it
// keeps room behind the journal's end, and stops the child with SIGSTOP before a
// line could meet a disk that takes nothing, or while too much of the journal
// waits to be read. The rule is the shim's own.
type Warden struct {
	keeper *keeper
	files  []*os.File

	mu    sync.Mutex
	state State
}

// KeepOrphan begins to look after the child of a directory, which nobody else
// does any more. A child that a warden before this one has left stopped goes on,
// if it may. maxJournal is that of the Spec; log hears of every change, and of
// what does not work. The child is never mistaken for another process that has
// got its pid since.
func KeepOrphan(dir string, child Started, maxJournal int64, log func(text string)) (*Warden, error) {
	return keepOrphan(dir, child, maxJournal, log, theDisk())
}

func keepOrphan(dir string, child Started, maxJournal int64, log func(text string), d disk) (*Warden, error) {
	w := &Warden{}
	k := &keeper{
		disk: d, most: maxJournal, log: log, tell: w.tell, inherited: true,
		signal: child.Signal,
		stop:   make(chan struct{}), done: make(chan struct{}),
	}
	w.keeper = k
	for name, file := range map[string]**os.File{JournalName: &k.journal, StderrName: &k.stderr, draftName: &k.probe} {
		f, err := openToKeep(filepath.Join(dir, name))
		if name == draftName && errors.Is(err, os.ErrNotExist) {
			continue // the room that is kept tells of the disk as well, if later
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("keep room for a process without a shim: %w", err), w.closeFiles())
		}
		*file, w.files = f, append(w.files, f)
	}
	go k.run()
	return w, nil
}

// openToKeep opens a file that must be there, for what is done to its room.
func openToKeep(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = noFile(path, info.Mode())
	}
	if err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

// State says whether the child is stopped, and why.
func (w *Warden) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

func (w *Warden) tell(s State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = s
}

// Close ends the looking, and waits for that. A child that is stopped stays so:
// it would drop what it prints.
func (w *Warden) Close() error {
	w.keeper.close()
	return w.closeFiles()
}

func (w *Warden) closeFiles() error {
	errs := make([]error, 0, len(w.files))
	for _, f := range w.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
