// Package npmtools finds the npm packages that tests use: install.sh brings them
// into .cache/npm at the module's root. Nothing that is shipped needs them.
package npmtools

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
)

// versions.txt is read by install.sh too.
//
//go:embed versions.txt
var versions string

// Modules returns the node_modules directory that holds the packages, and fails
// the test, saying what to run, if it is not there.
func Modules(t testing.TB) string {
	t.Helper()
	root, err := claudecli.Root()
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for line := range strings.Lines(versions) {
		_, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		numbers = append(numbers, number)
	}
	dir := filepath.Join(root, ".cache", "npm", strings.Join(numbers, "-"), "node_modules")
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the npm packages that the tests use are not there (%v): run `make tools`", err)
	}
	return dir
}
