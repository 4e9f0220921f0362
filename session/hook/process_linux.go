package hook

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// stat is what is looked at of a line of the process table.
type stat struct {
	name   string
	parent int
	start  uint64 // in ticks since the system began
}

func readStat(pid int) (s stat, ok bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return s, false
	}
	// The second field is the program's name in parentheses, whatever it holds.
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return s, false
	}
	fields := bytes.Fields(b[end+1:])
	if len(fields) < 20 {
		return s, false
	}
	s.name = string(b[open+1 : end])
	s.parent, _ = strconv.Atoi(string(fields[1]))
	s.start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return s, err == nil
}

// beginning is when a process began; 0: not known.
func beginning(pid int) uint64 {
	s, _ := readStat(pid)
	return s.start
}

// caller is the nearest ancestor that is no shell.
func caller() int {
	pid := os.Getppid()
	for range 4 {
		s, ok := readStat(pid)
		if !ok {
			return 0
		}
		switch s.name {
		case "sh", "bash", "dash", "zsh", "fish", "env":
			pid = s.parent
		default:
			return pid
		}
	}
	return 0
}

// freeBytes is the room on a directory's disk.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil // #nosec G115 -- no disk has that many
}
