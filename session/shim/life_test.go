package shim

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// descendants are the pids that a "family" child printed.
func (h *held) descendants() []int {
	h.t.Helper()
	var pids []int
	eventually(h.t, "two descendants", func() bool {
		journal := h.journal()
		if strings.Count(journal, "\n") < 2 {
			return false
		}
		for _, word := range strings.Fields(journal) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				h.t.Fatal(err)
			}
			pids = append(pids, pid)
		}
		return true
	})
	return pids
}

func TestDescendantsEndWithTheChild(t *testing.T) {
	t.Parallel()
	if !isLinux {
		t.Skip("descendants in sessions of their own can be found on Linux only")
	}
	for name, end := range map[string]func(*held) error{
		"it exits":  func(h *held) error { return h.CloseInput(testContext(t)) },
		"killed":    func(h *held) error { return h.Kill(testContext(t)) },
		"it alone":  func(h *held) error { return unix.Kill(h.started.PID, unix.SIGKILL) },
		"signalled": func(h *held) error { return h.Signal(testContext(t), unix.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, "family", "stay")
			pids := h.descendants()
			for _, pid := range pids {
				if sid, err := unix.Getsid(pid); err != nil || sid == h.started.ShimPID {
					t.Errorf("process %d is in session %d, %v", pid, sid, err)
				}
			}
			if err := end(h); err != nil {
				t.Fatal(err)
			}
			eventually(t, "exit record", func() bool { _, err := ReadExit(h.dir); return err == nil })
			for _, pid := range pids {
				if alive(pid) {
					t.Errorf("process %d lives behind the exit record", pid)
				}
			}
		})
	}
}

// TestOrphansAreReaped: what a child leaves to the shim does not stay a zombie.
func TestOrphansAreReaped(t *testing.T) {
	t.Parallel()
	if !isLinux {
		t.Skip("orphans go to init")
	}
	h := start(t, "family", "stay")
	for _, pid := range h.descendants() {
		if p, err := readParent(pid); err != nil || p != h.started.ShimPID {
			continue // it has a parent, which will reap it
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the orphan is reaped", func() bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) })
		return
	}
	t.Error("the shim has adopted nobody")
}

func TestStraySignalsDoNotEndTheShim(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGPIPE, unix.SIGQUIT} {
		if err := unix.Kill(h.started.ShimPID, sig); err != nil {
			t.Fatal(err)
		}
		h.writeLine(sig.String())
	}
	h.closeInput()
	if e := h.exit(); e.ExitCode == nil || *e.ExitCode != 0 {
		t.Errorf("exit %+v", e)
	}
}

// TestDaemonDies: the process that started the shim is killed, another goes on.
// Its umask does not matter either.
func TestDaemonDies(t *testing.T) {
	t.Parallel()
	spec := specOf(t, "echo")
	dir := filepath.Join(t.TempDir(), "a", "session")
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(executable(t), "child", "daemon", strconv.Itoa(0o777), dir, string(text))
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadBytes('\n')
	daemon.Process.Kill()
	daemon.Wait()
	var started Started
	if err := json.Unmarshal(line, &started); err != nil || readErr != nil {
		t.Fatal(string(line), err, readErr)
	}
	c, err := Connect(testContext(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	h := holding(t, c, dir, started)
	h.writeLine("who is there")
	h.awaitJournal("who is there\n")
	checkLeftovers(t, dir, "exit.tmp", "journal", "shim.log", "shim.sock", "start.json", "stderr")
	h.closeInput()
	h.exit()
	checkLeftovers(t, dir, "exit.json", "journal", "shim.log", "start.json", "stderr")
}

// TestShimKilled: the child reads the end of its input, ends by itself, and what
// it prints is in the journal. No exit record is made up.
func TestShimKilled(t *testing.T) {
	t.Parallel()
	spec := specOf(t, "echo")
	h := startIn(t, t.TempDir(), spec)
	h.writeLine("before")
	h.awaitJournal("before\n")
	if err := unix.Kill(h.started.ShimPID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.waitDone()
	h.awaitJournal("before\nend of input\n")
	eventually(t, "the lock is free", func() bool { locked, err := Locked(spec.LockFile); return err == nil && !locked })
	if _, err := ReadExit(h.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("exit record: %v", err)
	}
	if _, err := Connect(testContext(t), h.dir); !errors.Is(err, ErrGone) {
		t.Errorf("Connect: %v", err)
	}
}

// TestChildOutlivesShim: the lock stays with a child whose shim is gone.
func TestChildOutlivesShim(t *testing.T) {
	t.Parallel()
	spec := specOf(t, "deaf")
	h := startIn(t, t.TempDir(), spec)
	h.awaitJournal("ready\n")
	if err := unix.Kill(h.started.ShimPID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.waitDone()
	_, _, err := Start(testContext(t), executable(t), t.TempDir(), spec)
	if !errors.Is(err, ErrLocked) {
		t.Errorf("a second owner: %v", err)
	}
	if err := unix.Kill(h.started.PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the lock is free", func() bool { locked, err := Locked(spec.LockFile); return err == nil && !locked })
}

func TestCalledWrongly(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		code int
	}{
		{[]string{"shim"}, 2},
		{[]string{"shim", "a", "b"}, 2},
		{[]string{"shim", "/no/such/dir"}, 1},
		{[]string{"shim", t.TempDir()}, 1},
	} {
		out, err := exec.Command(executable(t), tc.args...).CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != tc.code || len(out) == 0 {
			t.Errorf("%v: %v, %q", tc.args, err, out)
		}
	}
}
