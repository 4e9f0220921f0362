package layering

import (
	"os/exec"
	"strings"
	"testing"
)

// notInShims are what sessiond-tui and sessiond-export are made of, and sessiond,
// which is the program of every shim too, is not: they set up tables at the start
// of each process.
var notInShims = []string{"github.com/yuin/goldmark", "charm.land/", "github.com/charmbracelet/", "html/template"}

func TestShimsAreLean(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", module+"cmd/sessiond").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for path := range strings.Lines(string(out)) {
		for _, fat := range notInShims {
			if strings.HasPrefix(path, fat) {
				t.Errorf("sessiond links %s", strings.TrimSpace(path))
			}
		}
	}
}
