package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// follow shows the events of a session that come after seq, until the session
// is final. Its error carries the exit code that says how the session ended,
// or that the following was stopped.
func (a *app) follow(ctx context.Context, c *client.Client, id string, seq int64, v *view) error {
	if err := a.out.Flush(); err != nil {
		return err
	}
	final := false
	for ev, err := range c.Events(ctx, api.SubscribeParams{SessionID: id, AfterSeq: &seq}) {
		if err != nil {
			return a.stopped(ctx, id, err)
		}
		a.lost = false
		if ev.Type == api.EventSessionDeleted {
			return api.NotFound(api.ReasonSessionNotFound, id)
		}
		if err := v.event(ev); err != nil {
			return err
		}
		if err := a.out.Flush(); err != nil {
			return err
		}
		if final = becameFinal(ev); final {
			break
		}
	}
	r, err := finalState(ctx, c, id)
	if err != nil {
		return err
	}
	v.end(r.Session)
	return exitCodeOfSession(r.Session.Status)
}

// finalState reads what became of a session that has ended.
func finalState(ctx context.Context, c *client.Client, id string) (r api.SessionResult, err error) {
	err = patiently(ctx, func() error {
		r, err = c.GetSessionState(ctx, api.SessionParams{SessionID: id})
		return err
	})
	return r, err
}

// patiently repeats a reading while the daemon is away, as Events does.
func patiently(ctx context.Context, read func() error) error {
	var err error
	if ended := poll(ctx, func() bool {
		err = read()
		return !goingDown(err) && !nobodyThere(err)
	}); ended != nil {
		return ended
	}
	return err
}

// stopped says how to come back, where Ctrl-C has ended the following.
func (a *app) stopped(ctx context.Context, id string, err error) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	a.errs.printf("\ndetached; the session goes on. Come back with:\n  sessiond log --follow %s\n", cleanLine(id))
	return err
}

// becameFinal reports whether ev says that its session has ended.
func becameFinal(ev api.Event) bool {
	if ev.Type != api.EventSessionStatusChanged {
		return false
	}
	var change api.StatusChange
	return json.Unmarshal(ev.Data, &change) == nil && change.NewStatus.Final()
}

// decode reads the data of an event.
func decode[T any](ev api.Event) (T, error) {
	var v T
	if err := json.Unmarshal(ev.Data, &v); err != nil {
		return v, fmt.Errorf("event %d: %w", ev.Seq, err)
	}
	return v, nil
}
