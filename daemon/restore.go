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

	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// Restored is what Restore has done.
type Restored struct {
	Sessions int    `json:"sessions"`
	HeadSeq  int64  `json:"head_seq"`         // every event up to this seq was restored
	Aside    string `json:"aside,omitempty"`  // the database that was there before; "": there was none
	Files    string `json:"files,omitempty"`  // what that had not taken in of its sessions; "": nothing
	Failing  int    `json:"failing_sessions"` // sessions that were live in the backup, and have failed
}

// LiveError says that sessions live in a state directory where none may.
type LiveError struct{ IDs []string }

func (e *LiveError) Error() string {
	return fmt.Sprintf("%d sessions live: end them first ('sessiond stop --all'): %s", len(e.IDs), strings.Join(e.IDs, ", "))
}

// Restore puts a backup in the place of the database, after it has been checked.
// The present one is kept beside it, and so are the journals of its sessions that
// no daemon has read to the end: they are no part of the restored one. It is a
// *RunningError where a daemon runs, and a *LiveError where sessions do.
func Restore(ctx context.Context, c Config, backup string) (r Restored, err error) {
	if err := MakeStateDir(c); err != nil {
		return r, err
	}
	lock, err := lockState(ctx, c)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
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
	suffix := ".replaced-" + time.Now().UTC().Format("20060102T150405.000Z")
	if _, err := os.Lstat(c.databasePath()); err == nil {
		r.Aside = c.databasePath() + suffix
	}
	err = store.Restore(ctx, backup, c.databasePath(), r.Aside, func() (err error) {
		r.Files, err = c.putJournalsAside(c.sessionsDir() + suffix)
		return err
	})
	return r, err
}

// putJournalsAside moves the directories of sessions that had a process to aside,
// and returns that if there were any. An MCP configuration stays: sessions that
// continue its session need it.
func (c Config) putJournalsAside(aside string) (string, error) {
	entries, err := os.ReadDir(c.sessionsDir())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	moved := ""
	for _, entry := range entries {
		dir := filepath.Join(c.sessionsDir(), entry.Name())
		if _, err := os.Lstat(filepath.Join(dir, shim.JournalName)); err != nil {
			continue
		}
		if moved == "" {
			if err := makePrivate(aside); err != nil {
				return "", err
			}
			moved = aside
		}
		if err := os.Rename(dir, filepath.Join(aside, entry.Name())); err != nil {
			return moved, err
		}
	}
	return moved, nil
}
