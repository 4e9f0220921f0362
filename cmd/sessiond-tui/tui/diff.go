package tui

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

var colors = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// change is a piece of a file before and after.
type change struct{ before, after string }

// changesOf reads the input of a tool that changes a file: Edit, MultiEdit,
// Write, NotebookEdit. Others have none.
func changesOf(input json.RawMessage) []change {
	if !bytes.Contains(input, []byte("_path")) { // most inputs: not worth decoding
		return nil
	}
	type edit struct {
		Old *string `json:"old_string"`
		New *string `json:"new_string"`
	}
	var in struct {
		edit
		Path     string  `json:"file_path"`
		Notebook string  `json:"notebook_path"`
		Content  *string `json:"content"`
		Source   *string `json:"new_source"`
		Edits    []edit  `json:"edits"`
	}
	if json.Unmarshal(input, &in) != nil || in.Path == "" && in.Notebook == "" {
		return nil
	}
	var all []change
	for _, e := range append([]edit{in.edit}, in.Edits...) {
		if e.Old != nil && e.New != nil {
			all = append(all, change{*e.Old, *e.New})
		}
	}
	for _, whole := range []*string{in.Content, in.Source} {
		if whole != nil {
			all = append(all, change{"", *whole})
		}
	}
	return all
}

// diffLines says what is different, a line each, with + and - and blank before
// it. They are clean.
func diffLines(before, after string) []string {
	out := string(diff.Diff("a", []byte(ended(before)), "b", []byte(ended(after))))
	lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
	kept := lines[:0]
	for i, line := range lines {
		if i < 3 || strings.HasPrefix(line, "@@") { // names, and numbers of lines of a piece
			continue
		}
		kept = append(kept, tabs.Replace(plain.Clean(line)))
	}
	return kept
}

// ended makes a text end with a line's end, unless it is empty.
func ended(s string) string {
	if s == "" || strings.HasSuffix(s, "\n") {
		return s
	}
	return s + "\n"
}
