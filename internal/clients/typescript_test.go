package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/internal/npmtools"
)

// TestTypeScript checks the types of the client, of its examples and of its README,
// makes its package, and runs its tests.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("the TypeScript client is tested with Node: %v", err)
	}
	w := newWorld(t, "typescript")
	w.blocks("ts", "readme", ".ts")
	if err := os.Symlink(npmtools.Modules(t), filepath.Join(w.source, "node_modules")); err != nil {
		t.Fatal(err)
	}
	w.run("npm", "pack", "--silent", "--offline", "--update-notifier=false") // which builds first
	if t.Failed() {
		return
	}
	w.packed(node)
	w.run(node, append([]string{"--test"}, w.files("dist/test/*.test.js")...)...)
}

// packed installs the package that was made as a user would, and loads it.
func (w *world) packed(node string) {
	w.t.Helper()
	tarball := filepath.Join(w.source, w.files("sessiond-*.tgz")[0])
	list := strings.Fields(w.run("tar", "-tzf", tarball))
	for _, name := range []string{"package/LICENSE", "package/README.md", "package/dist/src/index.js", "package/dist/src/index.d.ts"} {
		if !slices.Contains(list, name) {
			w.t.Errorf("%s is not in the package: %v", name, list)
		}
	}
	if i := slices.IndexFunc(list, func(name string) bool { return strings.Contains(name, "test") }); i >= 0 {
		w.t.Errorf("%s is in the package", list[i])
	}
	user := w.t.TempDir()
	home := filepath.Join(user, "node_modules", "sessiond")
	if err := os.MkdirAll(home, 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.run("tar", "-xzf", tarball, "-C", home, "--strip-components=1")
	program := filepath.Join(user, "program.mjs")
	if err := os.WriteFile(program, []byte("import { Client, codes } from 'sessiond'; console.log(typeof Client.connect, codes.conflict);\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if out := w.run(node, program); out != "function -32007\n" {
		w.t.Errorf("the package loads as %q", out)
	}
}
