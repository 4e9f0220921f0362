package e2e

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // locks the database

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// held waits until a session's shim, asked past the daemon, says that it holds
// its child.
func (w *world) held(id string, why shim.Held) {
	w.t.Helper()
	client, err := shim.Connect(w.ctx, w.dir(id))
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	if !poll(func() bool { return client.State().Held == why }) {
		w.t.Fatalf("the shim says %+v", client.State())
	}
}

// boundedWorld has a bound for journals, and a session that is about to print
// several times as much.
func boundedWorld(t *testing.T) (w *world, id string, lines int, goOn func()) {
	t.Helper()
	const size = 80_000
	lines = 400
	w = newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	w.cfg.MaxJournalBytes = 8 << 20
	w.start()
	gate := filepath.Join(t.TempDir(), "gate")
	id = w.launch(w.prompt(fmt.Sprintf("say: ready\nwait: %s\nemit: %d %d", gate, lines, size)))
	w.heard(id, "ready")
	return w, id, lines, func() { touch(t, gate) }
}

// TestJournalBoundWithoutDaemon: nobody reads what a session prints. It takes no
// more than so much of the disk, and none of it is lost.
func TestJournalBoundWithoutDaemon(t *testing.T) {
	t.Parallel()
	w, id, lines, goOn := boundedWorld(t)
	w.stop()
	goOn()
	w.held(id, shim.HeldJournal)
	if info, err := os.Stat(filepath.Join(w.dir(id), shim.JournalName)); err != nil || info.Size() < w.cfg.MaxJournalBytes {
		t.Errorf("held at %v, %v", info.Size(), err)
	}
	w.start()
	w.everyLine(id, lines)
}

// TestLockedDatabase: another program keeps the database for itself. Health says
// so at once, the session is paused when its journal is full, and all goes on
// when the other lets go.
func TestLockedDatabase(t *testing.T) {
	t.Parallel()
	w, id, lines, goOn := boundedWorld(t)
	db, err := sql.Open("sqlite3", filepath.Join(w.cfg.StateDir, "sessiond.db")+"?_txlock=immediate&_busy_timeout=60000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(w.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	goOn()
	w.degraded("sessiond.db", "another program keeps the database for itself", "session "+id+" is paused", "max_journal_bytes")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	w.everyLine(id, lines)
	w.well()
}

// TestMovedStateDirectory moves the daemon's directory away while it works in it,
// and back. A session that ends meanwhile is not taken for one that nobody saw
// the end of, nothing is lost, and nothing is made anew in the old place.
func TestMovedStateDirectory(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"the daemon goes on": false, "the daemon is killed meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const lines = 500
			s := serveScripted(t, claudecli.Pinned)
			idle := s.interactive("say: hi")
			s.idle(idle, 1)
			id := s.launch(s.prompt(s.gate("print") + fmt.Sprintf("\nemit: %d", lines)))
			s.reached(id, "print", 0)
			away := s.cfg.StateDir + ".away"
			if err := os.Rename(s.cfg.StateDir, away); err != nil {
				t.Fatal(err)
			}
			s.degraded("state directory "+s.cfg.StateDir, "put it back where it was")
			if _, err := s.LaunchSession(s.ctx, s.prompt("say: hi")); err == nil || !strings.Contains(err.Error(), "put it back") {
				t.Errorf("a launch: %v", err)
			}
			if killed {
				s.killDaemon()
			}
			s.open("print")
			printed := poll(func() bool {
				journal, err := os.ReadFile(filepath.Join(away, "sessions", id, shim.JournalName))
				return err == nil && bytes.Contains(journal, fmt.Appendf(nil, "event %d of", lines))
			})
			if !printed {
				t.Fatal("the session does not go on")
			}
			if !killed { // it ends, and there is time enough to look for what is not there
				if !poll(func() bool { _, err := shim.ReadExit(filepath.Join(away, "sessions", id)); return err == nil }) {
					t.Fatal("the session does not end")
				}
				for start := time.Now(); time.Since(start) < time.Second; {
					if state, err := s.GetSessionState(s.ctx, api.SessionParams{SessionID: id}); err != nil || state.Session.Status.Final() {
						t.Fatalf("session: %+v, %v", state.Session, err)
					}
				}
			}
			if _, err := os.Lstat(s.cfg.StateDir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("there is something in the old place: %v", err)
			}
			if err := os.Rename(away, s.cfg.StateDir); err != nil {
				t.Fatal(err)
			}
			if killed {
				s.launchDaemon()
			}
			s.everyLine(id, lines)
			s.say(idle, "say: still here")
			s.idle(idle, 2)
			s.well()
		})
	}
}

// TestJournalIsInTheWay: something else lies where a journal was. The session is
// neither ended nor read wrong, health says what to do, and once the journal is
// back all of it is read.
func TestJournalIsInTheWay(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(path string) error{
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"a link":      func(path string) error { return os.Symlink("/etc/passwd", path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const lines = 500
			s := serveScripted(t, claudecli.Pinned)
			id := s.launch(s.prompt(fmt.Sprintf("say: ready\n%s\nemit: %d", s.gate("print"), lines)))
			s.heard(id, "ready")
			s.endDaemon(syscall.SIGTERM)
			journal := filepath.Join(s.dir(id), shim.JournalName)
			if err := errors.Join(os.Rename(journal, journal+".real"), put(journal)); err != nil {
				t.Fatal(err)
			}
			s.launchDaemon()
			s.degraded("session "+id, journal, "and no file")
			s.open("print")
			suspend(t, s.daemon.Process.Pid) // it is not to find nothing there, which is a lost journal
			err := errors.Join(os.Remove(journal), os.Rename(journal+".real", journal))
			if err := errors.Join(err, syscall.Kill(s.daemon.Process.Pid, syscall.SIGCONT)); err != nil {
				t.Fatal(err)
			}
			s.everyLine(id, lines)
			s.well()
		})
	}
}
