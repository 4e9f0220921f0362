package claude

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Version is what a claude says of itself, "2.1.329" for example. What it
// cannot be read from counts as the newest that is known here.
type Version string

// firstModern is the version in which command_lifecycle and
// --system-prompt-snapshot were seen first; 2.1.197 has neither, and what lies
// between was not looked at.
var firstModern = [3]int{2, 1, 329}

var versionForm = regexp.MustCompile(`\b(\d+)\.(\d+)\.(\d+)\b`)

// HasLifecycle reports whether messages are acknowledged by command_lifecycle
// lines; older versions echo them when told to.
func (v Version) HasLifecycle() bool { return v.modern() }

// HasPromptSnapshot reports whether --system-prompt-snapshot is known.
func (v Version) HasPromptSnapshot() bool { return v.modern() }

func (v Version) modern() bool {
	m := versionForm.FindStringSubmatch(string(v))
	if m == nil {
		return true
	}
	for i, want := range firstModern {
		n, err := strconv.Atoi(m[i+1])
		if err != nil || n > want {
			return true
		}
		if n < want {
			return false
		}
	}
	return true
}

// ErrUnavailable says that there is no claude that can be run.
var ErrUnavailable = errors.New("no usable claude")

// InstallHint says how to get a claude.
const InstallHint = "install Claude Code (npm install -g @anthropic-ai/claude-code), or set SESSIOND_CLAUDE to the path of its program and restart the daemon (sessiond stop)"

// Find returns the absolute path of the program to run: configured, if that is
// set, else the claude that lies on path (a list as in $PATH). The error wraps
// ErrUnavailable and names what was looked at.
func Find(configured, path string) (string, error) {
	if configured != "" && strings.ContainsRune(configured, filepath.Separator) {
		abs, err := filepath.Abs(configured)
		if err == nil {
			err = runnable(abs)
		}
		if err != nil {
			return "", fmt.Errorf("%w: %s: %w", ErrUnavailable, configured, err)
		}
		return abs, nil
	}
	name := "claude"
	if configured != "" {
		name = configured
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue // a working directory is not a place to look for programs
		}
		if file := filepath.Join(dir, name); runnable(file) == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("%w: %q is not on PATH", ErrUnavailable, name)
}

func runnable(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return errors.Unwrap(err)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fs.ErrPermission
	default:
		return nil
	}
}

// Prober asks claudes for their version, and remembers the answer for as long
// as the file stays the same. The zero Prober is ready; it may be shared.
type Prober struct {
	mu    sync.Mutex
	known map[string]probe
}

type probe struct {
	modified time.Time
	size     int64
	version  Version
	err      error     // and when that was
	at       time.Time // it is believed for a while
}

// probeTimeout bounds how long a claude may take to say its version. It takes
// some 30 ms when warm.
const probeTimeout = 10 * time.Second

// probeAgain is how long a claude that could not say its version is not asked again.
const probeAgain = 30 * time.Second

// Version runs `file --version` with the given environment, unless the answer
// is known, and returns what it printed first. It blocks for as long.
func (p *Prober) Version(ctx context.Context, file string, env []string) (Version, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k, ok := p.known[file]
	if ok && k.modified.Equal(info.ModTime()) && k.size == info.Size() && (k.err == nil || time.Since(k.at) < probeAgain) {
		return k.version, k.err
	}
	k = probe{modified: info.ModTime(), size: info.Size(), at: time.Now()}
	if k.version, k.err = askVersion(ctx, file, env); ctx.Err() == nil {
		if p.known == nil {
			p.known = map[string]probe{}
		}
		p.known[file] = k
	}
	return k.version, k.err
}

func askVersion(ctx context.Context, file string, env []string) (Version, error) {
	ctx, done := withTicks(ctx, probeTimeout)
	defer done()
	said, out, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", file, err)
	}
	defer said.Close()
	defer out.Close()
	cmd := exec.CommandContext(ctx, file, "--version")
	cmd.Env, cmd.Stdout = env, out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w: %s --version: %w", ErrUnavailable, file, err)
	}
	text, err := whatIsThere(said)
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", file, err)
	}
	version, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	return Version(version), nil
}

// withTicks is context.WithTimeout, but that a machine that stands still does not count:
// it did so for the program as well. The caller calls done, which waits.
func withTicks(ctx context.Context, timeout time.Duration) (_ context.Context, done func()) {
	const ticks = 20
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(timeout / ticks)
		defer ticker.Stop()
		for range ticks { // those that nobody was there to take are dropped
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
		cancel()
	})
	return ctx, func() { cancel(); wg.Wait() }
}

// whatIsThere reads what a pipe holds. It does not wait for the pipe's end: what
// the program has left behind may hold it open, and so may one that is just being
// started.
func whatIsThere(pipe *os.File) (string, error) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return "", err
	}
	text, n := make([]byte, 4096), 0
	readErr := conn.Read(func(fd uintptr) bool {
		n, err = syscall.Read(int(fd), text)
		return true
	})
	if errors.Is(err, syscall.EAGAIN) {
		return "", readErr // it has said nothing
	}
	return string(text[:max(n, 0)]), errors.Join(err, readErr)
}
