package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProfiles asks a daemon for profiles by signal, and has it stop before the
// time for them is over: they are written all the same, for nobody else to read.
func TestProfiles(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.ProfileDir = filepath.Join(shortDir(t), "new", "profiles")
	stop := start(t, c)
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	files := func() []string {
		found, err := filepath.Glob(filepath.Join(c.ProfileDir, "*.pprof"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for deadline := time.Now().Add(2 * time.Minute); len(files()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no profile is begun")
		}
	}
	stop()
	var names []string
	for _, path := range files() {
		name, _, _ := strings.Cut(filepath.Base(path), "-")
		names = append(names, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() == 0 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d bytes, %v", path, info.Size(), info.Mode())
		}
	}
	if got := strings.Join(names, " "); got != "cpu goroutine heap" {
		t.Errorf("profiles: %s", got)
	}
}
