package shim

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Process is a process of this user's that was found in the process table. It
// is never mistaken for another that has got its pid since.
type Process struct {
	PID     int
	Name    string // of its program, as the system cuts it
	Dir     string // of a shim: its directory; else ""
	Session string // the session that it descends from, as its environment says; "": none

	found process
}

// FindProcesses lists the shims of this user, and the processes that were
// started in a session. It is an error that wraps errors.ErrUnsupported where
// the system does not tell.
func FindProcesses() ([]Process, error) {
	var all []Process
	for _, p := range processes() {
		dir := filepath.Join("/proc", strconv.Itoa(p.pid))
		info, err := os.Stat(dir)
		if err != nil {
			continue // it is gone
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Getuid() || p.pid == os.Getpid() {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // a process may be gone at any moment
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		found := Process{PID: p.pid, Name: strings.TrimSpace(string(name)), Dir: shimDir(cmdline), Session: sessionOf(environ), found: p}
		if found.Dir != "" || found.Session != "" {
			all = append(all, found)
		}
	}
	return all, nil
}

// shimDir returns the directory of the shim with this command line; "" if it is
// none's.
func shimDir(cmdline []byte) string {
	args := strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
	if len(args) != 3 || args[1] != "shim" || !filepath.IsAbs(args[2]) {
		return ""
	}
	return args[2]
}

// sessionOf finds the session that an environment names.
func sessionOf(environ []byte) string {
	for pair := range bytes.SplitSeq(environ, []byte{0}) {
		if id, ok := bytes.CutPrefix(pair, []byte("SESSIOND_SESSION_ID=")); ok {
			return string(id)
		}
	}
	return ""
}

// Alive tells whether the process still lives; one that has only not been
// reaped does not.
func (p Process) Alive() bool {
	now, err := readProcess(p.PID)
	if err != nil || now.start != p.found.start {
		return false
	}
	cmdline, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID), "cmdline"))
	return err == nil && len(cmdline) > 0
}

// Kill kills the process, and no other that has its pid by now.
func (p Process) Kill() error {
	if !p.Alive() {
		return nil
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return fmt.Errorf("kill process %d: %w", p.PID, err)
	}
	defer unix.Close(fd)
	if !p.Alive() { // it was another's
		return nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
		return fmt.Errorf("kill process %d: %w", p.PID, err)
	}
	return nil
}
