package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

	ready   func()        // says, once, that the daemon need not wait for this session any more
	isReady chan struct{} // closed by ready

	// Only the actor's goroutine touches what follows.
	m       *machine
	partly  bool  // the machine lacks messages and approvals: they are to be loaded
	stale   bool  // the machine may not be what is stored: it is to be loaded
	refusal error // why no call can be served now; nil: they are
	strands bool  // the session could not be held, and that is shown until it is
	link    link
	journal *shim.Journal
	punched int64             // the journal is given back to the disk up to here
	waiters map[string]waiter // by the id of a control request
	ward    ward
	ending  endPlan
	alarms  alarms
}

// waiter is told how Claude Code answered a control request.
type waiter func(errText string)

// punchEvery is how much of a journal is consumed before it is given back.
const punchEvery = 4 << 20

// Bounds of the wait before a session that was lost is tried again.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// run is the actor's goroutine. It returns when the session is final, or when
// the context ends: then shim and child live on, for the next daemon. A session
// that cannot be held, because a file cannot be read, say, is tried again and
// again; meanwhile it is shown as stranded, and calls are told why.
func (a *actor) run(ctx context.Context) {
	defer close(a.done)
	defer a.ready()
	defer a.release()
	wait := firstRetry
	for {
		began := time.Now()
		err := guard(func() error { return a.live(ctx) })
		if err == nil {
			crashpoint.Reach(crashpoint.EndCommitted)
			a.ready() // first: whoever looks whether it is, notes trouble if not
			a.mgr.leave(a)
			a.cleanUp()
			crashpoint.Reach(crashpoint.EndCleaned)
			return
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		a.release()
		a.lost(err, wait)
		if a.strand(ctx, err, wait) != nil {
			return
		}
		wait = min(2*wait, lastRetry)
	}
}

// lost notes why the session is tried again. After a panic, what is in memory is
// not to be relied on: it is read anew.
func (a *actor) lost(err error, wait time.Duration) {
	log := a.log
	if p, ok := errors.AsType[*panicError](err); ok {
		log = log.With("stack", string(p.stack))
		a.stale = true
	}
	log.Error("session lost, trying again", "error", err, "wait", wait)
}

// strand refuses calls for a while.
func (a *actor) strand(ctx context.Context, cause error, wait time.Duration) error {
	a.mgr.trouble(a.id, cause)
	a.strands = true
	a.ready()
	a.refusal = api.InvalidState(a.m.row.Session.Status, "it is tried again by itself; mend the cause, or see the daemon's log",
		"session %s cannot be reached: %v", a.id, cause)
	defer func() { a.refusal = nil }()
	return a.pause(ctx, wait)
}

// held notes that the session can be held again, if it could not.
func (a *actor) held() {
	if a.strands {
		a.mgr.trouble(a.id, nil)
		a.strands = false
	}
}

// live takes the session from where it stands to its end.
func (a *actor) live(ctx context.Context) error {
	if err := a.load(ctx); err != nil || a.m.row.Session.Status.Final() {
		return err
	}
	if a.m.row.Session.Status == api.StatusQueued {
		a.held()
		a.ready()
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
	if a.m.eng.Started || a.wasStarted() {
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

// load restores the machine of a session that was begun before.
func (a *actor) load(ctx context.Context) error {
	if a.stale {
		row, err := a.mgr.store.Session(ctx, a.id)
		if err != nil {
			return wrapf(err, "session %s", a.id)
		}
		a.m, a.partly, a.stale = &machine{row: row}, true, false
	}
	if !a.partly {
		return nil
	}
	messages, badMessages, err := a.mgr.store.Messages(ctx, a.id, []api.MessageState{api.MessageQueued, api.MessageSent, api.MessageStarted})
	if err != nil {
		return err
	}
	approvals, badApprovals, err := a.mgr.store.Approvals(ctx, a.id, []api.ApprovalStatus{api.ApprovalPending})
	if err != nil {
		return err
	}
	damage := firstDamage(a.m.row, badMessages, badApprovals)
	// What is damaged ends with the session, and is written anew by that.
	m, err := newMachine(a.m.row, append(messages, plain(badMessages)...), append(approvals, plain(badApprovals)...))
	a.m, a.partly = m, false
	if damage = cmp.Or(damage, a.mgr.store.Damaged(err)); damage != nil {
		return a.repair(ctx, damage)
	}
	return nil
}

// repair ends a session of which the database holds what cannot be read. What
// its process has printed is taken in like any other's, as far as it goes.
func (a *actor) repair(ctx context.Context, damage error) error {
	a.log.Error("session damaged in the database: it is ended", "error", damage)
	return a.must(ctx, func(s *step) {
		s.m.eng.Conversation = cmp.Or(s.m.eng.Conversation, s.m.row.Session.ClaudeSessionID)
		s.lose(loss{reasonDamaged, damage.Error()})
		if s.m.row.Session.Status == api.StatusQueued {
			s.closeLost()
			return
		}
		s.m.eng.Started = a.wasStarted()
		_ = s.end(true) // it is not final
	})
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
	var more <-chan struct{} // there may be more lines
	a.held()
	a.plan(false)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.link.lost():
			a.lose(ctx)
		case r := <-a.link.reaching:
			if err := a.reached(ctx, r); err != nil {
				return err
			}
		case <-a.link.look:
			a.lookAfter()
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
		case <-a.journal.Wake():
		case <-more:
		}
		var err error
		if more, err = a.takeIn(ctx); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := a.handOver(ctx, more == nil); err != nil {
			return err
		}
	}
}

// atOnce is a channel that is ready.
var atOnce = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// takeIn takes in the next lines, as many as come at once. The channel is ready
// if there were any, and nil if not: a session that prints without end is spoken
// to, ended and let go of in between.
func (a *actor) takeIn(ctx context.Context) (more <-chan struct{}, err error) {
	lines, err := a.journal.TryNext()
	if missing, ok := errors.AsType[*shim.JournalError](err); ok {
		return atOnce, a.missing(ctx, missing)
	}
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	crashpoint.Reach(crashpoint.IngestRead)
	for len(lines) > 0 {
		taken := 0
		err = a.must(ctx, func(s *step) {
			s.quiet = true // unless a line says otherwise
			taken = s.take(lines)
		})
		if err != nil {
			return nil, err
		}
		lines = lines[taken:]
	}
	crashpoint.Reach(crashpoint.IngestEffect)
	a.punch()
	return atOnce, nil
}

// punch gives the consumed part of the journal back to the disk, whose end is
// stored by now (passing).
func (a *actor) punch() {
	if offset := a.m.row.JournalOffset; offset-a.punched >= punchEvery {
		if err := shim.PunchHole(a.path(shim.JournalName), offset); err != nil {
			a.log.Debug("journal not given back", "error", err)
		}
		a.punched = offset
		crashpoint.Reach(crashpoint.IngestPunched)
	}
}

// finish ends the session: its process is gone, its journal is read. From here
// on nobody waits for it, and it is shown as final only once that is known.
func (a *actor) finish(ctx context.Context) error {
	a.answers()
	exit, unseen := a.readExit()
	crashpoint.Reach(crashpoint.EndSeen)
	if exit == nil {
		a.killStrays()
	}
	return a.must(ctx, func(s *step) {
		s.unseen = unseen
		s.exited(exit)
	})
}

// killStrays ends what a process whose shim was killed has left running.
func (a *actor) killStrays() {
	if n := shim.KillStrays(sessionVariable + "=" + a.id); n > 0 {
		a.log.Warn("processes that the session had started were killed", "number", n)
	}
}

// readExit returns the exit record. If there is none, and so none will come, it
// is nil, and with it comes what is known instead.
func (a *actor) readExit() (*shim.Exit, loss) {
	exit, err := shim.ReadExit(a.dir)
	switch {
	case err == nil:
		return &exit, loss{}
	case a.rebooted():
		return nil, loss{reasonRebooted, "the machine was restarted while Claude Code ran"}
	case errors.Is(err, fs.ErrNotExist):
		return nil, loss{}
	}
	a.log.Error("exit record not readable", "error", err)
	return nil, loss{reasonExitUnknown, fmt.Sprintf("Claude Code is gone, and how it ended is not known: %v", err)}
}

// path names a file of the session.
func (a *actor) path(name string) string { return a.dir + string(os.PathSeparator) + name }

// release lets go of process and journal.
func (a *actor) release() {
	a.detach()
	a.ward.close()
	if a.journal != nil {
		_ = a.journal.Close() // opened for reading: nothing can be lost
		a.journal = nil
	}
}

// cleanUp removes the files of a final session: all but the MCP configuration,
// which sessions that continue this one inherit.
func (a *actor) cleanUp() {
	entries, err := os.ReadDir(a.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
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
