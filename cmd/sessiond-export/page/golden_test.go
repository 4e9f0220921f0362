package page

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/traces"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// golden are the traces whose pages are kept, to be looked at.
var golden = []string{"api_error_400", "ask_user_question", "interrupted_mid_turn", "read_image", "several_blocks",
	"subagent", "text_three_turns", "thinking", "tool_approved", "tool_denied", "write_file"}

// TestGoldenPages compares the pages of what Claude Code was seen to print with
// those that somebody has looked at.
func TestGoldenPages(t *testing.T) {
	t.Parallel()
	for _, version := range traces.Versions() {
		for _, name := range golden {
			for _, format := range []string{"md", "html"} {
				compare(t, filepath.Join("testdata", version, name+"."+format), traced(t, version, name).page(Options{Format: format}))
			}
		}
	}
}

var sum = regexp.MustCompile("sha256-[A-Za-z0-9/=&#;+]*=")

func compare(t *testing.T, path, got string) {
	t.Helper()
	got = strings.Replace(got, style, "(page.css)", 1)
	got = sum.ReplaceAllString(got, "sha256-(of page.css)")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s; -update writes it anew:\n%s", path, diff)
	}
}
