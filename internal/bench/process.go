package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has used so far.
type usage struct {
	cpu     time.Duration
	written int64 // bytes that went to the disk for it, and for the processes that it has waited for
}

func (u usage) minus(v usage) usage { return usage{u.cpu - v.cpu, u.written - v.written} }

// clockTick is the unit of CPU times in /proc: 100 a second on every Linux.
const clockTick = 10 * time.Millisecond

// usageOf reads what a process has used.
func usageOf(pid int) (usage, error) {
	var u usage
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, i := range []int{11, 12} { // utime and stime
		ticks, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return u, err
		}
		u.cpu += time.Duration(ticks) * clockTick
	}
	// A journal that is read soon never gets to the disk: what is given back before is
	// no write, although the kernel has counted it as one.
	written, err := number(fmt.Sprintf("/proc/%d/io", pid), "write_bytes:")
	if err != nil {
		return u, err
	}
	cancelled, err := number(fmt.Sprintf("/proc/%d/io", pid), "cancelled_write_bytes:")
	u.written = written - cancelled
	return u, err
}

// memory is what a process has in memory, in bytes: all of it, and what is not
// shared with a file such as its program.
func memory(pid int) (resident, own int64, err error) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	if resident, err = number(path, "VmRSS:"); err != nil {
		return 0, 0, err
	}
	own, err = number(path, "RssAnon:")
	return resident << 10, own << 10, err
}

// number reads the number behind a name in one of the files of /proc.
func number(path, name string) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, name)
}

// children lists the processes whose parent is pid, or whose argument list
// names dir and whose program is ours: shims have no parent of ours.
func shims(dir string) ([]int, error) {
	lists, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, path := range lists {
		args, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		if strings.Contains(string(args), "\x00shim\x00"+dir) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				return nil, err
			}
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
