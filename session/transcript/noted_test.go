package transcript

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWhatIsNoNoteIsNotRead: a pipe, which would hold up whoever reads it, a link, and
// what is much longer than a note say nothing.
func TestWhatIsNoNoteIsNotRead(t *testing.T) {
	t.Parallel()
	note := `{"pid":7,"sessionId":"x","status":"idle","statusUpdatedAt":1000}`
	for name, c := range map[string]struct {
		put  func(file string) error
		idle bool
	}{
		"a note": {func(file string) error { return os.WriteFile(file, []byte(note), 0o600) }, true},
		"a pipe": {func(file string) error { return syscall.Mkfifo(file, 0o600) }, false},
		"a link": {func(file string) error {
			return os.Symlink("other", file)
		}, false},
		"a long one": {func(file string) error {
			return os.WriteFile(file, []byte(note+strings.Repeat(" ", 2*maxNote)), 0o600)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			projects := filepath.Join(t.TempDir(), "projects")
			dir := sessionsDir(projects)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "other"), []byte(note), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := c.put(filepath.Join(dir, "7.json")); err != nil {
				t.Fatal(err)
			}
			said := make(chan bool, 1)
			go func() {
				_, idle := IdleSince(projects, "x", 7)
				said <- idle && len(Processes(projects, "x")) == 1
			}()
			select {
			case idle := <-said:
				if idle != c.idle {
					t.Errorf("said %v", idle)
				}
			case <-time.After(time.Minute):
				t.Error("it is read for ever")
			}
		})
	}
}
