package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// startPatience is how long a daemon may take to answer after it was started.
const startPatience = 30 * time.Second

// connect connects to a daemon that runs already.
func (a *app) connect(ctx context.Context, config daemon.Config) (*client.Client, error) {
	options := []client.Option{client.OnDisconnect(a.disconnected)}
	if n := int(config.MaxRequestBytes); n > 0 {
		options = append(options, client.MaxRequestBytes(n))
	}
	c, err := client.Dial(ctx, config.Socket, options...)
	switch {
	case err == nil || ctx.Err() != nil:
		return c, err
	case nobodyThere(err):
		err = &nobodyError{config.Socket, err}
	}
	return nil, &unreachableError{err}
}

// running connects a command to a daemon that runs already; it starts none.
func (a *app) running(cmd *cobra.Command) (*client.Client, error) {
	config, err := a.config(cmd)
	if err != nil {
		return nil, err
	}
	return a.connectRunning(cmd.Context(), config)
}

// connectRunning connects to a daemon that runs already. Where a service manager
// listens on the socket, a connection would start one: there the daemon's lock is
// asked first.
func (a *app) connectRunning(ctx context.Context, config daemon.Config) (*client.Client, error) {
	if a.activated(config) && daemon.Listening(config) == nil {
		return nil, &unreachableError{&nobodyError{config.Socket, fs.ErrNotExist}}
	}
	return a.connect(ctx, config)
}

// activated reports whether the socket is that of a service, which starts a daemon
// for whoever connects.
func (a *app) activated(config daemon.Config) bool {
	in, err := a.host().Installed()
	return err == nil && in.Activates && in.Serves(config.Socket, config.DaemonLog())
}

// activatedHint is what whoever stops the daemon of a service has to know.
const activatedHint = "its service starts one for the next that connects, such as a client that still follows; 'systemctl --user stop sessiond.socket' keeps it away"

// connectOrStart connects to the daemon, and starts one if none is there. One
// that is going down, whether told to or killed, may still take a connection:
// so it has to answer once, else it is tried again.
func (a *app) connectOrStart(ctx context.Context, config daemon.Config) (*client.Client, error) {
	patient, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("it takes too long"))
	defer cancel()
	for {
		c, err := a.connect(patient, config)
		if err == nil {
			_, err = c.ListSessions(patient, api.ListSessionsParams{Limit: new(1)})
			if err == nil {
				return c, nil
			}
			_ = c.Close()
		}
		switch {
		case nobodyThere(err):
			err = a.startOne(patient, config)
		case goingDown(err):
			err = pause(patient)
		}
		if err != nil && patient.Err() != nil && ctx.Err() == nil {
			err = &unreachableError{fmt.Errorf("the daemon does not answer: %w", context.Cause(patient))}
		}
		if err != nil {
			return nil, err
		}
	}
}

// startOne starts a daemon. Whoever does holds a lock, so that many calls at
// once start one; the others find it when they get the lock.
func (a *app) startOne(ctx context.Context, config daemon.Config) error {
	if err := daemon.MakeStateDir(config); err != nil {
		return &unreachableError{fmt.Errorf("%w; or choose another one with --state-dir or SESSIOND_STATE_DIR; 'sessiond doctor' tells more", err)}
	}
	lock := flock.New(filepath.Join(config.StateDir, "start.lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, pauseTime); err != nil {
		return err
	}
	defer lock.Close()
	if err := os.Chmod(lock.Path(), 0o600); err != nil { // whatever the umask
		return err
	}
	if c, err := a.connect(ctx, config); err == nil {
		return c.Close()
	}
	if a.startService(ctx, config) {
		return nil
	}
	err := a.startDaemon(ctx, config)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitSecondDaemon && a.waitForOther(ctx, config) {
		return nil // the daemon before was on its way down, or came up another way
	}
	return err
}

// startService has the service manager start the daemon, where a service is
// installed that has this socket and does not run. It tries once: where that does not
// help, a daemon of this command's own is the next best.
func (a *app) startService(ctx context.Context, config daemon.Config) bool {
	host := a.host()
	in, err := host.Installed()
	if a.tried || err != nil || !in.Serves(config.Socket, config.DaemonLog()) {
		return false
	}
	a.tried = true
	if err = host.Start(ctx); err == nil {
		err = a.waitForService(ctx, config)
	}
	if err != nil && ctx.Err() == nil {
		a.errs.printf("%s\n", a.errs.style(styleYellow, cleanLine("the service does not start, and a daemon is started without it ('sessiond service status' tells more): "+err.Error())))
		_ = a.errs.Flush()
	}
	return err == nil
}

// waitForService waits until a connection can be made.
func (a *app) waitForService(ctx context.Context, config daemon.Config) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errors.New("nobody listens on its socket"))
	defer cancel()
	err := poll(ctx, func() bool {
		c, err := a.connect(ctx, config)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	if err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// goingDown reports whether a daemon was there that is about to be gone.
func goingDown(err error) bool {
	return errors.Is(err, client.ErrDisconnected) || errors.Is(err, &api.Error{Reason: api.ReasonShuttingDown})
}

// nobodyError says that no daemon runs, without the system's words for it.
type nobodyError struct {
	socket string
	err    error
}

func (e *nobodyError) Error() string { return "no daemon is running: nobody answers on " + e.socket }
func (e *nobodyError) Unwrap() error { return e.err }

// nobodyThere reports whether a daemon would have to be started: there is no
// socket, or nobody behind it.
func nobodyThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOTDIR)
}

// waitForOther waits a while until the daemon that holds the lock is gone or
// answers, and reports whether trying again makes sense.
func (a *app) waitForOther(ctx context.Context, config daemon.Config) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return poll(ctx, func() bool {
		if daemon.Running(config) == nil {
			return true
		}
		c, err := a.connect(ctx, config)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}) == nil
}

// pauseTime is how long is waited before something is tried again.
const pauseTime = 50 * time.Millisecond

// poll calls f until it says true or the context ends.
func poll(ctx context.Context, f func() bool) error {
	for !f() {
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

func pause(ctx context.Context) error {
	t := time.NewTimer(pauseTime)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// startDaemon starts `sessiond serve` in a session of its own, and waits until
// it answers. It says so through a pipe that is its descriptor 3, and whose end
// closes if it dies.
func (a *app) startDaemon(ctx context.Context, config daemon.Config) error {
	if err := outsideSessions(a.env); err != nil {
		return fmt.Errorf("no daemon is running: %w", err)
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(config.DaemonLog(), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()

	cmd := exec.Command(exe, "serve", "--background") // #nosec G204 -- exe is this program
	cmd.Env = config.Environment(a.env)
	cmd.Dir = config.StateDir // not the caller's, which may want to go away
	cmd.Stderr = log          // what the runtime says at a crash
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		return fmt.Errorf("start a daemon: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err = bufio.NewReader(ready).ReadString('\n')
	if err == nil {
		return cmd.Process.Release()
	}
	if errors.Is(err, io.EOF) { // it is gone, or will be at once
		return daemonDied(cmd.Wait(), log, begin)
	}
	_ = cmd.Process.Release()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("wait for the daemon: %w", err)
}

// outsideSessions is an error within a session: a daemon that is started there
// descends from the session's shim, which at the end kills whatever the session
// has started, and so all that the daemon has.
func outsideSessions(env []string) error {
	if id := daemon.Within(env); id != "" {
		return &unreachableError{fmt.Errorf("one that is started from inside session %s would end with it, and all its sessions too; start it outside: sessiond serve", id)}
	}
	return nil
}

// daemonDied tells how a daemon ended that was just started, with what it wrote
// to its log.
func daemonDied(exit error, log *os.File, begin int64) error {
	if exit == nil {
		exit = errors.New("it was told to stop")
	}
	err := fmt.Errorf("the daemon does not come up: %w", exit)
	if tail := logTail(log, begin); tail != "" {
		err = fmt.Errorf("%w; the end of %s:\n%s", err, log.Name(), tail)
	}
	return &unreachableError{err}
}

// logTail returns the last lines that came behind begin.
func logTail(log *os.File, begin int64) string {
	fi, err := log.Stat()
	if err != nil || fi.Size() < begin { // the log has begun anew
		begin = 0
	}
	const most = 8 << 10
	if err == nil {
		begin = max(begin, fi.Size()-most)
	}
	b, err := io.ReadAll(io.NewSectionReader(log, begin, most))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// disconnected tells, once each time, that the daemon is gone while its events
// are followed.
func (a *app) disconnected(error) {
	if a.onLost != nil {
		a.onLost()
		return
	}
	if a.lost {
		return
	}
	a.lost = true
	a.errs.printf("%s\n", a.errs.style(styleYellow, "the daemon is gone; sessions go on, and so does this when it is back ('sessiond status' starts none, any other command does)"))
	_ = a.errs.Flush()
}
