package session

import (
	"context"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// alarms are the things that an actor does by itself when it is time. Each is
// set anew after every step, from the state; the zero alarms are all off. They
// run on the monotonic clock: a clock that is set, or a machine that sleeps,
// makes nothing come early.
type alarms struct {
	nudge alarm // repeat an interrupt that had no effect
	idle  alarm // end a session that nobody talks to
	mode  alarm // fall back from a permission mode that is bounded

	expires api.Time // what mode is set to
}

// alarm fires once at a time.
type alarm struct {
	at time.Time
	c  <-chan time.Time
}

// set moves the alarm; the zero time turns it off. Set to the same time again,
// also after it has fired, it stays as it is.
func (al *alarm) set(at time.Time) {
	if at.Equal(al.at) {
		return
	}
	al.at, al.c = at, nil
	if !at.IsZero() {
		al.c = time.After(time.Until(at))
	}
}

// interruptRepeat is how long an interrupt may take before it is sent again: a
// second one does no harm, and a first one that came too early does nothing.
const interruptRepeat = 2 * time.Second

// plan sets the alarms as the session's state calls for. quiet steps are no
// activity: they leave the time since which the session waits.
func (a *actor) plan(quiet bool) {
	now := time.Now()
	i := a.m.eng.Interrupt
	switch {
	case i == nil || !i.Sent:
		a.alarms.nudge.set(time.Time{})
	case a.alarms.nudge.c == nil:
		a.alarms.nudge.set(now.Add(interruptRepeat))
	}
	if !a.m.idle() || a.m.eng.Agents > 0 || a.mgr.cfg.IdleTimeout <= 0 {
		a.alarms.idle.set(time.Time{})
	} else if a.alarms.idle.at.IsZero() || !quiet {
		a.alarms.idle.set(now.Add(a.mgr.cfg.IdleTimeout))
	}
	if at := a.m.row.Session.PermissionModeExpiresAt; at.IsZero() {
		a.alarms.mode.set(time.Time{})
	} else if a.alarms.mode.at.IsZero() || a.alarms.expires != at {
		a.alarms.expires = at
		a.alarms.mode.set(now.Add(a.modeLeft()))
	}
}

// modeLeft is how long the permission mode lasts. It is counted on the clock that
// nobody sets, across daemons too: a process does not outlive its machine's run.
func (a *actor) modeLeft() time.Duration {
	if until := a.m.eng.ModeUntil; until != 0 {
		return until - a.mgr.clock()
	}
	return time.Until(a.m.row.Session.PermissionModeExpiresAt.Time) // as an older daemon has stored it
}

// ring does what an alarm is for. A step that cannot be stored is tried again
// when the alarm is set the next time.
func (a *actor) ring(ctx context.Context, what string, change func(*step)) {
	err := a.try(ctx, func(s *step) error { change(s); return nil })
	if err != nil && ctx.Err() == nil {
		a.log.Error("not done in time", "what", what, "error", err)
	}
}

// repeatInterrupt has pump send an interrupt once more, if its turn still runs.
func (s *step) repeatInterrupt() {
	if s.m.eng.Interrupt != nil {
		s.m.eng.Interrupt.Sent = false
	}
}

// endIdle ends a session that has waited for a message too long.
func (s *step) endIdle() {
	if s.m.idle() {
		s.m.eng.EndReason = reasonIdleTimeout
		_ = s.end(false) // it is idle, and so not final
	}
}

// fallBack leaves a permission mode whose time is over.
func (s *step) fallBack() {
	s.m.row.Session.PermissionModeExpiresAt = api.Time{}
	s.updated = true
	if s.m.eng.Started && s.m.eng.End == "" {
		s.request(control{Mode: "default"})
	}
}

// request asks Claude Code for a switch.
func (s *step) request(c control) (requestID string) {
	requestID = newID()
	if s.m.eng.Controls == nil {
		s.m.eng.Controls = map[string]control{}
	}
	s.m.eng.Controls[requestID] = c
	s.write(c.line(requestID))
	return requestID
}
