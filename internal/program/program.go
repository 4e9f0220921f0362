// Package program writes programs that tests run.
package program

import (
	"os"
	"syscall"
	"testing"
)

// Write writes a program that can be run at once. No process that another
// goroutine is starting meanwhile holds it open: while one did, to run it would
// fail with "text file busy".
func Write(t testing.TB, path, content string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
}
