package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
)

// TestSecretsOfACrashAreRemoved has directories as a daemon leaves them that is
// killed between two steps: before a launch was stored, and before what a final
// session does not need was removed.
func TestSecretsOfACrashAreRemoved(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	ended := w.run("say: hi").ID
	w.stop()
	var left []string
	for _, id := range []string{ended, "01a1fc8a-140f-70a9-a7e1-712a13996664"} {
		dir := filepath.Join(w.cfg.StateDir, "sessions", id)
		left = append(left, filepath.Join(dir, "environment.json"))
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(left[len(left)-1], []byte(`["KEY=`+secret+`"]`), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	for _, file := range left {
		// It is done behind the start, which many directories must not hold up.
		if !poll(func() bool { _, err := os.Stat(file); return errors.Is(err, fs.ErrNotExist) }) {
			t.Errorf("%s is still there", file)
		}
	}
}
