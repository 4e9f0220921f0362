package session

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// actor owns one session that is not final: its machine, its process, its
// journal. Everything that happens to the session happens in its goroutine.
type actor struct {
	mgr     *Manager
	id      string
	dir     string
	log     *slog.Logger
	calls   chan func(context.Context) // what clients want, in order
	granted chan struct{}              // closed when the session may start
	done    chan struct{}              // closed when the actor has ended

	// Only the actor's goroutine touches what follows.
	m       *machine
	shim    *shim.Client
	out     *outbox // to the shim; nil without one
	journal *shim.Journal
	punched int64             // the journal is given back to the disk up to here
	waiters map[string]waiter // by the id of a control request
	ending  endPlan
	alarms  alarms
	expires api.Time // what the alarm for the permission mode is set to
}

// waiter is told how Claude Code answered a control request.
type waiter func(errText string)

// punchEvery is how much of a journal is consumed before it is given back.
const punchEvery = 4 << 20

// run is the actor's goroutine. It returns when the session is final, or when
// the context ends: then shim and child live on, for the next daemon.
func (a *actor) run(ctx context.Context) {
	defer close(a.done)
	defer a.release()
	err := a.live(ctx)
	switch {
	case err == nil:
		crashpoint.Reach(crashpoint.EndCommitted)
		a.mgr.leave(a)
		a.cleanUp()
		crashpoint.Reach(crashpoint.EndCleaned)
	case ctx.Err() == nil:
		a.log.Error("session lost", "error", err)
		a.mgr.leave(a)
	}
}

// live takes the session from where it stands to its end.
func (a *actor) live(ctx context.Context) error {
	if a.m.row.Session.Status == api.StatusQueued {
		if err := a.await(ctx, a.granted); err != nil {
			return err
		}
		if a.m.row.Session.Status.Final() {
			return nil
		}
		if err := a.must(ctx, func(s *step) { s.setStatus(api.StatusStarting, "", reasonSlotFree) }); err != nil {
			return err
		}
	}
	var err error
	if a.m.eng.Started {
		err = a.adopt(ctx)
	} else {
		err = a.start(ctx)
	}
	if err != nil || a.m.row.Session.Status.Final() {
		return err
	}
	if err := a.follow(ctx); err != nil {
		return err
	}
	return a.finish(ctx)
}

// await serves calls until ready is closed, or the session is final.
func (a *actor) await(ctx context.Context, ready <-chan struct{}) error {
	for !a.m.row.Session.Status.Final() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case call := <-a.calls:
			call(ctx)
		case <-ready:
			return nil
		}
	}
	return nil
}

// follow takes in what the process prints and what clients want, until the
// process is gone and its journal was read to the end.
func (a *actor) follow(ctx context.Context) error {
	gone, lost := a.gone(ctx), a.lost()
	var more <-chan struct{} // there may be more lines
	a.plan(false)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-lost:
			if err := a.regain(ctx); err != nil {
				return err
			}
			lost = a.lost()
			continue
		case call := <-a.calls:
			call(ctx)
			continue
		case <-a.ending.due():
			a.ending.strike(ctx, a)
			continue
		case <-a.alarms.nudge.c:
			a.alarms.nudge = alarm{}
			a.ring(ctx, "interrupt again", (*step).repeatInterrupt)
			continue
		case <-a.alarms.idle.c:
			a.ring(ctx, "end when idle", (*step).endIdle)
			continue
		case <-a.alarms.mode.c:
			a.ring(ctx, "leave the permission mode", (*step).fallBack)
			continue
		case <-gone:
			a.journal.Finish()
			gone = nil
		case <-a.journal.Wake():
		case <-more:
		}
		var err error
		if more, err = a.takeIn(ctx); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// atOnce is a channel that is ready.
var atOnce = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// takeIn takes in the next lines, as many as fit one step. The channel is ready
// if there were any, and nil if not: a session that prints without end is spoken
// to, ended and let go of in between.
func (a *actor) takeIn(ctx context.Context) (more <-chan struct{}, err error) {
	lines, err := a.journal.TryNext()
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	crashpoint.Reach(crashpoint.IngestRead)
	err = a.must(ctx, func(s *step) {
		for _, l := range lines {
			s.line(l)
		}
	})
	if err != nil {
		return nil, err
	}
	crashpoint.Reach(crashpoint.IngestEffect)
	a.punch()
	return atOnce, nil
}

// catchUp takes in the lines that are there now, and serves calls in between.
func (a *actor) catchUp(ctx context.Context) error {
	info, err := os.Stat(a.path(shim.JournalName))
	if err != nil {
		return err
	}
	for a.m.row.JournalOffset < info.Size() {
		more, err := a.takeIn(ctx)
		if err != nil || more == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case call := <-a.calls:
			call(ctx)
		default:
		}
	}
	return nil
}

// punch gives the consumed part of the journal back to the disk.
func (a *actor) punch() {
	if offset := a.m.row.JournalOffset; offset-a.punched >= punchEvery {
		if err := shim.PunchHole(a.path(shim.JournalName), offset); err != nil {
			a.log.Debug("journal not given back", "error", err)
		}
		a.punched = offset
		crashpoint.Reach(crashpoint.IngestPunched)
	}
}

// finish ends the session: its process is gone, its journal is read.
func (a *actor) finish(ctx context.Context) error {
	exit, err := a.readExit()
	if err != nil {
		return err
	}
	crashpoint.Reach(crashpoint.EndSeen)
	return a.must(ctx, func(s *step) { s.exited(exit) })
}

// readExit returns the exit record, nil if there is none and none will come.
func (a *actor) readExit() (*shim.Exit, error) {
	exit, err := shim.ReadExit(a.dir)
	switch {
	case err == nil:
		return &exit, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	default:
		a.log.Error("exit record unreadable", "error", err)
		return nil, nil
	}
}

// do has the actor's goroutine run a call, and returns its error. errGone means
// that the actor has ended before it took the call.
func (a *actor) do(ctx context.Context, call func(context.Context) error) error {
	result := make(chan error, 1)
	select {
	case a.calls <- func(actx context.Context) { result <- call(actx) }:
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
	s := a.m.begin(api.Now())
	var err error
	if s.left, s.limited, err = a.mgr.remainder(ctx); err != nil {
		return err
	}
	if err := change(s); err != nil {
		return err
	}
	if !s.m.row.Session.Status.Final() {
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
	if len(s.partials) == 0 || len(batch.Events) > 0 {
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

// attach takes a shim's client, and begins to write to it.
func (a *actor) attach(client *shim.Client) {
	a.shim, a.out = client, newOutbox(client, a.log)
}

// detach lets go of the shim, if there is one: it and its child live on.
func (a *actor) detach() {
	if a.shim == nil {
		return
	}
	a.out.close()
	_ = a.shim.Close() // the connection's end is all that is wanted
	a.shim, a.out = nil, nil
}

// send writes a line to Claude Code, without waiting for it.
func (a *actor) send(line []byte) {
	if a.out != nil {
		a.out.put(line)
	}
}

// closeInput ends Claude Code's input behind what was sent before.
func (a *actor) closeInput() { a.send(nil) }

// must makes a step that has to happen, such as taking in what was printed: as
// long as the store refuses it, it is tried again. The journal is the buffer.
func (a *actor) must(ctx context.Context, change func(*step)) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := a.try(ctx, func(s *step) error { change(s); return nil })
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.log.Error("step not stored, trying again", "error", err, "wait", wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// path names a file of the session.
func (a *actor) path(name string) string { return a.dir + string(os.PathSeparator) + name }

// release lets go of process and journal.
func (a *actor) release() {
	a.detach()
	if a.journal != nil {
		_ = a.journal.Close() // opened for reading: nothing can be lost
	}
}

// cleanUp removes the files of a final session: all but the MCP configuration,
// which sessions that continue this one inherit.
func (a *actor) cleanUp() {
	entries, err := os.ReadDir(a.dir)
	if err != nil {
		a.log.Warn("session directory not readable", "error", err)
	}
	for _, entry := range entries {
		if entry.Name() == mcpFile {
			continue
		}
		if err := os.Remove(a.path(entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.log.Warn("file not removed", "error", err)
		}
	}
	_ = os.Remove(a.dir) // unless the MCP configuration is in it
}
