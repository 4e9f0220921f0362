package transcript

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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

// Processes returns who says so in the directory beside that of the projects: each
// claude has a file there as long as it runs; one that was killed has left it.
func Processes(projects, id string) []Process {
	files, err := filepath.Glob(filepath.Join(escape(filepath.Dir(projects)), "sessions", "*.json"))
	if err != nil {
		return nil
	}
	var open []Process
	for _, file := range files {
		b, err := os.ReadFile(file)
		var p struct {
			PID       int    `json:"pid"`
			SessionID string `json:"sessionId"`
			Began     string `json:"procStart"`
		}
		if err != nil || json.Unmarshal(b, &p) != nil || p.SessionID != id {
			continue
		}
		began, _ := strconv.ParseUint(p.Began, 10, 64) // 0 where it is written otherwise
		open = append(open, Process{PID: p.PID, Began: began})
	}
	return open
}
