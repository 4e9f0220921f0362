package main

import (
	"context"
	"errors"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// waited is what `launch --wait --json` prints.
type waited struct {
	Status  api.Status  `json:"status"`
	Result  string      `json:"result"`
	Session api.Session `json:"session"`
}

// waitForResult waits until a session has ended, or waits for a message, and prints
// the text of its last result. Where --timeout is over, the object for programs says
// how it is then.
func (a *app) waitForResult(ctx context.Context, c *client.Client, id string, timeout time.Duration) error {
	w := waiting{app: a, client: c, goal: goalMessage, report: a.printResult}
	if !a.json && a.errs.terminal {
		a.errs.printf("%s\n", a.errs.style(styleDim, "session "+cleanLine(id)))
		_ = a.errs.Flush()
	}
	err := w.run(ctx, []string{id}, timeout)
	var late *timeoutError
	if errors.As(err, &late) && a.json {
		r, readErr := c.GetSessionState(ctx, api.SessionParams{SessionID: id})
		if readErr != nil {
			return errors.Join(err, readErr)
		}
		return errors.Join(err, a.printResult(r.Session))
	}
	var code *silentError
	if errors.As(err, &code) && code.code == exitEnded { // it has completed, and that is what is wanted
		return nil
	}
	return a.stopped(ctx, id, err)
}

// printResult prints the result of a session, and why there is none.
func (a *app) printResult(s api.Session) error {
	if a.json {
		return errors.Join(a.out.object(waited{s.Status, s.Result, s}), a.out.Flush())
	}
	if s.Result != "" {
		a.out.printf("%s\n", clean(s.Result))
	}
	if s.Status == api.StatusFailed || s.Status == api.StatusInterrupted {
		a.errs.printf("session %s %s  %s\n", cleanLine(s.ID), a.errs.style(statusStyle(s.Status), word(s.Status)), clean(s.ErrorMessage))
	}
	return errors.Join(a.out.Flush(), a.errs.Flush())
}
