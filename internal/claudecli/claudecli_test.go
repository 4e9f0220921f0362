package claudecli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/internal/program"
)

func TestVersionsAreNamed(t *testing.T) {
	t.Parallel()
	for _, v := range Versions() {
		if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(v) {
			t.Errorf("%q is no version", v)
		}
	}
	if Pinned == Kept {
		t.Error("both versions are one")
	}
}

func TestMissingVersionSaysWhatToRun(t *testing.T) {
	t.Parallel()
	if _, err := Find("0.0.0"); err == nil || !strings.Contains(err.Error(), "make claude") {
		t.Errorf("got %v", err)
	}
}

// fakeModule is a directory that install.sh takes for the module's root, with
// an npm that brings a program of its own into the given prefix.
func fakeModule(t *testing.T) (root string, env []string) {
	t.Helper()
	root = t.TempDir()
	bin := filepath.Join(root, "bin")
	npm := `#!/bin/sh
for a; do case $a in @*) name=$a;; esac; done
dir="$3/node_modules/@anthropic-ai/claude-code-any"
mkdir -p "$dir" && echo "#!$name" >"$dir/claude" && chmod +x "$dir/claude" && echo brought >>"` + root + `/log"
`
	node := `#!/bin/sh
[ -e "$4" ] || mv "$3" "$4"
`
	script, err := os.ReadFile("install.sh")
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		"bin/npm": npm, "bin/node": node, "internal/claudecli/install.sh": string(script), "internal/claudecli/versions.txt": versionsFile,
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		program.Write(t, path, content)
	}
	return root, []string{"PATH=" + bin + ":/usr/bin:/bin"}
}

func TestInstallBringsEachVersionOnce(t *testing.T) {
	t.Parallel()
	root, env := fakeModule(t)
	script := filepath.Join(root, "internal", "claudecli", "install.sh")
	for range 2 {
		cmd := exec.Command("sh", script)
		cmd.Env = env
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Fields(string(out))
		if len(lines) != 2 {
			t.Fatalf("two paths were to be printed: %q", lines)
		}
		for i, v := range Versions() {
			content, err := os.ReadFile(lines[i])
			if err != nil || strings.TrimSpace(string(content)) != "#!@anthropic-ai/claude-code@"+v {
				t.Errorf("%s holds %q, %v", lines[i], content, err)
			}
		}
	}
	if log, _ := os.ReadFile(filepath.Join(root, "log")); strings.Count(string(log), "brought") != 2 {
		t.Errorf("npm was to run once a version: %q", log)
	}
	left, err := filepath.Glob(filepath.Join(root, ".cache", "claude", ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
