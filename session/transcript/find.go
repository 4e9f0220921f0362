package transcript

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Found is a file that has a transcript's name.
type Found struct {
	Path     string
	Size     int64
	Modified time.Time
}

const suffix = ".jsonl"

// ID is the conversation whose transcript a file is, by its name; "" if it has not
// the name of one.
func ID(path string) string {
	name, ok := strings.CutSuffix(filepath.Base(path), suffix)
	id, err := uuid.Parse(name)
	if !ok || err != nil || len(name) != 36 || id.String() != name {
		return ""
	}
	return name
}

// Find lists the transcripts in a directory of Claude Code's projects, or in that of
// one project, or the file itself, in the order of their paths. Symbolic links
// within the directory are not followed.
func Find(path string) ([]Found, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []Found{{path, info.Size(), info.ModTime()}}, nil
	}
	found, err := within(path, true)
	slices.SortFunc(found, func(a, b Found) int { return strings.Compare(a.Path, b.Path) })
	return found, err
}

// within lists the transcripts of a directory, and of those in it.
func within(dir string, deeper bool) (found []Found, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		switch {
		case entry.IsDir() && deeper && ID(path+suffix) == "":
			inner, err := within(path, false)
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
				return nil, err
			}
			found = append(found, inner...)
		case ID(path) != "":
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // it was removed meanwhile
			}
			if err != nil {
				return nil, err
			}
			found = append(found, Found{path, info.Size(), info.ModTime()})
		}
	}
	return found, nil
}

// Agents lists the files of a conversation's subagents, in the order of their names.
func Agents(path string) ([]Source, error) {
	dir := filepath.Join(strings.TrimSuffix(path, suffix), "subagents")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var agents []Source
	for _, entry := range entries {
		name, is := strings.CutSuffix(entry.Name(), suffix)
		id, agent := strings.CutPrefix(name, "agent-")
		if !is || !agent || id == "" || !entry.Type().IsRegular() {
			continue
		}
		file := filepath.Join(dir, entry.Name())
		agents = append(agents, Source{Path: file, Agent: id, ToolUseID: startedBy(file)})
	}
	return agents, nil
}

// startedBy reads which tool call started a subagent, from the file beside its own.
func startedBy(path string) string {
	f, err := Open(strings.TrimSuffix(path, suffix)+".meta.json", 0, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // opened for reading
	b, err := io.ReadAll(io.LimitReader(f.file, 64<<10))
	var meta struct {
		ToolUseID string `json:"toolUseId"`
	}
	if err != nil || json.Unmarshal(b, &meta) != nil {
		return ""
	}
	return meta.ToolUseID
}
