package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// TestALockThatADeadDaemonLeft: a process that a daemon was starting when it was
// killed holds a copy of its lock for a moment, which may be long on a busy machine.
// The next daemon waits for that, and not for an owner that lives.
func TestALockThatADeadDaemonLeft(t *testing.T) {
	t.Parallel()
	exited := exec.Command(os.Args[0], "-test.run", "^$")
	if err := exited.Run(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		owner int
		taken bool
	}{
		"dead":  {exited.Process.Pid, true},
		"alive": {os.Getpid(), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "lock")
			held := flock.New(path)
			if err := held.Lock(); err != nil {
				t.Fatal(err)
			}
			if err := sign(path, owner{PID: tc.owner}); err != nil {
				t.Fatal(err)
			}
			defer held.Unlock()
			if tc.taken {
				release := time.AfterFunc(3*patience, func() { _ = held.Unlock() })
				defer release.Stop()
			}
			l, err := lockFile(t.Context(), path, "state directory", "x", owner{})
			if (err == nil) != tc.taken {
				t.Fatalf("taken: %v", err)
			}
			if err == nil {
				_ = l.Close()
			}
		})
	}
}
