package plain

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Change is a piece of a file before and after.
type Change struct{ Before, After string }

// Changes reads the input of a tool that changes a file (Edit, MultiEdit, Write,
// NotebookEdit): which file, and what in it. Others have none.
func Changes(input json.RawMessage) (path string, all []Change) {
	if !bytes.Contains(input, []byte("_path")) { // most inputs: not worth decoding
		return "", nil
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
	if json.Unmarshal(input, &in) != nil {
		return "", nil
	}
	if path = in.Path; path == "" {
		path = in.Notebook
	}
	if path == "" {
		return "", nil
	}
	for _, e := range append([]edit{in.edit}, in.Edits...) {
		if e.Old != nil && e.New != nil {
			all = append(all, Change{*e.Old, *e.New})
		}
	}
	for _, whole := range []*string{in.Content, in.Source} {
		if whole != nil {
			all = append(all, Change{"", *whole})
		}
	}
	return path, all
}

// Diff says what is different, a line each, with "+", "-" or a blank before it.
// The lines are clean.
func (c Change) Diff() []string {
	out := string(diff.Diff("a", []byte(ended(c.Before)), "b", []byte(ended(c.After))))
	lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
	kept := lines[:0]
	for i, line := range lines {
		if i < 3 || strings.HasPrefix(line, "@@") { // names, and numbers of lines of a piece
			continue
		}
		kept = append(kept, Clean(line))
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
