package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const command = `'/opt/sess iond/sessiond' hook '--state-dir=/s'`

// other is what a user might have.
const other = `{
	"$schema": "https://json.schemastore.org/claude-code-settings.json",
	"model":"opus",   "unknown": [1, 2.50, -0, 1e3, "\u00fc\/"],
	"hooks": {
		"PostToolUse": [
			{ "matcher": "Edit|Write", "hooks": [ {"type": "command", "command": "gofmt -w"} ] }
		],
		"PreToolUse": [{"hooks": [{"type": "command", "command": "echo \"sessiond\" >> log"}]}]
	},
	"permissions": {"allow": ["Bash(git log *)"]}
}
`

// TestRoundTrip puts hooks in and takes them out again: all else stays, byte for byte.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	large := `{"env": {` + `"KEY": "value"` + `}, "list": [` + strings.Repeat("\n    {\"a\": [1, 2, 3]},", 20_000) + "\n 1]}"
	for name, text := range map[string]string{
		"empty object": "{}", "empty object, spaced": "{ }\n", "one line": `{"a": 1}`, "compact": `{"a":1,"hooks":{"Stop":[{"hooks":[{"type":"command","command":"x"}]}]}}`,
		"other": other, "windows": strings.ReplaceAll(other, "\n", "\r\n"), "four spaces": strings.ReplaceAll(other, "\t", "    "),
		"byte order mark": "\ufeff" + other, "no newline at the end": strings.TrimSpace(other), "large": large,
		"hooks empty in group":  `{"hooks": {"Stop": [{"hooks": []}]}}`,
		"strange groups":        `{"hooks": {"Stop": [1, "x", null, {"hooks": 1}, {"x": []}, {"hooks": [1, null, {"type": "prompt"}]}]}}`,
		"escapes":               `{"ho\u006fks": {"St\u006fp": [{"hooks": [{"type": "command", "command": "a\\\" b"}]}]}, "q\"": "\\"}`,
		"a command that is not": `{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "grep sessiond-hook log; mysessiond hook"}]}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := Install([]byte(text), command)
			if err != nil {
				t.Fatal(err)
			}
			state, err := Look(in)
			if err != nil || !state.Installed(command) {
				t.Errorf("not installed: %v, %v", state, err)
			}
			if again, err := Install(in, command); err != nil || string(again) != string(in) {
				t.Errorf("a second time: %v\n%.2000s", err, again)
			}
			out, err := Uninstall(in)
			if err != nil || strings.TrimSpace(string(out)) != strings.TrimSpace(text) && text != "{ }\n" {
				t.Errorf("%v\nwas:\n%.2000s\nis:\n%.2000s", err, text, out)
			}
			if again, err := Uninstall(out); err != nil || string(again) != string(out) {
				t.Errorf("nothing to take out: %v\n%.2000s", err, again)
			}
		})
	}
}

// TestEmpty makes a file of nothing that people can read.
func TestEmpty(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " \n", "\ufeff"} {
		in, err := Install([]byte(text), "sessiond hook")
		if err != nil {
			t.Fatal(err)
		}
		want := "{\n  \"hooks\": {\n    \"SessionStart\": [\n      {\n        \"hooks\": [\n          {\n" +
			"            \"type\": \"command\",\n            \"command\": \"sessiond hook\",\n            \"timeout\": 5\n          }\n        ]\n      }\n    ],\n    \"UserPromptSubmit\": ["
		if got := strings.TrimPrefix(string(in), "\ufeff"); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "}\n") {
			t.Errorf("%q: %s", text, in)
		}
		if out, err := Uninstall(in); err != nil || strings.TrimPrefix(string(out), "\ufeff") != "{}\n" {
			t.Errorf("%q: %q, %v", text, out, err)
		}
	}
}

// TestReplaced has one hook of ours for each event, wherever it was installed from.
func TestReplaced(t *testing.T) {
	t.Parallel()
	old, err := Install([]byte(other), `"/usr/local/bin/sessiond" hook`)
	if err != nil {
		t.Fatal(err)
	}
	in, err := Install(old, command)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := Install([]byte(other), command)
	if err != nil || string(in) != string(fresh) {
		t.Errorf("%v\n%s", err, in)
	}
	for _, c := range []string{"sessiond hook", "exec sessiond hook", "/a/sessiond-1.2 hook", "'/a b/sessiond' hook --patience=1s", "/a/other hook '--state-dir=/x'",
		"if command -v sessiond >/dev/null; then exec sessiond hook; fi"} {
		text, err := Install([]byte("{}"), c)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := Uninstall(text); err != nil || strings.TrimSpace(string(out)) != "{}" {
			t.Errorf("%s: %q, %v", c, out, err)
		}
	}
}

// TestShared takes our hook out of a group that has others.
func TestShared(t *testing.T) {
	t.Parallel()
	text := `{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "a"}, {"type": "command", "command": "sessiond hook"}, {"type": "command", "command": "b"}]}]}}`
	want := `{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "a"}, {"type": "command", "command": "b"}]}]}}`
	if out, err := Uninstall([]byte(text)); err != nil || string(out) != want {
		t.Errorf("%s, %v", out, err)
	}
}

// TestRefused leaves alone what it does not understand, and says where and why.
func TestRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\n  // mine\n  \"a\": 1\n}":      "line 2: it has a comment",
		"{\"a\": 1, /* b */ \"c\": 2}":     "line 1: it has a comment",
		"{\"a\": 1}\n// end":               "comment",
		"{\n\"a\": 1,\n}":                  "line 2",
		"{\"a\": 1\n":                      "line",
		"[]":                               "not an object",
		"\"x\"":                            "not an object",
		"{} {}":                            "more behind",
		"{\"a\": 1,\n\"a\": 2}":            "duplicate",
		"{\"hooks\": []}":                  `"hooks" is not an object`,
		"{\"hooks\": {\"Stop\": {}}}":      `"Stop" in "hooks" is not a list`,
		"{\"a\": \"\xff\"}":                "UTF-8",
		strings.Repeat("[", 300):           "",
		`{"a":` + strings.Repeat("[", 300): "nested",
	} {
		for what, do := range map[string]func([]byte) ([]byte, error){"install": func(b []byte) ([]byte, error) { return Install(b, command) }, "uninstall": Uninstall} {
			got, err := do([]byte(text))
			if err == nil || got != nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %.80q: %q, %v, want %s", what, text, got, err, want)
			}
		}
	}
}

// TestFiles is about the file itself: missing, linked, closed, large, changed meanwhile.
func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "settings.json")
	install := func(path string) (string, bool, error) {
		f, err := Read(path)
		if err != nil {
			return "", false, err
		}
		return f.Install(command)
	}
	if backup, changed, err := install(path); backup != "" || !changed || err != nil {
		t.Errorf("missing: %q, %v, %v", backup, changed, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("made: %v, %v", info, err)
	}
	if backup, changed, err := install(path); backup != "" || changed || err != nil {
		t.Errorf("again: %q, %v, %v", backup, changed, err)
	}

	if err := os.WriteFile(path, []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.json")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	backup, changed, err := install(link)
	if was, readErr := os.ReadFile(backup); err != nil || !changed || readErr != nil || string(was) != other {
		t.Errorf("copy: %q, %v, %v, %v", was, changed, err, readErr)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", info, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode: %v, %v", info, err)
	}
	f, err := Read(link)
	if err != nil {
		t.Fatal(err)
	}
	if _, changed, err := f.Uninstall(); err != nil || !changed {
		t.Errorf("taken out: %v, %v", changed, err)
	}
	if now, _ := os.ReadFile(path); string(now) != other {
		t.Errorf("is now: %s", now)
	}
	if _, _, err := f.Uninstall(); err == nil || !strings.Contains(err.Error(), "meanwhile") {
		t.Errorf("changed meanwhile: %v", err)
	}

	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(dir, "huge")
	if err := errors.Join(os.WriteFile(huge, nil, 0o600), os.Truncate(huge, maxSize+1)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{filepath.Join(dir, "dangling"): "symbolic link", dir: "not a file", huge: "more than"} {
		if _, _, err := install(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if f, err := Read(filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	} else if _, changed, err := f.Uninstall(); err != nil || changed {
		t.Errorf("nothing there: %v, %v", changed, err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "a", "*"))
	if len(left) != 3 { // the file, and a copy for each change
		t.Errorf("left: %q", left)
	}
}

// TestUnwritable changes nothing where no copy can be made.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "settings.json")
	if err := errors.Join(os.WriteFile(path, []byte(other), 0o400), os.Chmod(dir, 0o500)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(dir, 0o700) }() // #nosec G302 -- to remove it
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Install(command); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "nothing was changed") {
		t.Error(err)
	}
}

// FuzzInstall has whatever text changed rightly, or refused.
func FuzzInstall(f *testing.F) {
	for _, text := range []string{"", "{}", other, `{"hooks":{}}`, `{"hooks":{"Stop":[]}}`, `{"a":[],"hooks":{"Stop":[{"hooks":[{"type":"command","command":"sessiond hook"}]}],"X":1}}`, "{\r\n\t\"a\" : 1 }"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		in, err := Install(text, command)
		if err != nil {
			return
		}
		if state, err := Look(in); err != nil || !state.Installed(command) {
			t.Fatalf("%q: not installed: %v, %v", text, state, err)
		}
		if again, err := Install(in, command); err != nil || string(again) != string(in) {
			t.Fatalf("%q: a second time: %q, %v", text, again, err)
		}
		out, err := Uninstall(in)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if state, err := Look(out); err != nil || state.Some() {
			t.Fatalf("%q: still there: %v, %v", text, state, err)
		}
	})
}

func ExampleInstall() {
	text, _ := Install([]byte(`{"model": "opus"}`), "sessiond hook")
	fmt.Println(strings.Count(string(text), "sessiond hook"), string(text[:16]))
	// Output: 9 {"model": "opus"
}
