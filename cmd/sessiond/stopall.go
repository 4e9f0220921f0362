package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sessiond/sessiond/daemon"
)

// stopAll is how `stop --all` leaves nothing behind: a session may be launched in
// the moment between the last look at the sessions and the daemon's end.
type stopAll struct {
	end        func() error         // ends all sessions
	stop       func() error         // stops the daemon
	unfinished func() (bool, error) // whether sessions are left, with no daemon
	live       func() []string      // those of them that have a process
}

func (a *app) stopAll(ctx context.Context, config daemon.Config, timeout time.Duration) stopAll {
	return stopAll{
		end:        func() error { return a.endAll(ctx, config, timeout) },
		stop:       func() error { return a.stop(ctx, config, timeout) },
		unfinished: func() (bool, error) { return daemon.Unfinished(ctx, config) },
		live:       func() []string { return daemon.LiveSessions(ctx, config) },
	}
}

// run ends and stops until nothing is left; once patience is over it says what is.
func (s stopAll) run(patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; {
		if err := s.end(); err != nil {
			return err
		}
		if err := s.stop(); err != nil {
			return err
		}
		left, err := s.unfinished()
		if err != nil || !left {
			return err
		}
		if time.Now().Before(deadline) {
			continue
		}
		if live := s.live(); len(live) > 0 {
			return fmt.Errorf("sessions are launched again and again, and %s on: %s; see who launches them, and stop again",
				goes(len(live)), strings.Join(live, ", "))
		}
		return fmt.Errorf("sessions are launched again and again, and some are queued for the next daemon; see who launches them, and stop again")
	}
}

func goes(n int) string {
	if n == 1 {
		return "one goes"
	}
	return fmt.Sprintf("%d go", n)
}
