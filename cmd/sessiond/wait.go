package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newWait(a *app) *cobra.Command {
	var (
		w       waiting
		timeout time.Duration
	)
	cmd := &cobra.Command{
		Use:   "wait SESSION...",
		Short: "Wait until sessions end, or need something",
		Long: `Wait until sessions have ended, and print each when it has. The exit code tells how:

  0  all of them completed
  4  one failed, or more
  5  one was interrupted, and none failed
  3  one is not there, or was deleted meanwhile
  8  --timeout is over

With --for approval, message or input, wait until a session asks whether it may do
something, waits for a message, or one of both. It is 9 then if a session completed
before. A session that is as it should be is not waited for. When the daemon goes
away, the waiting goes on when it is back.`,
		Example: `  sessiond wait 01a1fc81-309b && echo done
  sessiond wait --timeout 30m $(sessiond list --tag nightly --fields id)
  sessiond wait --for message 01a1fc81 && sessiond send 01a1fc81 "and the tests?"`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIDs,
	}
	goal := ""
	cmd.Flags().StringVar(&goal, "for", string(goalFinal), "`what`: final, approval, message, or input (approval or message)")
	cmd.Flags().BoolVar(&w.any, "any", false, "only until the first of them is there")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "at most so long, such as 90s or 2h (default: for ever)")
	a.jsonFlag(cmd, "print each session as a line of JSON")
	a.completeFlag(cmd, "for", cobra.FixedCompletions(goals, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if w.goal = waitGoal(goal); !slices.Contains(goals, goal) {
			return usagef("--for %s: it is one of %s", goal, strings.Join(goals, ", "))
		}
		if cmd.Flags().Changed("timeout") && timeout <= 0 {
			return usagef("--timeout: must be more than 0")
		}
		return a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			ids, err := resolveAll(ctx, c, args)
			if err != nil {
				return err
			}
			w.app, w.client, w.report = a, c, a.printWaited
			return w.run(ctx, ids, timeout)
		})(cmd, args)
	}
	return cmd
}

// waitGoal is what is waited for.
type waitGoal string

const (
	goalFinal    waitGoal = "final"
	goalApproval waitGoal = "approval"
	goalMessage  waitGoal = "message"
	goalInput    waitGoal = "input" // an approval or a message
)

var goals = []string{string(goalFinal), string(goalApproval), string(goalMessage), string(goalInput)}

// reached reports whether s is waited for no more: for it is there, or never will be.
func (g waitGoal) reached(s api.Session) bool {
	return s.Status.Final() || g.needs(s)
}

// needs reports whether s waits for what the goal is.
func (g waitGoal) needs(s api.Session) bool {
	return s.Status == api.StatusWaitingInput && (g == goalInput || string(g) == string(s.WaitingFor))
}

// waiting is a wait for sessions.
type waiting struct {
	*app
	client *client.Client
	goal   waitGoal
	any    bool                    // one is enough
	report func(api.Session) error // is told of each that is there

	left map[string]bool // ids
	came []api.Session
}

// errTimedOut is the cause of a context whose time was bounded by --timeout.
var errTimedOut = errors.New("the time is over")

// run waits for sessions; 0 is no timeout. Its error carries the exit code.
func (w *waiting) run(ctx context.Context, ids []string, timeout time.Duration) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errTimedOut)
		defer cancel()
	}
	w.left = map[string]bool{}
	for _, id := range ids {
		w.left[id] = true
	}
	err := w.wait(ctx, ids)
	var late interface{ Timeout() bool } // a connection may be out of time before its context is
	if err != nil && timeout > 0 && (errors.Is(context.Cause(ctx), errTimedOut) || errors.As(err, &late) && late.Timeout()) {
		return &timeoutError{after: timeout, ids: slices.DeleteFunc(ids, func(id string) bool { return !w.left[id] })}
	}
	if err != nil {
		return err
	}
	return w.outcome()
}

// timeoutError says which sessions were waited for in vain.
type timeoutError struct {
	after time.Duration
	ids   []string
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("not within %s, and they go on: %s", e.after, strings.Join(e.ids, ", "))
}

// wait looks at the sessions, and again at those of which events tell something,
// until there is nothing to wait for. What it missed it sees when it looks.
func (w *waiting) wait(ctx context.Context, ids []string) error {
	for {
		var h api.Health
		err := patiently(ctx, func() (err error) { h, err = w.client.Health(ctx); return err })
		for _, id := range ids {
			if err == nil && w.left[id] && !w.over() {
				err = w.look(ctx, id)
			}
		}
		if err != nil || w.over() {
			return err
		}
		err = w.follow(ctx, h.Events.HeadSeq)
		if !errors.Is(err, &api.Error{Reason: api.ReasonCursorExpired}) { // a backup was restored: begin anew
			return err
		}
	}
}

func (w *waiting) over() bool { return len(w.left) == 0 || w.any && len(w.came) > 0 }

func (w *waiting) follow(ctx context.Context, seq int64) error {
	p := api.SubscribeParams{AfterSeq: &seq, EventTypes: []api.EventType{api.EventSessionStatusChanged, api.EventSessionDeleted}}
	if len(w.left) == 1 {
		for p.SessionID = range w.left {
		}
	}
	for ev, err := range w.client.Events(ctx, p) {
		if err != nil {
			return err
		}
		w.lost = false
		if !w.left[ev.SessionID] {
			continue
		}
		if err := w.look(ctx, ev.SessionID); err != nil || w.over() {
			return err
		}
	}
	return ctx.Err()
}

// look sees how a session is, and reports it if it is waited for no more.
func (w *waiting) look(ctx context.Context, id string) error {
	r, err := finalState(ctx, w.client, id)
	if err != nil || !w.goal.reached(r.Session) {
		return err
	}
	delete(w.left, id)
	w.came = append(w.came, r.Session)
	return w.report(r.Session)
}

// outcome is the exit code: the worst that has become of a session.
func (w *waiting) outcome() error {
	for _, code := range []int{exitFailed, exitInterrupted, exitEnded} {
		for _, s := range w.came {
			if w.exitCodeOf(s) == code {
				return &silentError{code}
			}
		}
	}
	return nil
}

func (w *waiting) exitCodeOf(s api.Session) int {
	switch {
	case s.Status == api.StatusFailed:
		return exitFailed
	case s.Status == api.StatusInterrupted:
		return exitInterrupted
	case w.goal != goalFinal && s.Status.Final():
		return exitEnded
	}
	return exitOK
}

// printWaited prints a session that is waited for no more.
func (a *app) printWaited(s api.Session) error {
	if a.json {
		if err := a.out.line(s); err != nil {
			return err
		}
		return a.out.Flush()
	}
	a.out.printf("%s  %s  %s\n", cleanLine(s.ID), a.out.style(statusStyle(s.Status), statusText(s)), a.fit(name(s)))
	return a.out.Flush()
}

// fit shortens one-line text for the end of a line that begins with an id.
func (a *app) fit(s string) string {
	if a.out.width == 0 {
		return cut(s, 160)
	}
	return cut(s, max(a.out.width-idLength-20, 16))
}
