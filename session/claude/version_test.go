package claude

import (
	"os"
	"path/filepath"
	"testing"
)

// TestVersionOfOneThatLeavesSomethingBehind: what holds the output of a claude
// that has exited does not make its version unknown.
func TestVersionOfOneThatLeavesSomethingBehind(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "claude")
	script := "#!/bin/sh\nwhile [ -e \"$0\" ]; do sleep 0.1; done &\necho '2.1.197 (Claude Code)'\n" // until the test ends
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	var p Prober
	if version, err := p.Version(t.Context(), program, os.Environ()); version != "2.1.197" || err != nil {
		t.Errorf("version %q, %v", version, err)
	}
}
