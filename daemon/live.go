package daemon

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// shimPatience is how long a shim may take to say that it is there.
const shimPatience = 2 * time.Second

// LiveSessions returns the ids of the sessions in c's state directory that have a
// process, whether or not a daemon runs. It asks the shims and the records of
// their children, and changes nothing.
func LiveSessions(ctx context.Context, c Config) []string {
	entries, err := os.ReadDir(c.sessionsDir())
	if err != nil {
		return nil // there are none
	}
	var live []string
	for _, entry := range entries {
		dir := filepath.Join(c.sessionsDir(), entry.Name())
		if shim.SignalOrphan(dir, 0) == nil || shimAnswers(ctx, dir) {
			live = append(live, entry.Name())
		}
	}
	return live
}

// Unfinished reports whether there are sessions in c's state directory that are
// not over: one that has a process, or that the database does not have as final,
// such as a queued one. It is meant for where no daemon runs, and changes nothing.
func Unfinished(ctx context.Context, c Config) (bool, error) {
	if len(LiveSessions(ctx, c)) > 0 {
		return true, nil
	}
	i, err := store.Inspect(ctx, c.databasePath())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	for id, status := range i.Sessions {
		if !status.Final() && !i.Outside[id] {
			return true, err
		}
	}
	return false, err
}

func (c Config) sessionsDir() string { return filepath.Join(c.StateDir, "sessions") }

// shimAnswers reports whether the shim of a directory lives, and says so.
func shimAnswers(ctx context.Context, dir string) bool {
	ctx, cancel := context.WithTimeout(ctx, shimPatience)
	defer cancel()
	client, err := shim.Connect(ctx, dir)
	if err != nil {
		return false
	}
	_ = client.Close()
	return true
}
