package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// manual is where TestManual leaves its pages and completions, for `make dist`: what
// makes them is no part of the program.
var (
	manual        = flag.String("manual", "", "directory for man pages and shell completions")
	manualVersion = flag.String("manual-version", "unknown", "version that the man pages name")
)

// completions are the files in which shells look for them, below a prefix.
var completions = map[string]string{
	"bash": "share/bash-completion/completions/sessiond",
	"zsh":  "share/zsh/site-functions/_sessiond",
	"fish": "share/fish/vendor_completions.d/sessiond.fish",
}

// TestManual makes a man page of every command, and completions for three shells.
func TestManual(t *testing.T) {
	t.Parallel()
	dir := *manual
	if dir == "" {
		dir = t.TempDir()
	}
	root := newManualRoot()
	pages := 0
	eachCommand(root, func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" {
			return
		}
		pages++
		section := "1"
		if c.IsAdditionalHelpTopicCommand() {
			section = "7"
		}
		name := strings.ReplaceAll(c.CommandPath(), " ", "-")
		path := filepath.Join(dir, "share", "man", "man"+section, name+"."+section)
		header := &doc.GenManHeader{Title: strings.ToUpper(name), Section: section, Source: "sessiond " + *manualVersion, Manual: "sessiond"}
		write(t, path, func(w io.Writer) error { return doc.GenMan(c, header, w) })
		checkPage(t, path, c)
	})
	if pages < 35 {
		t.Errorf("only %d pages", pages)
	}
	for shell, generate := range map[string]func(io.Writer) error{
		"bash": func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":  root.GenZshCompletion,
		"fish": func(w io.Writer) error { return root.GenFishCompletion(w, true) },
	} {
		path := filepath.Join(dir, filepath.FromSlash(completions[shell]))
		write(t, path, generate)
		checkCompletion(t, shell, path)
	}
}

func newManualRoot() *cobra.Command {
	var a app
	a.env = []string{"HOME=/home/you"}
	a.settings = map[string]*pflag.Flag{}
	root := newRoot(&a)
	root.DisableAutoGenTag = true // which would name a day
	root.InitDefaultCompletionCmd()
	return root
}

// eachCommand visits a command and all below it.
func eachCommand(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		eachCommand(sub, visit)
	}
}

func write(t *testing.T, path string, content func(io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := content(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkPage: it says what the command's help says, names no place of the machine
// where it was made, and `man` has no complaint.
func checkPage(t *testing.T, path string, c *cobra.Command) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, want := range []string{".TH ", ".SH NAME", firstWord(c.Short)} {
		if !strings.Contains(page, want) {
			t.Errorf("%s has no %q", filepath.Base(path), want)
		}
	}
	if home := os.Getenv("HOME"); home != "" && home != "/" && strings.Contains(page, home) {
		t.Errorf("%s names %s", filepath.Base(path), home)
	}
	man, err := exec.LookPath("mandoc")
	if err != nil {
		if man, err = exec.LookPath("groff"); err != nil {
			return
		}
		out, err := exec.Command(man, "-k", "-man", "-Tutf8", "-ww", "-z", path).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("groff, %s: %v: %s", filepath.Base(path), err, out)
		}
		return
	}
	if out, err := exec.Command(man, "-Tlint", "-Werror", path).CombinedOutput(); err != nil {
		t.Errorf("mandoc, %s: %v: %s", filepath.Base(path), err, out)
	}
}

func firstWord(s string) string { word, _, _ := strings.Cut(s, " "); return word }

// checkCompletion has the shell itself read it, where it is there.
func checkCompletion(t *testing.T, shell, path string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || !bytes.Contains(b, []byte("__complete")) {
		t.Errorf("completion for %s: %v", shell, err)
	}
	program, err := exec.LookPath(shell)
	if err != nil {
		return
	}
	if out, err := exec.Command(program, "-n", path).CombinedOutput(); err != nil {
		t.Errorf("%s -n: %v: %s", shell, err, out)
	}
}
