package transcript

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// In returns the path that a conversation's transcript has in a directory of
// projects; "" if there is none.
func In(projects, id string) string {
	found, err := filepath.Glob(filepath.Join(escape(projects), "*", id+suffix))
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0]
}

// escape has a path mean itself in a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Process is a claude that says that it has a conversation open.
type Process struct {
	PID   int
	Began uint64 // in ticks since the system did; 0: not known
}

// noted is what a claude writes down of itself.
type noted struct {
	PID       int    `json:"pid"`
	SessionID string `json:"sessionId"`
	Began     string `json:"procStart"`
	Status    string `json:"status"`
	Since     int64  `json:"statusUpdatedAt"` // in milliseconds since the epoch
}

// sessionsDir is where they do: beside the directory of the projects. Each claude has a
// file there as long as it runs; one that was killed has left it.
func sessionsDir(projects string) string { return filepath.Join(filepath.Dir(projects), "sessions") }

// maxNote is how long such a file is at most, in bytes.
const maxNote = 64 << 10

// readNoted reads one, which has to be like a transcript: a regular file of this user's.
// It lies where a hook says, and a pipe would hold up whoever reads it.
func readNoted(file string) (n noted, ok bool) {
	f, info, err := openOwn(file)
	if err != nil {
		return n, false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxNote))
	return n, err == nil && info.Size() <= maxNote && json.Unmarshal(b, &n) == nil
}

// Processes returns who says that he has a conversation open.
func Processes(projects, id string) []Process {
	files, err := filepath.Glob(filepath.Join(escape(sessionsDir(projects)), "*.json"))
	if err != nil {
		return nil
	}
	var open []Process
	for _, file := range files {
		n, ok := readNoted(file)
		if !ok || n.SessionID != id {
			continue
		}
		began, _ := strconv.ParseUint(n.Began, 10, 64) // 0 where it is written otherwise
		open = append(open, Process{PID: n.PID, Began: began})
	}
	return open
}

// IdleSince is since when a process says that it waits for the next prompt of a
// conversation, be it with commands in the background ("shell"); false if it does not
// say so.
func IdleSince(projects, id string, pid int) (time.Time, bool) {
	n, ok := readNoted(filepath.Join(sessionsDir(projects), strconv.Itoa(pid)+".json"))
	if !ok || n.PID != pid || n.SessionID != id || n.Status != "idle" && n.Status != "shell" || n.Since <= 0 {
		return time.Time{}, false
	}
	return time.UnixMilli(n.Since), true
}
