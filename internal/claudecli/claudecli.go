// Package claudecli finds the real Claude Code that tests and traces run:
// install.sh brings it into .cache/claude/VERSION at the module's root.
package claudecli

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// versions.txt is read by install.sh too.
//
//go:embed versions.txt
var versionsFile string

// The versions that are tested against.
var (
	Pinned = version("pinned") // what the project is built for
	Kept   = version("kept")   // an older one that must go on working
)

// Versions returns the versions that are tested against, the pinned one first.
func Versions() []string { return []string{Pinned, Kept} }

func version(word string) string {
	for line := range strings.Lines(versionsFile) {
		if w, v, _ := strings.Cut(strings.TrimSpace(line), " "); w == word {
			return v
		}
	}
	panic("versions.txt names no version as " + word)
}

// Path returns the path of the real program, and fails the test, saying what to
// run, if it is not there.
func Path(t testing.TB, version string) string {
	t.Helper()
	path, err := Find(version)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Find returns the path of the real program. Its error says what to run.
func Find(version string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	// The package's name ends in the platform's; npm brings only the right one.
	pattern := filepath.Join(root, ".cache", "claude", version, "node_modules", "@anthropic-ai", "claude-code-*", "claude")
	found, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("the real Claude Code %s is not there (%s): run `make claude`", version, pattern)
	}
	return found[0], nil
}

// Root returns the root of the module that the working directory is in.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod in %s or above it", start)
		}
	}
}
