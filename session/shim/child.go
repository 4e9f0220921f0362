package shim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/internal/crashpoint"
)

// tailSize bounds Exit.StderrTail.
const tailSize = 8 << 10

// child is the process that the shim holds, with the shim's ends of its files.
type child struct {
	disk    disk
	started Started
	stdin   *os.File // the writing end of the pipe
	journal *os.File
	stderr  *os.File

	mu     sync.Mutex
	reaped bool // its pid means nothing any more
}

// startChild starts what the spec says, and returns when the start record is on
// the disk. lock is handed on to the child.
func startChild(spec Spec, lock *os.File, d disk) (*child, error) {
	if !filepath.IsAbs(spec.Path) {
		return nil, &StartError{Text: fmt.Sprintf("cannot start %s: the path is not absolute", spec.Path)}
	}
	if err := checkDir(spec.Dir); err != nil {
		return nil, err
	}
	c := &child{disk: d}
	in, err := c.openFiles()
	if err != nil {
		return nil, errors.Join(err, c.closeFiles())
	}
	defer in.Close()
	if err := becomeSubreaper(); err != nil {
		return nil, errors.Join(err, c.closeFiles())
	}
	pid, err := launchProcess(spec, in, c.journal, c.stderr, lock)
	if err != nil {
		return nil, errors.Join(err, c.closeFiles())
	}
	crashpoint.Reach(crashpoint.ShimChildStarted)
	c.started = Started{PID: pid, StartTime: startTime(pid), BootID: bootID(), ShimPID: os.Getpid(), StartedAt: time.Now().UTC()}
	if err := writeRecord(".", startName, c.started); err != nil {
		// Nobody would know that it ran: it must not.
		unix.Kill(-pid, unix.SIGKILL)
		c.wait()
		killDescendants(killPatience)
		return nil, errors.Join(err, c.closeFiles())
	}
	return c, nil
}

func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = unix.ENOTDIR
	}
	if err == nil {
		return nil
	}
	errno, _ := errors.AsType[unix.Errno](err)
	return &StartError{Text: fmt.Sprintf("cannot start in the working directory %s: %v", dir, errno), Errno: errno}
}

// openFiles opens the child's journal, with room kept behind it, its standard
// error and its input, whose reading end it returns.
func (c *child) openFiles() (in *os.File, err error) {
	if c.journal, err = c.disk.open(JournalName, os.O_WRONLY|os.O_APPEND); err != nil {
		return nil, err
	}
	if c.stderr, err = c.disk.open(StderrName, os.O_RDWR|os.O_APPEND); err != nil {
		return nil, err
	}
	if err = keepRoom(c.disk, c.journal); err != nil {
		return nil, fmt.Errorf("cannot keep %d MiB of room for the journal: %w", Reserve>>20, err)
	}
	if in, c.stdin, err = os.Pipe(); err != nil {
		return nil, err
	}
	growPipe(c.stdin)
	return in, nil
}

// closeFiles closes what openFiles opened; what it kept allocated for a child
// that never ran goes back.
func (c *child) closeFiles() error {
	var errs []error
	if c.journal != nil {
		if size, err := fileSize(c.journal); err == nil {
			errs = append(errs, c.journal.Truncate(size))
		}
	}
	for _, f := range []*os.File{c.stdin, c.journal, c.stderr} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// launchProcess starts the program with the four files as descriptors 0 to 3.
func launchProcess(spec Spec, files ...*os.File) (pid int, err error) {
	env := spec.Env
	if env == nil {
		env = []string{} // nil would mean the shim's own
	}
	p, err := os.StartProcess(spec.Path, append([]string{spec.Path}, spec.Args...), &os.ProcAttr{
		Dir: spec.Dir, Env: env, Files: files,
		Sys: &unix.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return 0, programError(spec.Path, err)
	}
	pid = p.Pid
	return pid, p.Release() // child.wait reaps it
}

// programError says what is wrong with a program that cannot be run.
func programError(path string, err error) error {
	errno, ok := errors.AsType[unix.Errno](err)
	if !ok {
		return &StartError{Text: fmt.Sprintf("cannot start %s: %v", path, err)}
	}
	text := fmt.Sprintf("cannot start %s: %v", path, errno)
	if errno == unix.ENOENT {
		if _, err := os.Stat(path); err == nil {
			text = fmt.Sprintf("cannot start %s: its interpreter is missing", path)
		}
	}
	return &StartError{Text: text, Errno: errno}
}

// signal sends a signal to the child's process group. The error is ErrExited if
// there is none any more.
func (c *child) signal(sig unix.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped {
		return ErrExited
	}
	err := unix.Kill(-c.started.PID, sig)
	if errors.Is(err, unix.ESRCH) {
		return ErrExited
	}
	return err
}

// kill sends SIGKILL to the child and to every descendant there is right now;
// what they start meanwhile is killed when the child has exited.
func (c *child) kill() error {
	err := c.signal(unix.SIGKILL)
	signalDescendants(os.Getpid(), unix.SIGKILL)
	return err
}

func (c *child) exited() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reaped
}

// stderrTail is the end of what the child printed on standard error.
func stderrTail(f *os.File) string {
	size, err := fileSize(f)
	if err != nil {
		return ""
	}
	from := max(0, size-tailSize)
	tail, err := io.ReadAll(io.NewSectionReader(f, from, size-from))
	if err != nil {
		return ""
	}
	if from > 0 { // begin with a whole line, if there is one
		if _, rest, found := bytes.Cut(tail, []byte("\n")); found && len(rest) > 0 {
			tail = rest
		}
	}
	return strings.ToValidUTF8(string(tail), "\uFFFD")
}

func fileSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
