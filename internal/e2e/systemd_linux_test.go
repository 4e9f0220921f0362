package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/daemon/service"
	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
	"github.com/sessiond/sessiond/session/shim"
)

// systemdUser is a real `systemd --user`, in a mount and a cgroup namespace of its
// own. What it starts can be seen from here, under the same pids.
type systemdUser struct {
	*world
	manager *exec.Cmd
	cgroup  string
	env     []string
}

// enter makes a place in which systemd believes that the system was booted with it,
// and runs it there. It says so where the system does not let it.
const enter = `
echo $$ >"$1/cgroup.procs" || exit 77
exec unshare --mount --cgroup sh -c '
	{ mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup && mount -t tmpfs none /run && mkdir -p /run/systemd/system; } || exit 77
	exec "$0" --user --log-level=warning --log-target=console' "$2"
`

// realSystemd starts one, or skips the test where there can be none.
func realSystemd(t *testing.T) *systemdUser {
	t.Helper()
	program := "/usr/lib/systemd/systemd"
	if _, err := os.Stat(program); err != nil {
		program = "/lib/systemd/systemd"
	}
	for _, need := range []string{program, "systemctl", "unshare", "nsenter"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Skipf("no real systemd here: %v (TestSocketActivation plays it)", err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("only root can make the namespaces that a systemd needs beside the machine's own")
	}
	s := &systemdUser{world: newWorld(t), cgroup: ownCgroup(t)}
	run := filepath.Dir(shortSocket(t))
	s.cfg.Socket = filepath.Join(run, "sessiond", "sessiond.sock")
	s.cfg.StateDir = filepath.Join(s.home, ".local", "state", "sessiond")
	s.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	s.env = append(s.environ(), "XDG_RUNTIME_DIR="+run)
	writeFile(t, filepath.Join(s.home, ".config", "sessiond", "config.toml"), fmt.Sprintf("claude = %q\n", s.cfg.Claude))

	var said bytes.Buffer
	s.manager = exec.Command("sh", "-c", enter, "sh", s.cgroup, program)
	s.manager.Env, s.manager.Stdout, s.manager.Stderr = s.env, &said, &said
	if err := s.manager.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.manager.Wait() }()
	t.Cleanup(func() {
		_ = os.WriteFile(filepath.Join(s.cgroup, "cgroup.kill"), []byte("1"), 0) // whatever this test has started
		<-ended
		removeCgroup(t, s.cgroup)
	})
	var early error
	up := poll(func() bool {
		select {
		case early = <-ended:
			ended <- early
			return true
		default:
			_, err := s.in("systemctl", "--user", "is-active", "default.target")
			return err == nil
		}
	})
	var exit *exec.ExitError
	if errors.As(early, &exit) && exit.ExitCode() == 77 {
		t.Skipf("the system lets nobody make a place for a systemd: %s", &said)
	}
	if early != nil || !up {
		t.Fatalf("systemd: %v: %s", early, &said)
	}
	return s
}

// ownCgroup makes a cgroup for what this test starts.
func ownCgroup(t *testing.T) string {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(root, &fs) != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
			continue
		}
		dir, err := os.MkdirTemp(root, "sessiond-test-")
		if err != nil {
			t.Skipf("no cgroup can be made: %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "cgroup.kill")); err != nil {
			removeCgroup(t, dir)
			t.Skip("the kernel cannot kill a cgroup (before 5.14)")
		}
		return dir
	}
	t.Skip("no cgroup v2 here")
	return ""
}

// removeCgroup removes a cgroup and those below it, once their processes are gone.
func removeCgroup(t *testing.T, dir string) {
	t.Helper()
	if !poll(func() bool {
		out, err := exec.Command("find", dir, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";").CombinedOutput()
		return err == nil && len(out) == 0
	}) {
		t.Errorf("%s stays", dir)
	}
}

// in runs a command where that systemd is.
func (s *systemdUser) in(command ...string) (string, error) {
	cmd := exec.Command("nsenter", append([]string{"--mount", "--cgroup", "--target", strconv.Itoa(s.manager.Process.Pid), "--"}, command...)...)
	// What it starts is of the cgroup that goes with the test.
	if f, err := os.Open(s.cgroup); err == nil {
		defer f.Close()
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())}
	}
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// must is in for what has to succeed and say something.
func (s *systemdUser) must(says string, command ...string) {
	s.t.Helper()
	if out, err := s.in(command...); err != nil || !strings.Contains(out, says) {
		log, _ := s.in("systemctl", "--user", "status", "--no-pager", "sessiond.socket", "sessiond.service")
		s.t.Fatalf("%q: %v: %s\n%s", command, err, out, log)
	}
}

// mainPID is the daemon that systemd runs.
func (s *systemdUser) mainPID() int {
	s.t.Helper()
	out, err := s.in("systemctl", "--user", "show", "--property=MainPID", "--value", "sessiond.service")
	pid, convErr := strconv.Atoi(strings.TrimSpace(out))
	if err != nil || convErr != nil {
		s.t.Fatalf("MainPID: %q, %v", out, err)
	}
	return pid
}

// process is that of a session.
func (s *systemdUser) process(id string) int {
	s.t.Helper()
	started, err := shim.ReadStart(filepath.Join(s.cfg.StateDir, "sessions", id))
	if err != nil {
		s.t.Fatal(err)
	}
	return started.PID
}

// TestRealSystemd has a real `systemd --user` run the daemon: it takes the place of
// one that a command has started, is restarted, killed, stopped and removed, and two
// sessions go on through all of it in the same processes.
func TestRealSystemd(t *testing.T) {
	t.Parallel()
	s := realSystemd(t)
	s.must("", sessiond, "list") // starts a daemon in the background
	s.connect()
	before := s.interactive("hello")
	s.idle(before, 1)

	s.must("the service runs", sessiond, "service", "install")
	s.must("is as it should be", sessiond, "service", "install")
	s.runsAs(s.mainPID())
	within := s.interactive("hello")
	s.idle(within, 1)
	pids := map[string]int{before: s.process(before), within: s.process(within)}
	turns := 1
	goOn := func(when string) {
		t.Helper()
		turns++
		for id, pid := range pids {
			s.say(id, "history")
			if ses := s.idle(id, turns); !strings.Contains(ses.Result, "hello") || s.process(id) != pid {
				t.Errorf("%s: session %s says %q, its process is %d and was %d", when, id, ses.Result, s.process(id), pid)
			}
		}
	}
	goOn("within the service")

	first := s.mainPID()
	s.must("", "systemctl", "--user", "restart", "sessiond.service")
	if second := s.mainPID(); second == first || second == 0 {
		t.Errorf("restarted from pid %d to %d", first, second)
	}
	goOn("restarted")

	killed := s.mainPID()
	if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if !poll(func() bool { pid := s.mainPID(); return pid != 0 && pid != killed }) {
		t.Fatal("systemd does not start it again")
	}
	goOn("killed")
	if !poll(func() bool {
		out, err := s.in(sessiond, "service", "status")
		return err == nil && strings.Contains(out, "2 waiting_input")
	}) {
		t.Error("the daemon does not tell systemd how it is")
	}

	_ = s.Close() // a client that follows would have the next one started
	s.must("its service starts one for the next", sessiond, "stop")
	if out, err := s.in(sessiond, "status"); err == nil || !strings.Contains(out, "no daemon is running") || s.mainPID() != 0 {
		t.Errorf("status: %v: %s; pid %d", err, out, s.mainPID())
	}
	s.must(within, sessiond, "list", "--json") // starts it, by its connection
	s.connect()
	s.runsAs(s.mainPID())
	goOn("stopped")

	s.must("sessions go on", sessiond, "service", "uninstall")
	s.must(before, sessiond, "list", "--json") // starts a daemon in the background
	goOn("without the service")
	s.endAll()
	s.must("stopped the daemon", sessiond, "stop")
}

// runsAs makes sure that the daemon which answers is this process.
func (s *systemdUser) runsAs(pid int) {
	s.t.Helper()
	var h api.Health
	var err error
	if !poll(func() bool { h, err = s.Health(s.ctx); return err == nil }) || h.PID != pid || pid == 0 {
		s.t.Fatalf("pid %d answers and %d is systemd's: %v", h.PID, pid, err)
	}
}

// TestRealWatchdog: a daemon that stands still is ended and started anew by systemd,
// and its session goes on. A drop-in, which `service install` leaves alone, makes it soon.
func TestRealWatchdog(t *testing.T) {
	t.Parallel()
	s := realSystemd(t)
	writeFile(t, filepath.Join(s.home, ".config", "systemd", "user", service.ServiceUnit+".d", "soon.conf"),
		"[Service]\nWatchdogSec=4s\nTimeoutAbortSec=1s\n")
	s.must("the service runs", sessiond, "service", "install")
	s.connect()
	id := s.interactive("hello")
	s.idle(id, 1)
	process, stuck := s.process(id), s.mainPID()
	if err := syscall.Kill(stuck, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if !poll(func() bool { pid := s.mainPID(); return pid != 0 && pid != stuck }) {
		t.Fatal("systemd leaves a daemon that stands still")
	}
	s.say(id, "history")
	if ses := s.idle(id, 2); !strings.Contains(ses.Result, "hello") || s.process(id) != process {
		t.Errorf("the session says %q", ses.Result)
	}
	s.endAll()
}

// TestRealPackageUnits: the units that a package brings work as they are.
func TestRealPackageUnits(t *testing.T) {
	t.Parallel()
	s := realSystemd(t)
	for name, content := range service.PackageUnits(sessiond) {
		writeFile(t, filepath.Join(s.home, ".config", "systemd", "user", name), content)
	}
	s.must("", "systemctl", "--user", "daemon-reload")
	s.must("", "systemctl", "--user", "enable", "--now", service.SocketUnit, service.ServiceUnit)
	s.connect()
	s.runsAs(s.mainPID())
	if ses := s.run("say: hi"); ses.Status != api.StatusCompleted {
		t.Errorf("a session ended %s: %s", ses.Status, ses.ErrorMessage)
	}
	s.must("is started", sessiond, "service", "status")
}

// connect connects to whichever daemon answers.
func (s *systemdUser) connect() {
	s.t.Helper()
	c, err := client.Dial(s.ctx, s.cfg.Socket)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Client = c
	s.t.Cleanup(func() { _ = c.Close() })
}
