package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// diagnose returns what the doctor says, by check.
func (w *world) diagnose(fix bool) map[string][]daemon.Finding {
	w.t.Helper()
	all := map[string][]daemon.Finding{}
	daemon.Diagnose(w.ctx, daemon.Diagnosis{Config: w.cfg, Getenv: func(string) string { return "" }, Environ: w.environ(), Fix: fix,
		Report: func(f daemon.Finding) { all[f.Check] = append(all[f.Check], f) }})
	return all
}

// healthy fails the test if the doctor finds anything.
func (w *world) healthy(what string) {
	w.t.Helper()
	for _, findings := range w.diagnose(false) {
		for _, f := range findings {
			// The machine of the test is as it is.
			if f.Level != daemon.LevelOK && f.Check != "disk" && f.Check != "limits" && f.Check != "logout" {
				w.t.Errorf("%s: %+v", what, f)
			}
		}
	}
}

// straggler starts a process in the directory of a session that has ended.
func (w *world) straggler(id string) (shim.Started, string) {
	w.t.Helper()
	dir := filepath.Join(w.cfg.StateDir, "sessions", id)
	client, started, err := shim.Start(w.ctx, sessiond, dir, shim.Spec{Path: "/bin/sh", Args: []string{"-c", "trap '' TERM; while :; do sleep 600; done"},
		Dir: w.work, LockFile: filepath.Join(w.cfg.LockDir, "straggler.lock")})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { // reaps the shim, which is this process's child
		if err := client.Kill(w.ctx); err == nil {
			<-client.Done()
		}
		_ = started.Signal(syscall.SIGKILL)
		_ = client.Close()
	})
	return started, dir
}

// TestDoctorIsContent has nothing wrong, with a daemon and without one.
func TestDoctorIsContent(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	w.run("say: hi")
	p := w.prompt("say: hi")
	p.Interactive = ptr(true)
	p.MCPConfig = []byte(`{"mcpServers":{"none":{"command":"/bin/true"}}}`)
	alive := w.launch(p)
	w.until(alive, api.StatusWaitingInput)
	w.healthy("with a daemon")
	w.stop()
	w.healthy("without one")
	w.start()
	if _, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: alive, Content: api.Text("say: more")}); err != nil {
		t.Error(err)
	}
}

// TestDoctorRepairs has everything left behind that can be: the doctor finds it,
// changes nothing unless told to, and repairs it then. A session that lives is
// not touched.
func TestDoctorRepairs(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	over, ended := w.run("say: hi").ID, w.run("say: hi").ID
	p := w.prompt("say: hi")
	p.Interactive = ptr(true)
	alive := w.launch(p)
	w.until(alive, api.StatusWaitingInput)
	w.stop()

	held, heldDir := w.straggler(over)
	sessions := filepath.Join(w.cfg.StateDir, "sessions")
	unknown := filepath.Join(sessions, "01a1fc8a-140f-70a9-a7e1-712a13996664")
	secrets := filepath.Join(sessions, ended, "environment.json")
	database := filepath.Join(w.cfg.StateDir, "sessiond.db")
	unused := filepath.Join(w.cfg.LockDir, "unused.lock")
	err := errors.Join(os.Mkdir(unknown, 0o700), os.WriteFile(filepath.Join(unknown, "environment.json"), []byte("[]"), 0o600),
		os.MkdirAll(filepath.Dir(secrets), 0o700), os.WriteFile(secrets, []byte(`["KEY=`+secret+`"]`), 0o600),
		os.Chmod(database, 0o644), os.Chmod(w.cfg.StateDir, 0o755), os.WriteFile(unused, nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	found := w.diagnose(false)
	for check, level := range map[string]daemon.Level{"state directory": daemon.LevelWarning, "file modes": daemon.LevelBad,
		"session directories": daemon.LevelWarning, "secrets": daemon.LevelBad, "shims": daemon.LevelBad} {
		if len(found[check]) == 0 || found[check][0].Level != level || !strings.Contains(found[check][0].Advice, "--fix") {
			t.Errorf("%s: %+v", check, found[check])
		}
	}
	for _, path := range []string{unknown, secrets, unused} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("without --fix: %v", err)
		}
	}
	if held.Signal(0) != nil {
		t.Error("without --fix, the process was ended")
	}

	w.diagnose(true)
	w.diagnose(true) // what the shim's directory held, once it is gone
	for _, path := range []string{unknown, secrets, unused, filepath.Join(heldDir, "journal")} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if held.Signal(0) == nil {
		t.Error("the process of the session that is over lives")
	}
	w.healthy("when all is repaired")
	w.start()
	if _, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: alive, Content: api.Text("say: more")}); err != nil {
		t.Errorf("the session that lives: %v", err)
	}
	w.when(alive, func(s api.Session) bool { return s.NumTurns == 2 })
}

// TestDoctorEndsOrphans has the process of a session that is over, and whose
// shim was killed. It ignores SIGTERM.
func TestDoctorEndsOrphans(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	over := w.run("say: hi").ID
	w.stop()
	started, dir := w.straggler(over)
	if err := syscall.Kill(started.ShimPID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if found := w.diagnose(false)["orphans"]; len(found) == 1 && found[0].Level == daemon.LevelBad {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%+v", found)
		}
	}
	if found := w.diagnose(true)["orphans"]; len(found) != 1 || !found[0].Fixed || started.Signal(0) == nil {
		t.Errorf("%+v", found)
	}
	w.diagnose(true)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its directory: %v", err)
	}
	w.healthy("when it is gone")
}

// TestDoctorSeesDamage has files that are not what they should be.
func TestDoctorSeesDamage(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	w.run("say: hi")
	w.stop()
	socket := w.cfg.Socket
	w.cfg.Claude = filepath.Join(t.TempDir(), "none")
	database := filepath.Join(w.cfg.StateDir, "sessiond.db")
	err := errors.Join(os.WriteFile(database, []byte(strings.Repeat("damage", 5000)), 0o600), os.WriteFile(socket, nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	found := w.diagnose(true)
	for _, check := range []string{"database", "socket", "claude"} {
		if f := found[check]; len(f) != 1 || f[0].Level != daemon.LevelBad || f[0].Advice == "" || f[0].Fixed {
			t.Errorf("%s: %+v", check, f)
		}
	}
	if err := errors.Join(os.Remove(socket), os.Remove(database)); err != nil {
		t.Fatal(err)
	}
}
