package hook

import (
	"errors"
	"io"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

const (
	// DefaultPatience is how long the command may take.
	DefaultPatience = 30 * time.Millisecond
	// lookingShare is how much of that may go to the search for what is private; the
	// rest is for writing.
	lookingShare = 0.6
	// MaxInput is how much of its input is kept: there is room for the answer of any
	// tool but a few, of which the beginning says what it was.
	MaxInput = 16 << 20
	// maxMemory is what the command may take before it collects what it has left.
	maxMemory = 256 << 20
)

// Variables that mark a claude whose hooks say nothing new: a session's that the
// daemon has launched, whose lines it reads itself, and a summariser's.
const (
	sessionVariable    = "SESSIOND_SESSION_ID"
	summariserVariable = "SESSIOND_SUMMARIZER"
)

// Main is `sessiond hook [--state-dir=DIR] [--patience=DURATION]`. Its exit code is 0
// whatever happens: another one would be Claude Code's user's problem. It is no part
// of the command line proper, because that takes milliseconds to set up.
func Main(args []string, stdin io.Reader, getenv func(string) string) int {
	called := time.Now()
	if getenv(sessionVariable) != "" || getenv(summariserVariable) == "1" {
		return 0
	}
	dir, patience, err := options(args, getenv)
	if err != nil {
		return 0
	}
	debug.SetGCPercent(-1) // it is gone before it has much to collect, and has no time to
	debug.SetMemoryLimit(maxMemory)
	done := make(chan struct{})
	go func() { // ends with the process, if need be: whatever it waits for may hang
		defer close(done)
		_ = spool(dir, called, called.Add(time.Duration(lookingShare*float64(patience))), stdin, getenv)
	}()
	select {
	case <-done:
	case <-time.After(patience - time.Since(called)):
	}
	return 0
}

// spool reads the input to its end, and leaves it without what is private.
func spool(dir string, called, until time.Time, stdin io.Reader, getenv func(string) string) error {
	input, err := io.ReadAll(io.LimitReader(stdin, MaxInput+1))
	if err != nil {
		return err
	}
	r := Record{Time: called, Input: input}
	if len(input) > MaxInput {
		r.Input, r.Cut = input[:MaxInput], true
	}
	if len(strings.TrimSpace(string(input[:min(len(input), 64)]))) == 0 {
		return errors.New("there is no input")
	}
	r.Input, r.Withheld = without(Dir(dir), r.Input, until)
	r.PID, r.Began = claudeProcess(getenv("CLAUDE_PID"))
	return Put(Dir(dir), r)
}

// claudeProcess finds the process that called the command: by what it says (2.1.329), else
// the parent, or the parent's where that is the shell between them.
func claudeProcess(said string) (pid int, began uint64) {
	pid, err := strconv.Atoi(said)
	if err != nil || pid <= 1 {
		pid = caller()
	}
	if began = beginning(pid); began == 0 {
		return 0, 0
	}
	return pid, began
}

// options reads the arguments. The state directory is that of the environment where
// none is given; the configuration file is not read.
func options(args []string, getenv func(string) string) (dir string, patience time.Duration, err error) {
	patience = DefaultPatience
	for _, arg := range args {
		if v, ok := strings.CutPrefix(arg, "--state-dir="); ok {
			dir = v
		} else if v, ok := strings.CutPrefix(arg, "--patience="); ok {
			if patience, err = time.ParseDuration(v); err != nil {
				return "", 0, err
			}
		} else {
			return "", 0, errors.New("unknown argument " + arg)
		}
	}
	if dir == "" {
		dir = getenv("SESSIOND_STATE_DIR")
	}
	if base := getenv("XDG_STATE_HOME"); dir == "" && filepath.IsAbs(base) {
		dir = filepath.Join(base, "sessiond")
	}
	if home := getenv("HOME"); dir == "" && filepath.IsAbs(home) {
		dir = filepath.Join(home, ".local/state/sessiond")
	}
	if !filepath.IsAbs(dir) {
		return "", 0, errors.New("no state directory is known")
	}
	return dir, patience, nil
}
