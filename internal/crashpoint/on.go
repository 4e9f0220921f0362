//go:build crashpoints

package crashpoint

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Enabled tells whether Reach does anything in this build.
const Enabled = true

const (
	atVariable    = "SESSIOND_CRASH_AT"
	countVariable = "SESSIOND_CRASH_COUNT"
)

var (
	target  Point // "" for none
	times   = int64(1)
	counter atomic.Int64
	file    string
	environ []string
)

// init takes the variables out of the environment: a child that gets the
// daemon's environment shall not have them.
func init() {
	at := os.Getenv(atVariable)
	if at == "" {
		return
	}
	file = os.Getenv(countVariable)
	environ = []string{atVariable + "=" + at, countVariable + "=" + file}
	name, n, counted := strings.Cut(at, ":")
	target = Point(name)
	var err error
	if counted {
		times, err = strconv.ParseInt(n, 10, 64)
	}
	if err != nil || !slices.Contains(All, target) {
		fmt.Fprintf(os.Stderr, "%s: there is no crash point %q\n", atVariable, at)
		os.Exit(2)
	}
	if err := errors.Join(os.Unsetenv(atVariable), os.Unsetenv(countVariable)); err != nil {
		panic(err)
	}
}

// Environ is what a shim needs in its environment to know the point.
func Environ() []string { return environ }

// Reach kills the process if this is the point that it was given, and the time.
func Reach(p Point) {
	if p != target || count() != times {
		return
	}
	fmt.Fprintf(os.Stderr, "crash point %s reached\n", p)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // nothing can be done about an error
	select {}
}

// count counts one more time, and returns how many there have been.
func count() int64 {
	if file == "" {
		return counter.Add(1)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := f.WriteString("."); err != nil {
		panic(err)
	}
	here, err := f.Seek(0, 1) // behind what was just appended, whoever else appends
	if err != nil {
		panic(err)
	}
	return here
}
