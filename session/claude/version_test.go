package claude

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sessiond/sessiond/internal/program"
)

// TestVersionOfOneThatLeavesSomethingBehind: what holds the output of a claude
// that has exited does not make its version unknown.
func TestVersionOfOneThatLeavesSomethingBehind(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "claude")
	script := "#!/bin/sh\nwhile [ -e \"$0\" ]; do sleep 0.1; done &\necho '2.1.197 (Claude Code)'\n" // until the test ends
	program.Write(t, path, script)
	var p Prober
	if version, err := p.Version(t.Context(), path, os.Environ()); version != "2.1.197" || err != nil {
		t.Errorf("version %q, %v", version, err)
	}
}
