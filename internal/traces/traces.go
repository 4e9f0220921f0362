// Package traces holds what the real Claude Code was seen to read and print.
//
// VERSION/NAME.in.jsonl is what was written to its standard input, and
// VERSION/NAME.out.jsonl what it printed, line by line. They are recorded by
// `make traces` (the program in record), against the stand-in for the Messages
// API; the scenarios and their flags are the table in record/scenarios.go.
//
// What differs from run to run is replaced, so that a new recording shows only
// what has changed: ids are counted, every time and every duration is the same,
// and local paths are below /home/user. Long lists are cut short. Everything
// else is as it was printed. (Only a subagent and its parent, which talk at the
// same time, come in an order that differs from run to run.)
package traces

import (
	"embed"
	"path"
	"slices"
	"strings"
)

//go:embed */*.jsonl
var files embed.FS

const (
	inSuffix  = ".in.jsonl"
	outSuffix = ".out.jsonl"
)

// Versions returns the versions of Claude Code that were recorded.
func Versions() []string {
	var versions []string
	dirs, _ := files.ReadDir(".") // an embedded root can always be read
	for _, d := range dirs {
		versions = append(versions, d.Name())
	}
	return versions
}

// Names returns the names of a version's traces, sorted; none for a version that
// was not recorded.
func Names(version string) []string {
	var names []string
	entries, _ := files.ReadDir(version)
	for _, e := range entries {
		if name, found := strings.CutSuffix(e.Name(), outSuffix); found {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// In returns the lines that were written to a version's standard input; nil if
// there is no such trace.
func In(version, name string) []byte { return read(version, name+inSuffix) }

// Out returns the lines that a version printed; nil if there is no such trace.
func Out(version, name string) []byte { return read(version, name+outSuffix) }

func read(version, name string) []byte {
	data, err := files.ReadFile(path.Join(version, name))
	if err != nil {
		return nil
	}
	return data
}
