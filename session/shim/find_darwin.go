package shim

import (
	"errors"
	"fmt"
)

// Process is a process of this user's that was found in the process table.
type Process struct {
	PID     int
	Name    string // of its program, as the system cuts it
	Dir     string // of a shim: its directory; else ""
	Session string // the session that it descends from, as its environment says; "": none
}

// FindProcesses is an error that wraps errors.ErrUnsupported: macOS does not
// tell the environment of a process.
func FindProcesses() ([]Process, error) {
	return nil, fmt.Errorf("find the processes of sessions: %w", errors.ErrUnsupported)
}

// Alive is never called: nothing is found.
func (p Process) Alive() bool { return false }

// Kill is never called: nothing is found.
func (p Process) Kill() error { return errors.ErrUnsupported }
