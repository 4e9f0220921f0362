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

// Signal sends a signal to the process group of a child whose shim is gone, or
// does not answer; SIGKILL also to every descendant that it has right now. It
// never hits another process that has got the child's pid. The error is ErrExited
// if the child is gone, or is not known.
func (st Started) Signal(sig syscall.Signal) error {
	if st.PID <= 1 || st.BootID != bootID() || st.StartTime == 0 || st.StartTime != startTime(st.PID) {
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
