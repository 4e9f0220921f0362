package shim

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// killPatience is how long the descendants of a child that has exited are
// waited for. Only those that may not be killed, or sit in a system call which
// does not end, take longer than moments.
const killPatience = 10 * time.Second

// becomeSubreaper makes the shim the parent of every descendant whose own
// parent has gone: none can slip away.
func becomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	return nil
}

// wait blocks until the child has exited, and reaps what it leaves to the shim
// meanwhile.
func (c *child) wait() unix.WaitStatus {
	for {
		// Look without reaping: a pid is reaped only under the lock, so that no
		// signal can hit a process that has got the same pid.
		var info unix.Siginfo
		if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil && !errors.Is(err, unix.EINTR) {
			log.Printf("wait: %v", err)
		}
		if status, ok := c.reapOne(); ok {
			return status
		}
	}
}

// reapOne reaps one process that has exited, and tells whether it was the child.
func (c *child) reapOne() (status unix.WaitStatus, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
	mine = err == nil && pid == c.started.PID
	c.reaped = c.reaped || mine
	return status, mine
}

// killDescendants kills and reaps until the shim has no children, and so no
// descendants: those whose parents die become its children. It gives up, false,
// after the given time.
func killDescendants(patience time.Duration) bool {
	// What was slept counts, not the clock: a machine that stood still has not waited.
	for left, pause := patience, time.Millisecond; ; left -= pause {
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if errors.Is(err, unix.ECHILD) {
				return true
			}
			if err == nil && pid == 0 {
				break
			}
		}
		if left <= 0 {
			return false
		}
		signalDescendants(os.Getpid(), unix.SIGKILL)
		time.Sleep(pause)
		pause = min(2*pause, 50*time.Millisecond)
	}
}

// process is a line of the process table. Its start tells it from a later one
// with the same pid.
type process struct {
	pid, parent int
	start       uint64
	zombie      bool
}

// signalDescendants sends a signal to every descendant of a process.
func signalDescendants(pid int, sig unix.Signal) {
	children := map[int][]process{}
	for _, p := range processes() {
		children[p.parent] = append(children[p.parent], p)
	}
	queue := children[pid]
	for len(queue) > 0 {
		p := queue[0]
		queue = append(queue[1:], children[p.pid]...)
		p.signal(sig)
	}
}

// signal sends a signal to the process, never to another with its pid.
func (p process) signal(sig unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ENOSYS) { // before Linux 5.3
		unix.Kill(p.pid, sig)
		return
	}
	if err != nil {
		return // it has gone
	}
	defer unix.Close(fd)
	if now, err := readProcess(p.pid); err != nil || now.start != p.start {
		return
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		log.Printf("signal %d to process %d: %v", sig, p.pid, err)
	}
}

// KillStrays does what a shim that was killed can do no more: it kills every
// process of this user that has inherited entry, a NAME=value of a child's
// environment. It returns how many there were.
func KillStrays(entry string) int {
	all := map[int]bool{}
	for looks, quiet := 0, 0; looks < strayPasses && quiet < 2; looks++ { // what they start meanwhile is there at the next look
		found := strays(entry)
		for _, p := range found {
			all[p.pid] = true
			p.signal(unix.SIGKILL)
		}
		if quiet++; len(found) > 0 {
			quiet = 0
		}
		time.Sleep(time.Millisecond) // until they are gone, or through with exec, in which they show no environment
	}
	return len(all)
}

// strayPasses bounds how often KillStrays looks: some cannot be killed.
const strayPasses = 100

// strays lists the processes, but for this one, whose environment holds an entry.
// A process that has exited has none.
func strays(entry string) []process {
	var found []process
	for _, p := range processes() {
		environ, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/environ") // another user's cannot be read
		if err == nil && p.pid != os.Getpid() && bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+entry+"\x00")) {
			found = append(found, p)
		}
	}
	return found
}

func processes() []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		log.Print(err)
		return nil
	}
	var all []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, err := readProcess(pid); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// readProcess reads /proc/PID/stat.
func readProcess(pid int) (process, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, err
	}
	// The second field is the program's name in parentheses, whatever it holds.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return process{}, fmt.Errorf("process %d: strange stat", pid)
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return process{}, err
	}
	start, err := strconv.ParseUint(string(fields[19]), 10, 64)
	return process{pid: pid, parent: parent, start: start, zombie: fields[0][0] == 'Z'}, err
}

// ticks: startTime says it in ticks since the system began.
const ticks = true

// startTime is when a process began, in ticks since the system did; 0: unknown.
func startTime(pid int) uint64 {
	p, err := readProcess(pid)
	if err != nil {
		return 0
	}
	return p.start
}

// isZombie tells whether a process has exited and was not reaped.
func isZombie(pid int) bool {
	p, err := readProcess(pid)
	return err == nil && p.zombie
}

// bootID names this run of the system.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
