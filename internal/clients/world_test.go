package clients

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/daemontest"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/client"
)

// patience bounds the tests of a language, and every wait of this package's.
const patience = 6 * time.Minute

// sessiond is the program that was built for the tests.
var sessiond string

func TestMain(m *testing.M) { daemontest.Main(m, &sessiond) }

// world is what the tests of a language are given: a copy of the client, and a place
// for daemons, which they start themselves.
type world struct {
	t       *testing.T
	source  string // the copy
	daemons string // they make directories of their own in here, and remove them
	claude  string
}

func newWorld(t *testing.T, language string) *world {
	t.Helper()
	root, err := claudecli.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "sd") // short: sockets lie in it
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, source: t.TempDir(), daemons: dir, claude: scripted.Install(t, t.TempDir())}
	if err := os.CopyFS(w.source, os.DirFS(filepath.Join(root, "clients", language))); err != nil {
		t.Fatal(err)
	}
	sameFile(t, filepath.Join(root, "LICENSE"), filepath.Join(w.source, "LICENSE"))
	t.Cleanup(func() {
		w.reap()
		os.RemoveAll(dir)
	})
	return w
}

// sameFile has a package carry what the repository has.
func sameFile(t *testing.T, a, b string) {
	t.Helper()
	one, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := os.ReadFile(b); err != nil || !bytes.Equal(one, other) {
		t.Errorf("%s is not %s: %v", b, a, err)
	}
}

// run runs a program in the copy of the client, and fails with what it printed. It is
// in a process group of its own, with the daemons that it starts.
func (w *world) run(name string, args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = w.source
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.daemons, "SESSIOND_TEST_DIR=" + w.daemons,
		"SESSIOND_TEST_PROGRAM=" + sessiond, "SESSIOND_TEST_CLAUDE=" + w.claude}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Errorf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // daemons that it has left
	}
	return string(out)
}

// reap ends what tests have left, which those that went well have not.
func (w *world) reap() {
	left, err := filepath.Glob(filepath.Join(w.daemons, "*", "state"))
	if err != nil {
		w.t.Error(err)
	}
	for _, state := range left {
		w.t.Errorf("%s was left behind", state)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := w.endAll(ctx, filepath.Dir(state)); err != nil {
			w.t.Error(err)
		}
		cancel()
	}
}

// endAll starts the daemon of a directory again, and has it end its sessions.
func (w *world) endAll(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, sessiond, "serve")
	socket := filepath.Join(dir, "s")
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "SESSIOND_CLAUDE=" + w.claude,
		"SESSIOND_STATE_DIR=" + filepath.Join(dir, "state"), "SESSIOND_SOCKET=" + socket}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // how it ends does not matter any more
	}()
	var c *client.Client
	for {
		var err error
		if c, err = client.Dial(ctx, socket); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
	defer c.Close()
	return daemontest.EndAll(ctx, c)
}

// files lists the files of the copy whose names match, as paths below it.
func (w *world) files(pattern string) []string {
	w.t.Helper()
	found, err := fs.Glob(os.DirFS(w.source), pattern)
	if err != nil || len(found) == 0 {
		w.t.Fatalf("no %s: %v", pattern, err)
	}
	return found
}

// blocks writes the blocks of code in the client's README to files of their own, from
// program1 on, so that they can be checked and run.
func (w *world) blocks(language, dir, suffix string) {
	w.t.Helper()
	page, err := os.ReadFile(filepath.Join(w.source, "README.md"))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(w.source, dir), 0o700); err != nil {
		w.t.Fatal(err)
	}
	parts := strings.Split(string(page), "\n```"+language+"\n")
	if len(parts) < 2 {
		w.t.Fatalf("the README has no %s", language)
	}
	for i, part := range parts[1:] {
		code, _, _ := strings.Cut(part, "\n```")
		if err := os.WriteFile(filepath.Join(w.source, dir, fmt.Sprint("program", i+1, suffix)), []byte(code+"\n"), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}
