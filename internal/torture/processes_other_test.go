//go:build !linux

package torture

import "syscall"

// marker is a variable in the environment of the sessions.
const marker = "TORTURE"

// process is one that belongs to a world.
type process struct {
	pid     int
	command string
}

func (p process) kill() { _ = syscall.Kill(p.pid, syscall.SIGKILL) }

// processes lists nothing: other systems do not show the environment of a process.
func (w *world) processes() []process { return nil }

// system says nothing.
func (w *world) system() sample { return sample{} }

// owns tells whether there is such a process at all.
func (w *world) owns(pid int) string {
	if syscall.Kill(pid, 0) == nil {
		return "unknown"
	}
	return ""
}
