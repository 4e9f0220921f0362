package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is one whose code is in the programs.
type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module
}

// licenceFile is what files with terms and notices are called.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|unlicense)([.-].*)?$`)

// licencesOf collects the terms under which the modules in the programs, and Go
// itself, are passed on: most want them to be passed on too.
func (r *release) licencesOf(ctx context.Context, p platform) ([]byte, error) {
	args := []string{"list", "-deps", "-json=Module"}
	for _, name := range r.programs {
		args = append(args, "./cmd/"+name)
	}
	out, err := r.run(ctx, r.environ(p), r.goTool, args...)
	if err != nil {
		return nil, err
	}
	root, err := r.run(ctx, r.environ(p), r.goTool, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{"Go, its standard library and runtime": strings.TrimSpace(string(root))}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct{ Module *module }
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		m := pkg.Module
		if m == nil || m.Main {
			continue // of the standard library, or our own
		}
		if m.Replace != nil {
			m = m.Replace
		}
		dirs[m.Path+" "+m.Version] = m.Dir
	}
	var all bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		if err := appendLicences(&all, name, dirs[name]); err != nil {
			return nil, err
		}
	}
	return all.Bytes(), nil
}

// appendLicences adds the terms of one module, which has to have some.
func appendLicences(all *bytes.Buffer, name, dir string) error {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return err
	}
	found := false
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !licenceFile.MatchString(entry.Name()) || strings.HasSuffix(entry.Name(), ".go") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(all, "%[1]s\n%[2]s (%[3]s)\n%[1]s\n\n%[4]s\n\n", strings.Repeat("=", 78), name, entry.Name(), bytes.TrimSpace(content))
	}
	if !found {
		return fmt.Errorf("%s has no file with its licence in %s: it cannot be passed on", name, dir)
	}
	return nil
}
