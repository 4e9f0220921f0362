package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPython compiles the client, its examples and the programs of its README, and runs
// its tests, a process for each of their files. With CI=true a machine without Python
// fails it.
func TestPython(t *testing.T) {
	t.Parallel()
	python := findPython(t)
	w := newWorld(t, "python")
	w.blocks("python", "readme", ".py")
	w.run(python, "-W", "error", "-m", "compileall", "-q", ".")
	for _, file := range w.files("tests/test_*.py") {
		name := strings.TrimSuffix(filepath.Base(file), ".py")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := *w
			one.t = t
			one.run(python, "-X", "dev", "-W", "error", "-m", "unittest", "-v", "tests."+name)
		})
	}
}

// findPython finds one that is new enough.
func findPython(t *testing.T) string {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("CI") == "true" {
		missing = t.Fatalf
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		missing("SKIPPED, the Python client is not tested here: %v (CI=true makes it a failure)", err)
	}
	if out, err := exec.Command(python, "-c", "import sys; assert sys.version_info >= (3, 11), sys.version").CombinedOutput(); err != nil {
		missing("SKIPPED, the Python client is not tested here, it wants 3.11 or later (CI=true makes it a failure): %s", out)
	}
	return python
}
