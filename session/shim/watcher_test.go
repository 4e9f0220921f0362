package shim

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fsnotify/fsnotify"
)

// TestWatcherWithoutNotifications: where other programs have all of the system's
// notification instances, journals are read all the same, and the log says what to do.
func TestWatcherWithoutNotifications(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := newWatcher(func() (*fsnotify.Watcher, error) { return nil, errors.New("too many open files") }, slog.New(slog.NewTextHandler(&log, nil)))
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	j := openTestJournal(t, w, filepath.Join(t.TempDir(), JournalName), "", 0)
	for _, text := range []string{"one\n", "two\n"} {
		if lines, err := j.TryNext(); err != nil || len(lines) != 0 {
			t.Fatal(lines, err)
		}
		select {
		case <-j.Wake(): // for what was read before
		default:
		}
		j.write(t, text)
		select {
		case <-j.Wake():
		case <-testContext(t).Done():
			t.Fatalf("nothing tells of %q", text)
		}
		if lines, err := j.TryNext(); err != nil || len(lines) != 1 {
			t.Fatal(lines, err)
		}
	}
	if text := log.String(); !strings.Contains(text, "too many open files") || !strings.Contains(text, "max_user_instances") {
		t.Errorf("log: %s", text)
	}
}
