package e2e

import (
	"database/sql"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestStopsInSpiteOf has a daemon told to stop while something is in its way: it
// stops, and its sessions go on. How long that takes is in the test's log.
func TestStopsInSpiteOf(t *testing.T) {
	t.Parallel()
	for name, hinder := range map[string]func(t *testing.T, s *served, id string) (undo func()){
		"nothing": func(*testing.T, *served, string) func() { return func() {} },
		"a call that a stopped child does not answer": func(t *testing.T, s *served, id string) func() {
			goOn := stopProcess(t, s.idle(id, 1).PID)
			asked := make(chan error, 1)
			go func() {
				_, err := s.UpdateSession(s.ctx, api.UpdateSessionParams{SessionID: id, Model: ptr("opus")})
				asked <- err
			}()
			s.untilStored(id, `"model":"opus"`)
			return func() {
				if err := <-asked; err == nil {
					t.Error("it was answered")
				}
				goOn()
			}
		},
		"a stopped shim": func(t *testing.T, s *served, id string) func() {
			goOn := stopProcess(t, s.shimPID(id))
			if _, err := s.EndSession(s.ctx, api.EndSessionParams{SessionID: s.interactive("say: another"), Force: true}); err != nil {
				t.Error(err)
			}
			s.say(id, "say: not written yet")
			return goOn
		},
		"a client that does not read": func(t *testing.T, s *served, id string) func() {
			conn, err := net.Dial("unix", s.cfg.Socket)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			for i := range 2000 {
				_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
				if _, err := fmt.Fprintf(conn, `{"jsonrpc":"2.0","id":%d,"method":"rpc.discover"}`+"\n", i); err != nil {
					break // it is read no more: the daemon's queue for this client is full
				}
			}
			return func() {}
		},
		"a database that another program keeps": func(t *testing.T, s *served, id string) func() {
			s.say(id, s.gate("a"))
			s.reached(id, "a", 1)
			tx, err := s.database().Begin()
			if err == nil {
				_, err = tx.Exec("UPDATE meta SET value = value")
			}
			if err != nil {
				t.Fatal(err)
			}
			s.open("a") // what is printed now cannot be stored
			said := make(chan error, 1)
			go func() {
				_, err := s.SendMessage(s.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("say: not stored")})
				said <- err
			}()
			if !poll(func() bool {
				h, err := s.Health(s.ctx)
				return err == nil && strings.Contains(strings.Join(h.Problems, " "), "database")
			}) {
				t.Error("health does not show it")
			}
			return func() {
				if err := tx.Rollback(); err != nil {
					t.Error(err)
				}
				if err := <-said; err == nil {
					t.Error("a message was accepted that is not stored")
				}
			}
		},
		"a pruning under way": func(t *testing.T, s *served, id string) func() {
			gone := s.run("say: gone").ID
			db := s.database()
			if _, err := db.Exec(`INSERT INTO events (session, type, time, data) SELECT n, 'session_updated', 0, '{}' FROM sessions,
				(WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 100000) SELECT i FROM i) WHERE id = ?`, gone); err != nil {
				t.Fatal(err)
			}
			if _, err := s.DeleteSession(s.ctx, api.SessionParams{SessionID: gone}); err != nil {
				t.Fatal(err)
			}
			s.prune(api.PruneSessionsParams{}) // from then on it waits for what was deleted
			tx, err := db.Begin()
			if err == nil {
				_, err = tx.Exec("UPDATE meta SET value = value")
			}
			if err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := tx.Rollback(); err != nil {
					t.Error(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveScripted(t, claudecli.Pinned)
			id := s.interactive("say: one")
			pid := s.idle(id, 1).PID
			undo := hinder(t, s, id)
			began := time.Now()
			if err := s.daemon.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := s.daemon.Wait(); err != nil {
				t.Errorf("daemon: %v", err)
			}
			t.Logf("stopped in %v", time.Since(began).Round(time.Millisecond))
			if err := syscall.Kill(pid, 0); err != nil {
				t.Errorf("the session's process: %v", err)
			}
			undo()
			s.launchDaemon()
			turns := s.when(id, func(ses api.Session) bool { return ses.WaitingFor == api.WaitingForMessage && ses.QueuedMessages == 0 }).NumTurns
			s.say(id, "say: after")
			s.idle(id, turns+1)
		})
	}
}

// database is a second program that uses the daemon's database.
func (s *served) database() *sql.DB {
	s.t.Helper()
	// It waits for a daemon that removes what was deleted, one step right behind the other.
	db, err := sql.Open("sqlite3", fmt.Sprintf("file:%s?_busy_timeout=%d", filepath.Join(s.cfg.StateDir, "sessiond.db"), patience.Milliseconds()))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	return db
}

// untilStored waits until the private state of a session holds a text.
func (s *served) untilStored(id, text string) {
	s.t.Helper()
	db := s.database()
	if !poll(func() bool {
		var state string
		err := db.QueryRow("SELECT state FROM session_engines JOIN sessions USING (n) WHERE id = ?", id).Scan(&state)
		return err == nil && strings.Contains(state, text)
	}) {
		s.t.Fatalf("%s is not stored", text)
	}
}
