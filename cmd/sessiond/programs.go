package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// findProgram finds a program that comes with this one: beside it, else on PATH.
// What it is for is said where there is none.
func findProgram(what, name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	places := []string{filepath.Dir(self)}
	if target, err := filepath.EvalSymlinks(self); err == nil && filepath.Dir(target) != places[0] {
		places = append(places, filepath.Dir(target))
	}
	for _, dir := range places {
		if program, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return program, nil
		}
	}
	if program, err := exec.LookPath(name); err == nil {
		return program, nil
	}
	return "", fmt.Errorf("%s is a program of its own, %s, which is neither in %s nor on PATH: 'make build' builds it, "+
		"and so does 'go install github.com/sessiond/sessiond/cmd/...'", what, name, places[0])
}
