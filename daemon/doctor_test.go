package daemon

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// storeOf opens the database of a configuration, as its daemon does.
func storeOf(t *testing.T, c Config) *store.Store {
	t.Helper()
	if err := MakeStateDir(c); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), c.databasePath(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// addSession commits a session, and makes its directory with these files.
func addSession(t *testing.T, c Config, s *store.Store, status api.Status, files ...string) (id string) {
	t.Helper()
	row := &store.SessionRow{Session: api.Session{
		ID: uuid.NewString(), RunID: uuid.NewString(), ClaudeSessionID: uuid.NewString(), Status: status,
		WorkingDir: "/", Tags: []string{}, CreatedAt: api.Now(), LastActivityAt: api.Now(),
	}}
	if err := s.Commit(t.Context(), &store.Batch{Create: row}); err != nil {
		t.Fatal(err)
	}
	sessionFiles(t, c, row.Session.ID, files...)
	return row.Session.ID
}

// sessionFiles makes a session's directory, which is not just being worked on.
func sessionFiles(t *testing.T, c Config, id string, files ...string) {
	t.Helper()
	dir := filepath.Join(c.sessionsDir(), id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	for _, name := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(id), 0o600), os.Chtimes(path, long, long)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(dir, long, long); err != nil {
		t.Fatal(err)
	}
}

// fakeShim is a process with the command line of a shim.
func fakeShim(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	in, err := filepath.Abs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(in, "shim"), []byte("read line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sh, "shim", dir)
	cmd.Dir = in
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = input.Close() })
	return cmd
}

// TestDoctorLeavesAloneWhatIsLaunchedMeanwhile has sessions launched, and ones
// that the daemon is just about to commit, after the database was looked through.
func TestDoctorLeavesAloneWhatIsLaunchedMeanwhile(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	s := storeOf(t, c)
	lock, err := lockState(t.Context(), c) // as a daemon does
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	over := addSession(t, c, s, api.StatusCompleted, "stderr", "environment.json", mcpName)
	var queued, ended, unknown string
	var shim *exec.Cmd
	Diagnose(t.Context(), Diagnosis{Config: c, Getenv: os.Getenv, Fix: true, Report: func(f Finding) {
		if f.Check != "database" {
			return
		}
		queued = addSession(t, c, s, api.StatusQueued, "environment.json", mcpName)
		ended = addSession(t, c, s, api.StatusCompleted, "stderr", mcpName)
		unknown = uuid.NewString()
		sessionFiles(t, c, unknown, "environment.json")
		shim = fakeShim(t, filepath.Join(c.sessionsDir(), queued))
	}})
	for path, want := range map[string]bool{
		queued + "/environment.json": true, queued + "/" + mcpName: true, unknown + "/environment.json": true,
		over + "/" + mcpName: true, over + "/stderr": false, over + "/environment.json": false,
		ended + "/" + mcpName: true, ended + "/stderr": false,
	} {
		if _, err := os.Lstat(filepath.Join(c.sessionsDir(), path)); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	if shim == nil {
		t.Fatal("the database was not looked at")
	}
	if runtime.GOOS == "linux" {
		if b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(shim.Process.Pid), "stat")); err != nil || strings.Contains(string(b), ") Z ") {
			t.Errorf("the shim of a session that was launched meanwhile was ended: %s, %v", b, err)
		}
	}
	_ = shim.Process.Kill()
	_ = shim.Wait()
}

// TestDoctorRemovesWhatNobodyKnows has no daemon that may be launching it.
func TestDoctorRemovesWhatNobodyKnows(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	if err := storeOf(t, c).Close(); err != nil {
		t.Fatal(err)
	}
	id := uuid.NewString()
	sessionFiles(t, c, id, "environment.json")
	told := ""
	Diagnose(t.Context(), Diagnosis{Config: c, Getenv: os.Getenv, Fix: true, Report: func(f Finding) {
		if f.Check == "database" {
			_, err := lockState(t.Context(), c)
			told = err.Error()
		}
	}})
	if _, err := os.Lstat(filepath.Join(c.sessionsDir(), id)); err == nil {
		t.Error("it is still there")
	}
	if !strings.HasPrefix(told, "'sessiond doctor --fix' (pid ") {
		t.Errorf("a daemon that starts meanwhile is told: %s", told)
	}
}

// TestDoctorRepairsNothingWithoutTheLock cannot have it, and no daemon runs.
func TestDoctorRepairsNothingWithoutTheLock(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	if err := storeOf(t, c).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("elsewhere", filepath.Join(c.StateDir, "lock")); err != nil {
		t.Fatal(err)
	}
	id := uuid.NewString()
	sessionFiles(t, c, id, "environment.json")
	said := false
	Diagnose(t.Context(), Diagnosis{Config: c, Getenv: os.Getenv, Fix: true, Report: func(f Finding) {
		said = said || f.Check == "repairs" && f.Level == LevelBad
		if f.Fixed {
			t.Errorf("repaired: %+v", f)
		}
	}})
	if _, err := os.Lstat(filepath.Join(c.sessionsDir(), id, "environment.json")); err != nil || !said {
		t.Errorf("%v, said %v", err, said)
	}
}
