package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/daemon/service"
	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// activator plays systemd: it holds the listening socket across daemons, hands it
// to each, and hears what they say of themselves.
type activator struct {
	socket *os.File
	hears  *net.UnixConn

	mu   sync.Mutex
	said []string // guarded by mu
}

func newActivator(t *testing.T, socket string) *activator {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	a := &activator{}
	if a.socket, err = l.File(); err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close() // the file goes on listening
	a.hears, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: shortSocket(t), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		words := make([]byte, 4096)
		for {
			n, err := a.hears.Read(words)
			if err != nil {
				return
			}
			a.mu.Lock()
			a.said = append(a.said, string(words[:n]))
			a.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = a.socket.Close()
		_ = a.hears.Close()
		<-done
	})
	return a
}

// start has a command started as systemd would start it: its pid is in LISTEN_PID.
func (a *activator) start(cmd *exec.Cmd) {
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.ExtraFiles = []*os.File{a.socket}
	cmd.Env = append(cmd.Env, "LISTEN_FDS=1", "LISTEN_FDNAMES=sessiond.socket", "NOTIFY_SOCKET="+a.hears.LocalAddr().String(),
		"WATCHDOG_USEC=300000000", "INVOCATION_ID=1", "JOURNAL_STREAM=1:1", "SYSTEMD_EXEC_PID=1")
}

// heard waits until a daemon has said something that begins so, and forgets what was
// said up to then.
func (a *activator) heard(t *testing.T, prefix string) {
	t.Helper()
	if !poll(func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		i := slices.IndexFunc(a.said, func(s string) bool { return strings.HasPrefix(s, prefix) })
		if i >= 0 {
			a.said = a.said[i+1:]
		}
		return i >= 0
	}) {
		t.Fatalf("no daemon has said %s", prefix)
	}
}

// ask sends a request and leaves the answer for later.
func ask(t *testing.T, socket, method, params string) (answer func() string) {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(c, `{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`+"\n", method, params); err != nil {
		t.Fatal(err)
	}
	return func() string {
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil {
			t.Errorf("%s: %v", method, err)
		}
		return line
	}
}

// TestSocketActivation has daemons come and go behind one socket, as systemd has
// them: who asks while none runs is answered by the next, sessions go on, and none of
// it is seen by what runs in them.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	systemd := newActivator(t, w.cfg.Socket)
	early := ask(t, w.cfg.Socket, "listSessions", "{}")
	s := servePrepared(t, w, systemd.start)
	if line := early(); !strings.Contains(line, `"sessions":[]`) {
		t.Errorf("who came before the daemon got %s", line)
	}
	systemd.heard(t, "STATUS=taking up")
	systemd.heard(t, "READY=1")
	systemd.heard(t, "WATCHDOG=1\nSTATUS=")

	id := s.interactive("hello")
	s.idle(id, 1)
	process, err := shim.ReadStart(filepath.Join(s.cfg.StateDir, "sessions", id))
	if err != nil {
		t.Fatal(err)
	}
	s.endDaemon(syscall.SIGTERM)
	systemd.heard(t, "STOPPING=1")
	late := ask(t, w.cfg.Socket, "sendMessage", fmt.Sprintf(`{"session_id":%q,"content":"history"}`, id))
	s.launchDaemon()
	if line := late(); !strings.Contains(line, `"message"`) || strings.Contains(line, `"error"`) {
		t.Errorf("who asked between the daemons got %s", line)
	}
	systemd.heard(t, "READY=1")
	if ses := s.idle(id, 2); !strings.Contains(ses.Result, "hello") {
		t.Errorf("the session says %q", ses.Result)
	}
	s.killDaemon() // the socket is nobody's but systemd's
	killed := ask(t, w.cfg.Socket, "getSessionState", fmt.Sprintf(`{"session_id":%q}`, id))
	s.launchDaemon()
	if line := killed(); !strings.Contains(line, `"waiting_for":"message"`) {
		t.Errorf("behind a kill: %s", line)
	}
	if now, err := shim.ReadStart(filepath.Join(s.cfg.StateDir, "sessions", id)); err != nil || now.PID != process.PID {
		t.Errorf("the process was %d and is %d: %v", process.PID, now.PID, err)
	}

	stop := s.daemonCommand()
	stop.Args = []string{"sessiond", "stop"}
	if out, err := stop.CombinedOutput(); err != nil || !strings.Contains(string(out), "1 session goes on") {
		t.Errorf("stop: %v: %s", err, out)
	}
	if err := s.daemon.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(s.cfg.Socket); err != nil {
		t.Errorf("the socket: %v", err)
	}
	s.launchDaemon()
}

// TestSessionsKnowNothingOfTheSupervisor: a session that brings no environment has
// the daemon's, but for what systemd means for the daemon's process alone.
func TestSessionsKnowNothingOfTheSupervisor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	s := servePrepared(t, w, newActivator(t, w.cfg.Socket).start)
	r := s.report(s.launch(api.LaunchSessionParams{Query: api.Text("report"), LaunchOptions: api.LaunchOptions{WorkingDir: &s.work}}))
	if r.Env["HOME"] != s.home {
		t.Fatalf("it has another environment: %v", r.Env)
	}
	for name := range r.Env {
		for _, theirs := range []string{"LISTEN_", "NOTIFY_", "WATCHDOG_", "INVOCATION_ID", "JOURNAL_", "SYSTEMD_"} {
			if strings.HasPrefix(name, theirs) {
				t.Errorf("the session has %s", name)
			}
		}
	}
}

// TestAWrongSocketIsNamed: a unit whose socket is not the configured one.
func TestAWrongSocketIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	systemd := newActivator(t, shortSocket(t))
	cmd := (&served{world: w}).daemonCommand()
	systemd.start(cmd)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), w.cfg.Socket) || !strings.Contains(string(out), "it is bound to") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestAskingStartsNoDaemon: where systemd would start a daemon for whoever connects,
// commands that start none do not connect.
func TestAskingStartsNoDaemon(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("launchd starts no daemon for whoever connects")
	}
	w := newWorld(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.cfg.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	units := filepath.Join(w.home, ".config", "systemd", "user")
	for name, content := range service.Units(service.Spec{Executable: sessiond, Socket: w.cfg.Socket}) {
		writeFile(t, filepath.Join(units, name), content)
	}
	try := func(args ...string) (out string, code int, connected bool) {
		cmd := (&served{world: w}).daemonCommand()
		cmd.Args = append([]string{"sessiond"}, args...)
		b, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		_ = l.SetDeadline(time.Now().Add(time.Millisecond))
		c, err := l.Accept()
		if err == nil {
			_ = c.Close()
		}
		return string(b), code, err == nil
	}
	writeFile(t, filepath.Join(units, "sockets.target.wants", service.SocketUnit), "")
	const whichever = -1 // exit code
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"status"}, 6, "no daemon is running"},
		{[]string{"stop"}, 0, "no daemon is running"},
		{[]string{"version"}, 0, "sessiond "},
		{[]string{"doctor"}, whichever, "none runs"}, // what else it finds is of no matter here
		{[]string{"__complete", "show", ""}, 0, ""},
		{[]string{"__complete", "approve", ""}, 0, ""},
	} {
		out, code, connected := try(tc.args...)
		if tc.code != whichever && code != tc.code || connected || !strings.Contains(out, tc.says) {
			t.Errorf("%q: exit code %d, connected %v: %s", tc.args, code, connected, out)
		}
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
