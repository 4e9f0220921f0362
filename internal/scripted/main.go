package scripted

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/internal/claudecli"
)

// RunIfClaude becomes the scripted claude, and does not return, if this process
// was started under its name. TestMain calls it before anything else.
func RunIfClaude() {
	name := filepath.Base(os.Args[0])
	version, versioned := strings.CutPrefix(name, "claude-")
	if !versioned {
		version = claudecli.Pinned
	}
	if versioned || name == "claude" {
		// Not os.Exit: under the race detector it sleeps for a second first.
		syscall.Exit(Main(version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
}

// Install puts a scripted claude of the pinned version into dir, and returns its
// path. It is this test binary, whose TestMain must call RunIfClaude.
func Install(t testing.TB, dir string) string {
	t.Helper()
	return link(t, filepath.Join(dir, "claude"))
}

// InstallVersion is Install for a given version.
func InstallVersion(t testing.TB, dir, version string) string {
	t.Helper()
	return link(t, filepath.Join(dir, "claude-"+version))
}

func link(t testing.TB, path string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// Main is a whole process: a claude of the given version with these arguments.
// It returns the exit code, and leaves its goroutines to the end of the process.
func Main(version string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-v") {
		_, _ = fmt.Fprintln(stdout, version+" (Claude Code)")
		return 0
	}
	uuid.EnableRandPool()
	syscall.CloseOnExec(3) // like the real one, it hands none of its descriptors on
	f := flavourOf(version)
	opts, err := parse(f, args)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 1
	}
	e, err := newEngine(f, opts, args, stdout, stderr)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		if e != nil { // the real one prints a result too where a conversation cannot be resumed
			e.printRefusal(err)
		}
		return 1
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT) // before anything is heard of this process
	go e.heed(signals)
	done := make(chan int, 1)
	go func() { done <- e.run() }()
	go e.read(stdin)
	select {
	case code := <-done:
		e.out.stop()
		return code
	case code := <-e.quit:
		e.out.stop()
		return code
	}
}

// heed does what signals say: SIGTERM ends the process at once, SIGINT
// interrupts the turn and ends it then.
func (e *engine) heed(signals <-chan os.Signal) {
	for s := range signals {
		if e.isDeaf() {
			continue
		}
		if s == syscall.SIGTERM {
			e.leave(128 + int(syscall.SIGTERM))
			continue
		}
		e.mu.Lock()
		e.ending = endBySignal
		e.abortLocked(errInterrupted)
		e.mu.Unlock()
	}
}

// leave ends the process, whatever it is doing.
func (e *engine) leave(code int) {
	select {
	case e.quit <- code:
	default: // it is leaving already
	}
}
