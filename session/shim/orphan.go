package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// SameBoot reports whether the machine is still in the run in which the child was
// started. If it is not, child and shim are gone for certain.
func (st Started) SameBoot() bool {
	now := bootID()
	return st.BootID == "" || now == "" || st.BootID == now
}

// Alive reports whether the child lives, as far as that is known; one that has
// only not been reaped does not. It is never mistaken for another process that
// has got its pid since.
func (st Started) Alive() bool {
	return st.isPID() && !isZombie(st.PID)
}

// Runs reports whether a process of this pid lives that began at this time, as
// Claude Code writes it down on Linux, in ticks since the system did; where the time
// is not known, or not written so, whether there is one at all.
func Runs(pid int, began uint64) bool {
	if pid <= 1 || isZombie(pid) {
		return false
	}
	now := startTime(pid)
	return now != 0 && (began == 0 || !ticks || now == began)
}

// isPID reports whether the child's pid is still the child's.
func (st Started) isPID() bool {
	return st.PID > 1 && st.BootID == bootID() && st.StartTime != 0 && st.StartTime == startTime(st.PID)
}

// Signal sends a signal to the process group of a child whose shim is gone, or
// does not answer; SIGKILL also to every descendant that it has right now. It
// never hits another process that has got the child's pid. The error is ErrExited
// if the child is gone, or is not known.
func (st Started) Signal(sig syscall.Signal) error {
	if !st.isPID() {
		return ErrExited
	}
	if sig == unix.SIGKILL {
		signalDescendants(st.PID, sig)
	}
	if err := unix.Kill(-st.PID, sig); errors.Is(err, unix.ESRCH) {
		return ErrExited
	} else if err != nil {
		return fmt.Errorf("signal the child: %w", err)
	}
	return nil
}

// Terminate is Signal with SIGTERM, for a child that may stand still: it heeds the
// signal at once. Its last words have the room that is kept behind its journal.
func (st Started) Terminate() error {
	if err := st.Signal(unix.SIGTERM); err != nil {
		return err
	}
	return st.Signal(unix.SIGCONT)
}

// SignalOrphan is Signal for the child of a directory.
func SignalOrphan(dir string, sig syscall.Signal) error {
	st, err := ReadStart(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrExited
	}
	if err != nil {
		return fmt.Errorf("signal the child: %w", err)
	}
	return st.Signal(sig)
}
