package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
)

func newStop(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop the daemon; sessions go on",
		Long: `Stop the daemon and wait until it is gone. Sessions go on without it; the next
daemon takes them up. It is no error if none runs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := a.config(cmd)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return a.stop(ctx, config)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait")
	return cmd
}

// stop asks the daemon that answers on the socket who it is, tells that
// process to end, and waits until it has let go of its lock.
func (a *app) stop(ctx context.Context, config daemon.Config) error {
	c, err := a.connect(ctx, config)
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
	if h.PID <= 1 { // not a process of a daemon's, but whole groups of them
		return fmt.Errorf("the daemon names %d as its pid: not stopped", h.PID)
	}
	if err := syscall.Kill(h.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop the daemon (pid %d): %w", h.PID, err)
	}
	theirs := daemon.Config{StateDir: h.StateDir}
	if err := poll(ctx, func() bool { return daemon.Running(theirs) == nil }); err != nil {
		return fmt.Errorf("the daemon (pid %d) was told to stop and has not yet: %w", h.PID, err)
	}
	a.out.printf("stopped the daemon (pid %d)\n", h.PID)
	return nil
}
