package shim

import (
	"errors"
	"log"
	"time"

	"golang.org/x/sys/unix"
)

// killPatience is of no use here: there is nothing to wait for.
const killPatience = time.Duration(0)

// becomeSubreaper does nothing: macOS has no such thing.
func becomeSubreaper() error { return nil }

// wait blocks until the child has exited. Between the child's end and the lock
// a signal may be sent to its pid; the system does not give it out again at
// once.
func (c *child) wait() unix.WaitStatus {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(c.started.PID, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			log.Printf("wait: %v", err)
		}
		// What is left of its process group cannot be waited for.
		unix.Kill(-c.started.PID, unix.SIGKILL)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.reaped = true
		return status
	}
}

// killDescendants has nothing to do: wait has killed the process group.
func killDescendants(time.Duration) bool { return true }

// signalDescendants does nothing: descendants outside the child's process group
// cannot be found reliably.
func signalDescendants(int, unix.Signal) {}

// KillStrays does nothing: a process does not show its environment.
func KillStrays(string) int { return 0 }

// ticks: startTime says it in ticks since the system began.
const ticks = false

// startTime is when a process began, in microseconds since 1970; 0: unknown.
func startTime(pid int) uint64 {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0
	}
	at := info.Proc.P_starttime
	return uint64(at.Sec)*1e6 + uint64(at.Usec)
}

// isZombie tells whether a process has exited and was not reaped.
func isZombie(pid int) bool {
	const zombie = 5 // SZOMB of sys/proc.h
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	return err == nil && info.Proc.P_stat == zombie
}

// bootID names this run of the system.
func bootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}
