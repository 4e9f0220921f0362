package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// restorable is a state directory with a backup, which knows one session; of
// that there is a journal since, and of one that came later an MCP configuration.
func restorable(t *testing.T) (c Config, backup, known, later string) {
	t.Helper()
	c = testConfig(t)
	s := storeOf(t, c)
	known = addSession(t, c, s, api.StatusCompleted, shim.JournalName)
	backup = filepath.Join(filepath.Dir(c.StateDir), "backup")
	if err := s.Backup(t.Context(), backup, nil); err != nil {
		t.Fatal(err)
	}
	later = addSession(t, c, s, api.StatusCompleted, mcpName)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return c, backup, known, later
}

func holds(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, file := range files {
		if _, err := os.Lstat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
}

func TestRestorePutsFilesAside(t *testing.T) {
	t.Parallel()
	c, backup, known, later := restorable(t)
	r, err := Restore(t.Context(), c, backup, nil)
	if err != nil || !strings.HasPrefix(r.Files, c.sessionsDir()+".replaced-") {
		t.Fatalf("%+v, %v", r, err)
	}
	holds(t, r.Files, known+"/"+shim.JournalName, later+"/"+mcpName)
	if err := c.finishRestore(); err != nil { // nothing is to be finished
		t.Error(err)
	}
}

// TestRestoreThatFailsLeavesTheJournals cannot put the database aside.
func TestRestoreThatFailsLeavesTheJournals(t *testing.T) {
	t.Parallel()
	c, backup, known, later := restorable(t)
	if err := os.MkdirAll(c.databasePath()+"-shm/full", 0o700); err != nil {
		t.Fatal(err)
	}
	if r, err := Restore(t.Context(), c, backup, nil); err == nil {
		t.Fatalf("no error: %+v", r)
	}
	holds(t, c.sessionsDir(), known+"/"+shim.JournalName, later+"/"+mcpName)
	if _, err := os.Lstat(c.movedDir()); err == nil {
		t.Error("something is left")
	}
}

// TestRestoreThatWasKilled is killed before, and behind, the moment when the
// database is replaced.
func TestRestoreThatWasKilled(t *testing.T) {
	t.Parallel()
	c, _, known, later := restorable(t)
	copied := store.RestoredPath(c.databasePath())
	if err := os.WriteFile(copied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.putFilesAside(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), c, filepath.Join(c.StateDir, uuid.NewString()), nil); err == nil { // there is no such backup
		t.Error("no error")
	}
	holds(t, c.sessionsDir(), known+"/"+shim.JournalName, later+"/"+mcpName)

	if err := c.putFilesAside(nil); err != nil {
		t.Fatal(err)
	}
	start(t, c)()
	aside, err := filepath.Glob(c.sessionsDir() + ".replaced-*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("%v, %v", aside, err)
	}
	holds(t, aside[0], known+"/"+shim.JournalName, later+"/"+mcpName)
}
