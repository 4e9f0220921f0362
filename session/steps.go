package session

import (
	"context"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// do has the actor's goroutine run a call, and returns its error. errGone means
// that the actor has ended before it took the call.
func (a *actor) do(ctx context.Context, call func(context.Context) error) error {
	result := make(chan error, 1)
	select {
	case a.calls <- func(actx context.Context) {
		err := error(api.Errorf(api.ReasonInternal, "a bug in sessiond: see the daemon's log")) // if it panics
		defer func() { result <- err }()
		err = call(actx)
	}:
		return <-result
	case <-a.done:
		if a.mgr.ctx.Err() != nil {
			return errShuttingDown()
		}
		return errGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try makes one step. If it cannot be stored, nothing has happened.
func (a *actor) try(ctx context.Context, change func(*step) error) error {
	if a.refusal != nil {
		return a.refusal
	}
	s := a.m.begin(api.Now())
	s.clock = a.mgr.clock()
	var err error
	if s.left, s.limited, err = a.mgr.remainder(ctx); err != nil {
		return err
	}
	if err := change(s); err != nil {
		return err
	}
	if ses := &s.m.row.Session; !ses.Status.Final() && ses.Origin != api.OriginExternal {
		s.pump()
		s.settle(reasonOf(s, &a.m.row.Session))
	}
	return a.commit(ctx, s)
}

// reasonOf names what a client's call changed the status for.
func reasonOf(s *step, before *api.Session) string {
	if s.m.eng.End != "" {
		return reasonEnd
	}
	return s.m.reason(before)
}

// commit stores a step and lets it take effect.
func (a *actor) commit(ctx context.Context, s *step) error {
	batch, err := s.finish()
	if err != nil {
		return err
	}
	if !a.passing(s, batch) {
		if err := a.mgr.store.Commit(ctx, batch); err != nil {
			return wrapf(err, "session %s", a.id)
		}
		s.reachStored()
	}
	for _, fault := range s.faults {
		a.log.Error("change of status refused", "error", fault)
	}
	if s.batch.Create != nil {
		s.m.row.N = s.batch.Create.N
	}
	a.m = s.m
	a.effect(ctx, s)
	a.plan(s.quiet)
	return nil
}

// passing reports whether a step need not be stored: it is nothing but deltas,
// and the journal is not about to be given back up to them.
func (a *actor) passing(s *step, batch *store.Batch) bool {
	return len(s.partials) > 0 && len(batch.Events) == 0 && batch.Update.Engine == nil && s.m.row.JournalOffset-a.punched < punchEvery
}

// effect does what a stored step calls for.
func (a *actor) effect(ctx context.Context, s *step) {
	for _, p := range s.partials {
		a.mgr.publishPartial(&a.m.row.Session, s.now, p)
	}
	for _, line := range s.lines {
		a.send(line)
	}
	if s.closeInput {
		a.closeInput()
	}
	if a.m.eng.End != "" && a.m.eng.Started {
		a.ending.begin(ctx, a, a.m.eng.Force)
	}
	for _, ans := range s.answered {
		if w, ok := a.waiters[ans.requestID]; ok {
			delete(a.waiters, ans.requestID)
			w(ans.err)
		}
	}
}

// must makes a step that has to happen, such as taking in what was printed: as
// long as the store refuses it, it is tried again. The journal is the buffer.
// Calls are served meanwhile: they learn what the store says.
func (a *actor) must(ctx context.Context, change func(*step)) error {
	var err error
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		was := err
		if err = a.try(ctx, func(s *step) error { change(s); return nil }); err == nil {
			if was != nil {
				a.log.Info("step stored at last")
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if was == nil || was.Error() != err.Error() {
			a.log.Error("step not stored, trying again", "error", err)
		}
		if err := a.pause(ctx, wait); err != nil {
			return err
		}
	}
}

// pause serves calls for a while.
func (a *actor) pause(ctx context.Context, wait time.Duration) error {
	over := time.After(wait)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case call := <-a.calls:
			call(ctx)
		case <-over:
			return nil
		}
	}
}
