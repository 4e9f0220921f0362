package recipes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/daemontest"
	"github.com/sessiond/sessiond/internal/messagesapi"
	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/internal/scripted"
)

// patience bounds every wait of these tests. It is reached only by a failure.
const patience = 4 * time.Minute

// sessiond is the program that was built for the tests.
var sessiond string

func TestMain(m *testing.M) { daemontest.Main(m, &sessiond) }

// recipe is a script of the page.
type recipe struct{ name, usage, text string }

// page reads all recipes of docs/scripting.md, in their order.
func page(t *testing.T) []recipe {
	t.Helper()
	root, err := claudecli.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "scripting.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := bytes.Cut(text, []byte("\n## Recipes\n"))
	if !found {
		t.Fatal("the page has no recipes")
	}
	var list []recipe
	for _, part := range strings.Split(string(text), "\n### ")[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		_, rest, _ = strings.Cut(rest, "\n```sh\n")
		code, _, whole := strings.Cut(rest, "```")
		usage := regexp.MustCompile(`\A#!/bin/sh\n# usage: (.+)\n`).FindStringSubmatch(code)
		if !whole || usage == nil {
			t.Fatalf("%s is no script with a line of usage:\n%s", name, code)
		}
		list = append(list, recipe{name, usage[1], code})
	}
	return list
}

// world is a home with the recipes in ~/bin, and whatever daemon they start.
type world struct {
	t      *testing.T
	home   string
	work   string
	env    []string
	usages map[string]string
}

// scriptedWorld has the scripted claude.
func scriptedWorld(t *testing.T) *world {
	w := newWorld(t)
	w.env = append(w.env, "HOME="+w.home, "SESSIOND_CLAUDE="+scripted.Install(t, t.TempDir()))
	return w
}

// realWorld has the real Claude Code.
func realWorld(t *testing.T) *world {
	w := newWorld(t)
	server, err := messagesapi.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w.env = append(messagesapi.Env(w.home, server.URL), append(w.env, "SESSIOND_CLAUDE="+claudecli.Path(t, claudecli.Pinned))...)
	return w
}

func newWorld(t *testing.T) *world {
	t.Helper()
	short, err := os.MkdirTemp("", "sd") // the socket lies in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	w := &world{t: t, home: t.TempDir(), work: t.TempDir(), usages: map[string]string{}}
	w.env = []string{"PATH=" + filepath.Dir(sessiond) + ":" + os.Getenv("PATH"),
		"SESSIOND_STATE_DIR=" + filepath.Join(short, "st"), "SESSIOND_SOCKET=" + filepath.Join(short, "s")}
	bin := filepath.Join(w.home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, r := range page(t) {
		w.usages[r.name] = r.usage
		w.write(filepath.Join(bin, r.name), r.text)
	}
	t.Cleanup(func() { // before the directories go
		w.sh("sessiond stop --all")
	})
	return w
}

func (w *world) write(path, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	program.Write(w.t, path, text) // it may be to be run
}

func (w *world) read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Error(err)
	}
	return string(b)
}

func (w *world) command(ctx context.Context, line string, more ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.Dir, cmd.Env = w.work, append(append([]string{}, w.env...), more...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// sh runs a line and returns what it prints and its exit code.
func (w *world) sh(line string, more ...string) (stdout, stderr string, code int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := w.command(ctx, line, more...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("%s: %v", line, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// ok is sh for what must succeed; it returns what was printed, without blanks around it.
func (w *world) ok(line string, more ...string) string {
	w.t.Helper()
	out, errs, code := w.sh(line, more...)
	if code != 0 {
		w.t.Fatalf("%s: exit code %d\n%s%s", line, code, out, errs)
	}
	return strings.TrimSpace(out)
}

// begin runs a line that does not end by itself; stop ends it as Ctrl-C would, and returns
// what it has printed.
func (w *world) begin(line string, more ...string) (stop func() string) {
	w.t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	cmd := w.command(ctx, "exec "+line, more...)
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&errs)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	var stopped bool
	stop = func() string {
		if stopped {
			return ""
		}
		stopped = true
		defer cancel()
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait() // its exit code says that it was stopped
		if errs.Len() > 0 {
			w.t.Errorf("%s complains: %s", line, errs.String())
		}
		return out.String()
	}
	w.t.Cleanup(func() { stop() })
	return stop
}

// until polls a line until it prints the text.
func (w *world) until(text, line string) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		out, errs, _ := w.sh(line)
		if strings.Contains(out, text) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s never prints %q, but\n%s%s", line, text, out, errs)
		}
	}
}
