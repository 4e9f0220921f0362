package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func TestErrorsHaveTheirExitCodes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("any"), exitError},
		{api.InvalidState(api.StatusRunning, "hint", "no"), exitError},
		{usagef("wrong"), exitUsage},
		{&daemon.ConfigError{Source: "s", Err: errors.New("bad")}, exitUsage},
		{api.InvalidParams("field", "bad"), exitUsage},
		{fmt.Errorf("wrapped: %w", api.NotFound(api.ReasonSessionNotFound, "x")), exitNotFound},
		{exitCodeOfSession(api.StatusFailed), exitFailed},
		{exitCodeOfSession(api.StatusInterrupted), exitInterrupted},
		{exitCodeOfSession(api.StatusCompleted), exitOK},
		{&unreachableError{errors.New("gone")}, exitUnreachable},
		{fmt.Errorf("%w: EOF", client.ErrDisconnected), exitUnreachable},
		{&daemon.RunningError{What: "socket"}, exitSecondDaemon},
		{fmt.Errorf("stopped: %w", context.Canceled), exitStopped},
	} {
		if got := exitCode(tc.err); got != tc.want {
			t.Errorf("%v: exit code %d, want %d", tc.err, got, tc.want)
		}
	}
	for code := range exitSecondDaemon + 1 {
		if !strings.Contains(exitCodesHelp(), fmt.Sprintf("  %3d  ", code)) {
			t.Errorf("exit code %d is not documented", code)
		}
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	t.Parallel()
	var check func(*cobra.Command)
	check = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no description", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	a := &app{out: newPrinter(&bytes.Buffer{}, nil), settings: map[string]*pflag.Flag{}}
	check(newRoot(a))
}
