package shim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/internal/crashpoint"
)

// Start starts a shim, which starts the child that spec describes, and returns
// when the child runs and its start record is on the disk. exe is the program to
// run as `exe shim DIR`; dir (0700) is made if it is missing, and belongs to this
// one child.
//
// Errors: ErrLocked, ErrStarted, *StartError (with an exit record in dir); any
// other means that the shim itself could not be started or died. If ctx ends
// first, the shim is let go, not stopped: Connect, ReadStart and ReadExit tell
// what became of it.
//
// The shim is this process's child, and is reaped when it ends, by its Client;
// once that is closed, by the next Client that Connect makes, or when this
// process ends.
func Start(ctx context.Context, exe, dir string, spec Spec) (*Client, Started, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, Started{}, fmt.Errorf("start the shim: %w", err)
	}
	if err := PrivateDir(dir); err != nil {
		return nil, Started{}, fmt.Errorf("start the shim: %w", err)
	}
	if err := writeSpec(dir, spec); err != nil {
		return nil, Started{}, fmt.Errorf("start the shim: %w", err)
	}
	conn, pid, err := launchShim(exe, dir)
	if err != nil {
		return nil, Started{}, errors.Join(fmt.Errorf("start the shim: %w", err), forgetSpec(dir))
	}
	crashpoint.Reach(crashpoint.LaunchForked)
	c, started, err := greet(ctx, conn, pid)
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, ErrGone):
		err = errors.Join(fmt.Errorf("start the shim: %w%s", err, lastWords(dir)), forgetSpec(dir))
	default:
		err = errors.Join(err, forgetSpec(dir))
	}
	return c, started, err
}

// forgetSpec removes the environment of a child that was not started. A shim
// that works on this directory has read it before it took its lock.
func forgetSpec(dir string) error {
	if err := os.Remove(filepath.Join(dir, launchName)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// launchShim starts the shim's process and returns the connection to it.
func launchShim(exe, dir string) (net.Conn, int, error) {
	conn, theirs, err := connPair()
	if err != nil {
		return nil, 0, err
	}
	defer theirs.Close()
	pid, err := startProcess(exe, dir, theirs)
	if err != nil {
		conn.Close()
		return nil, 0, err
	}
	return conn, pid, nil
}

func startProcess(exe, dir string, theirs *os.File) (int, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	log, err := openPrivate(filepath.Join(dir, LogName), os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	p, err := os.StartProcess(image(exe), []string{exe, "shim", dir}, &os.ProcAttr{
		Dir:   dir,
		Env:   shimEnv(),
		Files: []*os.File{null, null, log, theirs},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, err
	}
	pid := p.Pid
	return pid, p.Release() // the client reaps it
}

// image is the file to run for exe. Where exe is this very program, that is what
// runs here: an upgrade may have replaced its file since, or deleted it.
func image(exe string) string {
	if own, err := os.Executable(); err == nil && own == exe && runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	return exe
}

// shimEnv is the shim's environment: next to nothing, since it can be read for as
// long as the shim lives. A shim has little to do. What sets Go's own tools is
// handed on.
func shimEnv() []string {
	env := []string{"GOMAXPROCS=1", "GOGC=50"}
	for _, name := range []string{"GOCOVERDIR", "GORACE", "GOTRACEBACK"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, crashpoint.Environ()...)
}

// connPair is a connection and, for a child, the other end of it.
func connPair() (net.Conn, *os.File, error) {
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "shim"), os.NewFile(uintptr(fds[1]), "shim")
	defer ours.Close() // FileConn makes a copy
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// lastWords is the end of the shim's log, for the error of one that died.
func lastWords(dir string) string {
	log, err := os.Open(filepath.Join(dir, LogName))
	if err != nil {
		return ""
	}
	defer log.Close()
	if text := bytes.TrimSpace([]byte(stderrTail(log))); len(text) > 0 {
		return ": " + string(text)
	}
	return ""
}

// Connect reaches the shim of a directory, and waits until its child has been
// started. The error is ErrGone if no shim lives there. Several clients may be
// connected at a time.
func Connect(ctx context.Context, dir string) (*Client, error) {
	conn, err := dial(ctx, dir)
	if nobodyListens(err) {
		return nil, fmt.Errorf("connect to the shim: %w", ErrGone)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the shim: %w", err)
	}
	c, _, err := greet(ctx, conn, 0)
	if err != nil {
		return nil, fmt.Errorf("connect to the shim: %w", err)
	}
	return c, nil
}

// dialPatience bounds Listening; the system answers at once.
const dialPatience = time.Second

// Listening reports whether a shim lives in a directory, whether it answers or
// not.
func Listening(dir string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), dialPatience)
	defer cancel()
	conn, err := dial(ctx, dir)
	if err == nil {
		_ = conn.Close() // nothing was said
	}
	return !nobodyListens(err)
}

// nobodyListens reports whether dial's error says that no shim lives there.
func nobodyListens(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ECONNRESET)
}

// greet makes a client of a connection: it waits for the shim's hello. pid is
// the shim's if it is a child of this process for certain, else 0.
func greet(ctx context.Context, conn net.Conn, pid int) (*Client, Started, error) {
	c := newClient(conn, pid)
	var h hello
	select {
	case h = <-c.hello:
	case <-ctx.Done():
		return nil, Started{}, errors.Join(ctx.Err(), c.Close())
	case <-c.lost:
		select {
		case h = <-c.hello: // its last words
		default:
			c.wg.Wait()
			return nil, Started{}, errors.Join(ErrGone, c.Close())
		}
	}
	started, err := h.result()
	if err != nil {
		if pid != 0 {
			if _, strange := errors.AsType[*VersionError](err); strange {
				unix.Kill(pid, unix.SIGKILL) // nobody could end its child; this does
			}
			c.await(ctx)
		}
		return nil, Started{}, errors.Join(err, c.Close())
	}
	return c, started, nil
}
