package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
	"github.com/sessiond/sessiond/session/shim"
)

// another is the uid of a user who is not us.
const another = 4242

// asAnother runs f on a thread that is another user's. The thread ends with it.
func asAnother(t *testing.T, f func() error) error {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, another, another, another); errno != 0 {
			done <- errno
			return
		}
		done <- f()
	}()
	return <-done
}

// TestAnotherUserIsRefused even where file modes would let them in.
func TestAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	try := func() error {
		return asAnother(t, func() error {
			conn, err := net.Dial("unix", w.cfg.Socket)
			if err != nil {
				return err
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(patience))
			_, _ = conn.Write([]byte(`{"jsonrpc":"2.0","id":1,"method":"health"}` + "\n")) // it may be closed already
			answer, err := bufio.NewReader(conn).ReadString('\n')
			if err == nil {
				err = errors.New(answer)
			}
			return err
		})
	}
	if err := try(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("file modes let them in: %v", err)
	}
	for path, mode := range map[string]fs.FileMode{w.cfg.Socket: 0o666, filepath.Dir(w.cfg.Socket): 0o755} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := try(); err == nil || !strings.Contains(err.Error(), "serves another user") || strings.Contains(err.Error(), "result") {
		t.Errorf("got %v", err)
	}
	if _, err := w.Health(w.ctx); err != nil {
		t.Error(err)
	}
}

// TestAnotherUsersSocketGetsNothing: what was planted where the daemon is looked
// for is not talked to, nor taken for a daemon, nor removed.
func TestAnotherUsersSocketGetsNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(shortSocket(t))
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "planted")
	var l net.Listener
	err := asAnother(t, func() (err error) {
		l, err = net.Listen("unix", path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan []byte, 10)
	go func() {
		defer close(heard)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 100)
			n, _ := conn.Read(b) // until the client hangs up
			_ = conn.Close()
			heard <- b[:n]
		}
	}()
	var foreign *client.ForeignError
	if _, err := client.Dial(t.Context(), path); !errors.As(err, &foreign) || foreign.UID != fmt.Sprint(another) {
		t.Errorf("the client: %v", err)
	}
	for _, args := range [][]string{{"list"}, {"launch", "my secret"}, {"status"}, {"serve"}} {
		cmd := exec.Command(sessiond, args...)
		cmd.Env = []string{"HOME=" + t.TempDir(), "SESSIOND_SOCKET=" + path, "PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		if err == nil || args[0] != "serve" && !bytes.Contains(out, []byte("4242")) {
			t.Errorf("%v: %v, %s", args, err, out)
		}
	}
	_ = l.Close()
	for b := range heard {
		if len(b) > 0 {
			t.Errorf("it was sent %q", b)
		}
	}
}

// sh has a shell prepare a command's process.
func sh(prelude string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", prelude + `; exec "$0" "$@"`, sessiond}, cmd.Args[1:]...)
	}
}

// TestFileModesWhateverTheUmask has sessions live and end under umasks that take
// nothing, and that take everything.
func TestFileModesWhateverTheUmask(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"0", "0077", "0277", "0777"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			if umask != "0" && umask != "0077" && os.Getuid() != 0 {
				t.Skip("only to root does the child's home stay of use")
			}
			w := newWorld(t)
			w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
			w.cfg.Socket = filepath.Join(w.cfg.StateDir, "run", "s")
			if len(w.cfg.Socket) > 100 {
				w.cfg.Socket = filepath.Join(filepath.Dir(shortSocket(t)), "run", "s")
			}
			s := servePrepared(t, w, func(cmd *exec.Cmd) {
				sh("umask " + umask)(cmd)
				cmd.Env = append(cmd.Env, "SESSIOND_MAX_LOG_BYTES=4096", "SESSIOND_LOG_LEVEL=error")
			})
			p := s.prompt("stderr: words\nsay: x")
			p.Interactive, p.SystemPrompt, p.AppendSystemPrompt = ptr(true), ptr("be brief"), ptr("be kind")
			p.MCPConfig = []byte(`{"mcpServers":{"one":{"command":"/bin/cat"}}}`)
			id := s.launch(p)
			s.idle(id, 1)
			locks := filepath.Join(w.home, ".local", "state", "sessiond", "conversations")
			n := s.checkModes(t, w.cfg.StateDir, filepath.Dir(w.cfg.Socket), locks)
			if n < 15 {
				t.Errorf("only %d files: the test sees nothing", n)
			}
			if _, err := s.EndSession(s.ctx, api.EndSessionParams{SessionID: id}); err != nil {
				t.Fatal(err)
			}
			s.until(id, final...)
			s.checkModes(t, w.cfg.StateDir, filepath.Dir(w.cfg.Socket), locks)
		})
	}
}

// TestFileModesOfABackgroundDaemon that a command starts.
func TestFileModesOfABackgroundDaemon(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"0", "0777"} {
		w := newWorld(t)
		s := &served{world: w}
		env := []string{"HOME=" + w.home, "PATH=" + os.Getenv("PATH"), "SESSIOND_STATE_DIR=" + w.cfg.StateDir, "SESSIOND_SOCKET=" + w.cfg.Socket}
		for _, args := range [][]string{{"list"}, {"list"}, {"stop"}, {"list"}, {"stop"}} {
			cmd := exec.Command(sessiond, args...)
			cmd.Env = env
			sh("umask " + umask)(cmd)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("umask %s, %v: %v: %s", umask, args, err, out)
			}
			s.checkModes(t, w.cfg.StateDir, filepath.Dir(w.cfg.Socket))
		}
	}
}

// checkModes walks trees in which nothing may be for others, and returns how
// much there was.
func (s *served) checkModes(t *testing.T, dirs ...string) (n int) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // it is on its way
				return nil
			}
			if err != nil {
				return err
			}
			fi, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			n++
			want := fs.FileMode(0o600)
			if fi.IsDir() {
				want = 0o700
			}
			// What was just made may lack what the umask takes, for a moment. It never has more.
			poll(func() bool {
				lacks := fi.Mode().Perm() != want && fi.Mode().Perm()&^want == 0
				if lacks {
					fi, err = os.Lstat(path)
				}
				return !lacks || err != nil
			})
			if err == nil && fi.Mode().Perm() != want {
				t.Errorf("%s has mode %v, want %v", path, fi.Mode(), want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	return n
}

// TestSessionsHaveTheLimitOfOpenFilesThatTheDaemonHad before it raised its own.
func TestSessionsHaveTheLimitOfOpenFilesThatTheDaemonHad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	s := servePrepared(t, w, sh("ulimit -Sn 200; ulimit -Hn 3000"))
	id := s.launch(func() api.LaunchSessionParams { p := s.prompt("spawn: 1"); p.Interactive = ptr(true); return p }())
	s.idle(id, 1)
	started, err := shim.ReadStart(s.dir(id))
	if err != nil {
		t.Fatal(err)
	}
	for pid, want := range map[int]string{s.daemon.Process.Pid: "2999 3000", descendantOf(t, started.PID): "200 3000"} { // Go leaves one
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, line, _ := strings.Cut(string(b), "Max open files")
		line, _, _ = strings.Cut(line, "files")
		if got := strings.Join(strings.Fields(line), " "); got != want {
			t.Errorf("process %d may have %q open files, want %q", pid, got, want)
		}
	}
}

// descendantOf returns a child of a process, which has what that had at its
// start: a Go program, such as the scripted claude, raises its own limit.
func descendantOf(t *testing.T, pid int) int {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, children := range threads {
		b, err := os.ReadFile(children)
		if err != nil {
			t.Fatal(err)
		}
		var child int
		if _, err := fmt.Sscan(string(b), &child); err == nil {
			return child
		}
	}
	t.Fatalf("process %d has no children", pid)
	return 0
}
