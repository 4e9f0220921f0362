package clients

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sessiond/sessiond/internal/npmtools"
)

// TestTypeScript checks the types of the client, of its examples and of its README, and
// runs its tests.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("the TypeScript client is tested with Node: %v", err)
	}
	w := newWorld(t, "typescript")
	w.blocks("ts", "readme", ".ts")
	modules := npmtools.Modules(t)
	// In the place of the package's own dependencies, which it has only to be developed.
	w.run(node, filepath.Join(modules, "typescript", "bin", "tsc"), "-p", ".", "--typeRoots", filepath.Join(modules, "@types"))
	if t.Failed() {
		return
	}
	w.run(node, append([]string{"--test"}, w.files("dist/test/*.test.js")...)...)
}
