package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// The exit codes; exitCodes says what they mean.
const (
	exitOK           = 0
	exitError        = 1
	exitUsage        = 2
	exitNotFound     = 3
	exitFailed       = 4
	exitInterrupted  = 5
	exitUnreachable  = 6
	exitSecondDaemon = 7
	exitTimeout      = 8
	exitEnded        = 9
	exitExpired      = 10
	exitStopped      = 130
)

var exitCodes = []struct {
	code    int
	meaning string
}{
	{exitOK, "done; a session that was followed or waited for completed"},
	{exitError, "an error that none of the others describes"},
	{exitUsage, "wrong use: an unknown flag, a bad value, a bad configuration"},
	{exitNotFound, "no such session, approval, message or job"},
	{exitFailed, "the session that was followed or waited for failed"},
	{exitInterrupted, "the session that was followed or waited for was interrupted"},
	{exitUnreachable, "the daemon cannot be reached or started"},
	{exitSecondDaemon, "another daemon has the state directory or the socket"},
	{exitTimeout, "--timeout is over, and what was waited for has not come"},
	{exitEnded, "'wait --for': the session completed before"},
	{exitExpired, "the log has lost what came behind --after, to a backup that was restored: read anew"},
	{exitStopped, "stopped by Ctrl-C or SIGTERM; a session that was followed goes on"},
}

// exitCodesHelp is the table for `sessiond help exit-codes`.
func exitCodesHelp() string {
	var b strings.Builder
	b.WriteString("Exit codes of sessiond:\n\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "  %3d  %s\n", e.code, e.meaning)
	}
	return b.String()
}

// usageError is a mistake of whoever called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// unreachableError says that no daemon answers.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// silentError is an exit code about which everything has been said.
type silentError struct{ code int }

func (e *silentError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitCode maps errors to exit codes, in this one place.
func exitCode(err error) int {
	var (
		silent      *silentError
		usage       *usageError
		config      *daemon.ConfigError
		running     *daemon.RunningError
		unreachable *unreachableError
		answered    *api.Error
		timeout     *timeoutError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &silent):
		return silent.code
	case errors.As(err, &timeout):
		return exitTimeout
	case errors.As(err, &usage), errors.As(err, &config):
		return exitUsage
	case errors.As(err, &running):
		return exitSecondDaemon
	case errors.As(err, &unreachable), errors.Is(err, client.ErrDisconnected):
		return exitUnreachable
	case errors.As(err, &answered):
		return exitCodeOf(answered.Reason)
	case errors.Is(err, context.Canceled):
		return exitStopped
	}
	return exitError
}

func exitCodeOf(reason api.Reason) int {
	switch reason {
	case api.ReasonSessionNotFound, api.ReasonApprovalNotFound, api.ReasonMessageNotFound, api.ReasonSubscriptionNotFound, api.ReasonJobNotFound:
		return exitNotFound
	case api.ReasonInvalidParams, api.ReasonMethodNotFound, api.ReasonInvalidRequest:
		return exitUsage
	case api.ReasonShuttingDown:
		return exitUnreachable
	case api.ReasonCursorExpired:
		return exitExpired
	}
	return exitError
}

// exitCodeOfSession is that of following a session to its end.
func exitCodeOfSession(s api.Status) error {
	switch s {
	case api.StatusFailed:
		return &silentError{exitFailed}
	case api.StatusInterrupted:
		return &silentError{exitInterrupted}
	}
	return nil
}
