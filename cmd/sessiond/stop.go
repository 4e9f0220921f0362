package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newStop(a *app) *cobra.Command {
	var timeout time.Duration
	var all bool
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop the daemon; sessions go on, unless --all",
		Long: `Stop the daemon and wait until it is gone. Sessions go on without it; the next
daemon takes them up. It is no error if none runs.

With --all, end all sessions first, those that are queued and those that are
launched meanwhile too. What has not ended by the time of --timeout is killed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout <= 0 {
				return usagef("--timeout: must be more than 0")
			}
			config, err := a.config(cmd)
			if err != nil {
				return err
			}
			if all {
				return a.stopAll(cmd.Context(), config, timeout).run(timeout)
			}
			return a.stop(cmd.Context(), config, timeout)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "end all sessions first")
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait for the daemon; with --all, how long sessions may take before they are killed")
	return cmd
}

// stop asks the daemon that answers on the socket who it is, tells that
// process to end, and waits until it has let go of its lock.
func (a *app) stop(ctx context.Context, config daemon.Config, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not within %v", timeout))
	defer cancel()
	c, err := a.connectRunning(ctx, config)
	if err != nil {
		if running := daemon.Running(config); running != nil {
			return &unreachableError{fmt.Errorf("%w, but it does not answer: %w", running, err)}
		}
		if nobodyThere(err) {
			a.out.printf("no daemon is running\n")
			return nil
		}
		return err
	}
	defer c.Close()
	h, err := c.Health(ctx)
	if err != nil {
		return err
	}
	if err := checkPID(ctx, c, h.PID); err != nil {
		return err
	}
	if err := syscall.Kill(h.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop the daemon (pid %d): %w", h.PID, err)
	}
	theirs := daemon.Config{StateDir: h.StateDir}
	if err := poll(ctx, func() bool { return daemon.Running(theirs) == nil }); err != nil {
		if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
			err = cause
		}
		return fmt.Errorf("the daemon (pid %d) was told to stop and has not: %w; its log says what it does ('sessiond doctor' says where that is)", h.PID, err)
	}
	a.out.printf("stopped the daemon (pid %d)%s\n", h.PID, goOnText(h.Sessions))
	if a.activated(config) {
		a.out.printf("%s\n", activatedHint)
	}
	return nil
}

// checkPID makes sure that the pid which a daemon names is its own here: in
// another pid namespace (a container's) it is that of some other process.
func checkPID(ctx context.Context, c *client.Client, named int) error {
	if named <= 1 { // not a process of a daemon's, but whole groups of them
		return fmt.Errorf("the daemon names %d as its pid: not stopped", named)
	}
	seen, err := c.PeerPID(ctx)
	if err != nil {
		return err
	}
	if seen == named {
		return nil
	}
	text := fmt.Sprintf("but here it is %d", seen)
	if seen == 0 {
		text = "but cannot be seen from here"
	}
	return fmt.Errorf("the daemon names %d as its pid, %s: it runs in another pid namespace (a container?), or is not who it says; "+
		"not stopped; run 'sessiond stop' where the daemon runs", named, text)
}

// goOnText says how many sessions go on without a daemon.
func goOnText(counts map[api.Status]int) string {
	live, queued := 0, counts[api.StatusQueued]
	for status, n := range counts {
		if !status.Final() && status != api.StatusQueued {
			live += n
		}
	}
	text := ""
	if live > 0 {
		verb := "go"
		if live == 1 {
			verb = "goes"
		}
		text = fmt.Sprintf("; %s %s on, and the next daemon takes them up", counted(live, "session"), verb)
	}
	if queued > 0 {
		text += fmt.Sprintf("; %d queued, until the next daemon", queued)
	}
	return text
}

// How --all waits.
const (
	endPoll = 200 * time.Millisecond
	// killPatience is how long sessions may take that are being killed. A process
	// that the kernel cannot end takes longer.
	killPatience = 20 * time.Second
)

// endAll ends every session, also those that are launched meanwhile.
func (a *app) endAll(ctx context.Context, config daemon.Config, timeout time.Duration) error {
	c, err := a.connectRunning(ctx, config)
	if nobodyThere(err) {
		unfinished := true
		if daemon.Running(config) == nil {
			if unfinished, err = daemon.Unfinished(ctx, config); err != nil {
				return err
			}
		}
		if !unfinished {
			return nil // stop says so
		}
		c, err = a.connectOrStart(ctx, config) // there are sessions, and it takes a daemon to end them well
	}
	if err != nil {
		return err
	}
	defer c.Close()
	e := ending{app: a, client: c, asked: map[string]bool{}, forced: map[string]bool{}, bar: a.newProgress()}
	defer e.bar.end()
	e.bar.step("ending sessions", "")
	left, err := e.wait(ctx, timeout, false)
	if err == nil && len(left) > 0 {
		left, err = e.wait(ctx, killPatience, true)
	}
	e.bar.end()
	if err != nil {
		return err
	}
	e.report(left)
	if len(left) > 0 {
		return fmt.Errorf("%s did not end, and the daemon was not stopped", counted(len(left), "session"))
	}
	return nil
}

// ending is the end of all sessions.
type ending struct {
	*app
	client        *client.Client
	asked, forced map[string]bool // by id
	bar           *progress
}

// wait asks every session to end that is there or comes, until none is left or
// the time is over; it returns those that are left.
func (e *ending) wait(ctx context.Context, patience time.Duration, force bool) (left []string, err error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		if left, err = e.live(ctx); err != nil || len(left) == 0 {
			return nil, err
		}
		for _, id := range left {
			if err := e.end(ctx, id, force); err != nil {
				return left, err
			}
		}
		e.bar.remark("%s left", counted(len(left), "session"))
		select {
		case <-time.After(endPoll):
		case <-timer.C:
			return left, nil
		case <-ctx.Done():
			return left, ctx.Err()
		}
	}
}

// live lists the sessions that are not final, but for those of terminals: their
// processes are not the daemon's.
func (e *ending) live(ctx context.Context) (ids []string, err error) {
	var lists []api.ListSessionsParams
	for _, p := range bothKinds {
		for _, s := range api.Statuses {
			if !s.Final() {
				p.Status = append(p.Status, s)
			}
		}
		lists = append(lists, p)
	}
	err = eachSession(ctx, e.client, lists, func(s api.Session) bool {
		if s.Origin != api.OriginExternal {
			ids = append(ids, s.ID)
		}
		return true
	})
	return ids, err
}

// end asks one session to end, once gently and once not.
func (e *ending) end(ctx context.Context, id string, force bool) error {
	if e.forced[id] || e.asked[id] && !force {
		return nil
	}
	_, err := e.client.EndSession(ctx, api.EndSessionParams{SessionID: id, Force: force})
	if errors.Is(err, &api.Error{Reason: api.ReasonInvalidState}) || errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}) {
		return nil // it has ended meanwhile
	}
	e.asked[id] = true
	if force {
		e.forced[id] = true
	}
	return err
}

// report says what was ended, and how.
func (e *ending) report(left []string) {
	for _, id := range left {
		delete(e.asked, id)
		e.errs.printf("%s  %s\n", cleanLine(id), e.errs.style(styleRed, "has not ended"))
	}
	_ = e.errs.Flush()
	text := fmt.Sprintf("ended %s", counted(len(e.asked), "session"))
	killed := 0
	for id := range e.forced {
		if e.asked[id] {
			killed++
		}
	}
	if killed > 0 {
		text += fmt.Sprintf(", %d of them by force", killed)
	}
	e.out.printf("%s\n", text)
}
