package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func hookOf(timeout time.Duration) (*notifier, *bytes.Buffer) {
	var out bytes.Buffer
	return &notifier{app: &app{stdout: &out, stderr: &out}, timeout: timeout}, &out
}

func TestACommandOfNotify(t *testing.T) {
	t.Parallel()
	n, out := hookOf(patience)
	script := `read -r line; echo "$line $X"; echo error >&2`
	if err := n.runCommand(t.Context(), []string{"/bin/sh", "-c", script}, []string{"X=y"}, []byte("input\nmore\n")); err != nil || out.String() != "input y\nerror\n" {
		t.Errorf("%v: %q", err, out)
	}
	if err := n.runCommand(t.Context(), []string{"/bin/sh", "-c", "exit 7"}, nil, bytes.Repeat([]byte("nobody reads it"), 1<<18)); err == nil || err.Error() != "exit status 7" {
		t.Errorf("%v", err)
	}
	// Who is told to stop lets it come to its end.
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := n.runCommand(stopped, []string{"/bin/sh", "-c", "exit 0"}, nil, nil); err != nil {
		t.Error(err)
	}
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte{0x7f, 0}, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := n.runCommand(t.Context(), []string{junk}, nil, nil); err == nil {
		t.Error("junk was run")
	}
	n.timeout = 1
	if err := n.runCommand(t.Context(), []string{"/bin/sh", "-c", "exit 0"}, nil, nil); err == nil {
		t.Error("there was no time")
	}
}

// TestACommandThatHangs is ended, with what it has started, though that heeds no SIGTERM.
func TestACommandThatHangs(t *testing.T) {
	t.Parallel()
	n, _ := hookOf(time.Second)
	file := filepath.Join(t.TempDir(), "pids")
	script := `trap '' TERM; (until false; do sleep 0.1; done) & echo $! $$ >"$FILE"; until false; do sleep 0.1; done`
	var err error
	var pids []string
	for pids == nil { // where the machine is so slow that it had not begun, once more
		err = n.runCommand(t.Context(), []string{"/bin/sh", "-c", script}, []string{"FILE=" + file, "PATH=" + os.Getenv("PATH")}, nil)
		b, _ := os.ReadFile(file)
		pids = strings.Fields(string(b))
	}
	if want := "not done within 1s, and ended"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := poll(t.Context(), func() bool { return gone(pid) }); err != nil {
			t.Errorf("process %d lives: %v", pid, err)
		}
	}
}

// gone reports whether a process has ended, though nobody may have asked how.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ")
}
