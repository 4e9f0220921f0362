package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
	"github.com/sessiond/sessiond/store/search"
)

// Restored is what Restore has done.
type Restored struct {
	Sessions int    `json:"sessions"`
	HeadSeq  int64  `json:"head_seq"`         // every event up to this seq was restored
	Aside    string `json:"aside,omitempty"`  // the database that was there before; "": there was none
	Files    string `json:"files,omitempty"`  // of sessions, that are no part of the restored one; "": none
	Failing  int    `json:"failing_sessions"` // sessions that were live in the backup, and have failed
}

// LiveError says that sessions live in a state directory where none may.
type LiveError struct{ IDs []string }

func (e *LiveError) Error() string {
	return fmt.Sprintf("%d sessions live: end them first ('sessiond stop --all'): %s", len(e.IDs), strings.Join(e.IDs, ", "))
}

// Restore puts a backup in the place of the database, after it has been checked.
// The present one is kept beside it, and so are the journals of its sessions that
// no daemon has read to the end, and the files of sessions that the restored one
// does not know. After an error all is as it was; a call that was killed is undone,
// or finished, by the next one and by the next daemon. It is a
// *RunningError where a daemon runs, and a *LiveError where sessions do. The
// function progress, if it is not nil, is told how many pages of how many are copied;
// when all are, the copy is checked, which takes a while too.
func Restore(ctx context.Context, c Config, backup string, progress func(done, total int)) (r Restored, err error) {
	if err := MakeStateDir(c); err != nil {
		return r, err
	}
	lock, err := lockStateFor(ctx, c, "sessiond restore")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := c.finishRestore(); err != nil {
		return r, err
	}
	if live := LiveSessions(ctx, c); len(live) > 0 {
		return r, &LiveError{live}
	}
	i, err := store.Inspect(ctx, backup)
	if err != nil {
		return r, err
	}
	r.Sessions, r.HeadSeq = len(i.Sessions), i.Head
	for _, status := range i.Sessions {
		if !status.Final() {
			r.Failing++
		}
	}
	if err := search.Discard(c.StateDir); err != nil { // it is not of the log that is put back, and made anew
		return r, err
	}
	suffix := replacedNow()
	if _, err := os.Lstat(c.databasePath()); err == nil {
		r.Aside = c.databasePath() + suffix
	}
	err = store.Restore(ctx, backup, c.databasePath(), r.Aside,
		store.RestoreSteps{Progress: progress, Ready: func() error { return c.putFilesAside(i.Sessions) }, Undo: c.putFilesBack})
	if err != nil {
		return r, err
	}
	r.Files, err = c.settleFiles(suffix)
	return r, err
}

// replaced begins what is added to the names of what a restore has put aside.
const replaced = ".replaced-"

func replacedNow() string { return replaced + time.Now().UTC().Format("20060102T150405.000Z") }

// movedDir is where the files of sessions wait until the database is replaced.
func (c Config) movedDir() string { return filepath.Join(c.StateDir, "sessions.restoring") }

// finishRestore goes on with a restore that was killed. Which way is told by the
// copy of the backup: until it gets the database's name, that is the old one, which
// loses its second name, and the files of its sessions come back.
func (c Config) finishRestore() error {
	copied := store.RestoredPath(c.databasePath())
	_, err := os.Lstat(copied)
	switch {
	case err == nil:
		err = errors.Join(store.UndoRestore(c.databasePath(), c.databasePath()+replaced), c.putFilesBack())
		if err == nil {
			err = os.Remove(copied) // last: it tells that there is something to be undone
		}
	case errors.Is(err, fs.ErrNotExist):
		_, err = c.settleFiles(replacedNow())
	}
	if err != nil {
		return fmt.Errorf("go on with a restore that was killed: %w", err)
	}
	return nil
}

// putFilesAside moves the directories of sessions that had a process, or that the
// restored database does not know. An MCP configuration of the others stays:
// sessions that continue its session need it.
func (c Config) putFilesAside(known map[string]api.Status) error {
	entries, err := os.ReadDir(c.sessionsDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		dir := filepath.Join(c.sessionsDir(), entry.Name())
		_, stays := known[entry.Name()]
		if _, err := os.Lstat(filepath.Join(dir, shim.JournalName)); stays && err != nil {
			continue
		}
		if err := makePrivate(c.movedDir()); err != nil {
			return err
		}
		if err := os.Rename(dir, filepath.Join(c.movedDir(), entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// putFilesBack undoes putFilesAside.
func (c Config) putFilesBack() error {
	entries, err := os.ReadDir(c.movedDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		err = errors.Join(err, os.Rename(filepath.Join(c.movedDir(), entry.Name()), filepath.Join(c.sessionsDir(), entry.Name())))
	}
	if err != nil {
		return err
	}
	return os.Remove(c.movedDir())
}

// settleFiles gives what putFilesAside has moved its name for good, and returns
// that; "": there was nothing.
func (c Config) settleFiles(suffix string) (string, error) {
	aside := c.sessionsDir() + suffix
	err := os.Rename(c.movedDir(), aside)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return c.movedDir(), err
	}
	return aside, nil
}
