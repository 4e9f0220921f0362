package session

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// directories lists the ids of the sessions that have a directory.
func (m *Manager) directories() []string {
	dir, err := os.Open(filepath.Join(m.cfg.StateDir, "sessions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var ids []string
	if err == nil {
		ids, err = dir.Readdirnames(-1)
		_ = dir.Close() // it was only read
	}
	if err != nil {
		m.log.Warn("session directories not readable", "error", err)
	}
	return ids
}

// sweep removes what a daemon that was killed has left of sessions that are
// final, deleted, or were never stored: secrets may be among it. It looks at
// directories that were there before any session was created.
func (m *Manager) sweep(ctx context.Context, ids []string) {
	for _, id := range ids {
		if ctx.Err() != nil {
			return
		}
		if m.find(id) != nil {
			continue
		}
		row, err := m.store.Session(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound) && m.wasStarted(id):
			m.log.Warn("files of a session that the database does not know; an older database?", "session", id)
		case errors.Is(err, store.ErrNotFound):
			m.removeDir(id)
		case ctx.Err() != nil:
			return
		case err != nil:
			m.log.Warn("session directory not looked at", "session", id, "error", err)
		case row.Session.Status.Final():
			m.newActor(id).cleanUp()
		}
	}
}

// wasStarted reports whether a process was ever started in a session's
// directory: then what it printed lies there, and is not ours to throw away.
func (m *Manager) wasStarted(id string) bool {
	_, err := shim.ReadStart(m.sessionDir(id))
	return !errors.Is(err, fs.ErrNotExist)
}
