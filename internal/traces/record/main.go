// Command record records the traces: it runs the real Claude Code, each version
// that is tested against, through the scenarios, against the stand-in for the
// Messages API, and writes what went in and came out beside this program.
//
//	go run ./internal/traces/record [NAME...]
//
// Without names everything is recorded anew, and what is there no more is
// removed. The programs must have been brought by `make claude`. A recording
// that is not as the one before is a change of Claude Code's: look at the
// difference before it is committed.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/sessiond/sessiond/internal/claudecli"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func run(names []string) error {
	root, err := claudecli.Root()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "internal", "traces")
	for _, version := range claudecli.Versions() {
		path, err := claudecli.Find(version)
		if err != nil {
			return err
		}
		if err := recordVersion(filepath.Join(dir, version), version, path, names); err != nil {
			return fmt.Errorf("%s: %w", version, err)
		}
	}
	if len(names) > 0 {
		return nil
	}
	return removeOthers(dir)
}

// recordVersion writes the traces of one version into dir, all of them or none.
func recordVersion(dir, version, program string, names []string) error {
	files := map[string][]byte{}
	for _, s := range scenarios {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		in, out, err := record(program, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Printf("%s %-32s %3d lines\n", version, s.name, bytes.Count(out, []byte("\n")))
		files[s.name+".in.jsonl"], files[s.name+".out.jsonl"] = in, out
	}
	if len(names) == 0 {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// removeOthers removes the traces of versions that are tested against no more.
func removeOthers(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "*", "*.out.jsonl"))
	if err != nil {
		return err
	}
	for _, f := range found {
		version := filepath.Dir(f)
		if !slices.Contains(claudecli.Versions(), filepath.Base(version)) {
			if err := os.RemoveAll(version); err != nil {
				return err
			}
		}
	}
	return nil
}
