package shim

import (
	"errors"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// TestLogLinesCannotBeForged by a path that somebody has chosen.
func TestLogLinesCannotBeForged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), LogName)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := log.New(&boundedLog{f: f}, "shim 1: ", 0)
	l.Print(errors.New("chdir /x\nshim 1: all is lost\x1b[2J\u009b\u202e\xff: no such directory"))
	l.Print("plain \"words\"")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) != 3 || lines[1] != "shim 1: plain \"words\"" || !strings.Contains(lines[0], `/x\nshim 1: all is lost\x1b[2J`) {
		t.Errorf("%q", b)
	}
	for _, r := range strings.ReplaceAll(string(b), "\n", "") {
		if !unicode.IsPrint(r) {
			t.Errorf("%U in %q", r, b)
		}
	}
}
