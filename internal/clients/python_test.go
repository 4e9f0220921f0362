package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPython compiles the client, its examples and the programs of its README, checks
// their types where mypy is there, and runs the tests, a process for each of their files.
// With CI=true a machine without Python fails it.
func TestPython(t *testing.T) {
	t.Parallel()
	python := findPython(t)
	w := newWorld(t, "python")
	w.blocks("python", "readme", ".py")
	w.run(python, "-W", "error", "-m", "compileall", "-q", ".")
	t.Run("mypy", func(t *testing.T) {
		t.Parallel()
		if out, err := exec.Command(python, "-m", "mypy", "--version").CombinedOutput(); err != nil {
			t.Skipf("SKIPPED, mypy is not there, only the tests look at the type hints: %s", out)
		}
		one := *w
		one.t = t
		one.run(python, append([]string{"-m", "mypy", "--strict", "sessiond", "tests"}, w.files("examples/*.py")...)...)
		for _, file := range w.files("readme/*.py") { // these have no hints of their own
			one.run(python, "-m", "mypy", "--check-untyped-defs", file)
		}
	})
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
