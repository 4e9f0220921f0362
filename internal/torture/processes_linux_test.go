package torture

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// marker is a variable in the environment of the sessions that whatever they
// start inherits.
const marker = "TORTURE"

// process is one that belongs to a world.
type process struct {
	pid     int
	command string
}

func (p process) kill() { _ = syscall.Kill(p.pid, syscall.SIGKILL) }

// processes lists what runs of this world: its directory is in the arguments or
// in the environment of each.
func (w *world) processes() []process {
	var found []process
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if command := w.owns(pid); command != "" {
			found = append(found, process{pid, command})
		}
	}
	return found
}

// system is what the system says of the daemon.
func (w *world) system() sample {
	dir := filepath.Join("/proc", strconv.Itoa(w.daemon.cmd.Process.Pid))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		w.problem("%v", err)
	}
	var x sample
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		n, _ := strconv.Atoi(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB")))) // of lines that are no numbers
		switch string(name) {
		case "VmRSS":
			x.RSS = n
		case "Threads":
			x.Threads = n
		}
	}
	files, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		w.problem("%v", err)
	}
	x.Files = len(files)
	return x
}

// owns returns the command line of a process of this world, and "" of another.
func (w *world) owns(pid int) string {
	at := func(name string) []byte {
		b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name)) // it may be gone
		return b
	}
	command := at("cmdline")
	if len(command) == 0 || !bytes.Contains(command, []byte(w.dir)) && !bytes.Contains(at("environ"), []byte(w.dir)) {
		return ""
	}
	return string(bytes.ReplaceAll(bytes.TrimRight(command, "\x00"), []byte{0}, []byte{' '}))
}
