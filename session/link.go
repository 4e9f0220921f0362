package session

import (
	"context"
	"errors"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/session/shim"
)

// link is an actor's way to its process: the connection to the shim, or what is
// done while there is none. The zero link has not begun.
type link struct {
	shim *shim.Client // nil: it is not reached
	out  *outbox      // to the shim; nil without one
	open bool         // lines are written as they come; else handOver will say them again

	// To be read before anything is said: what Claude Code has printed up to here
	// may tell that it has taken what would be said again.
	unread bool
	until  int64

	reaching <-chan reach       // the shim is being reached
	stop     context.CancelFunc // ends that
	pause    time.Duration      // before it is tried again
	look     <-chan time.Time   // when to look whether the process is gone
}

// reach is how reaching the shim came out.
type reach struct {
	client *shim.Client
	err    error
}

const (
	// lookPause is how often a process whose shim is not reached is looked at.
	lookPause = 100 * time.Millisecond
	// reachPause is the most that passes before a shim that cannot be reached,
	// although it lives, is tried again.
	reachPause = 10 * time.Second
)

// attach takes a shim's client, and begins to write to it.
func (a *actor) attach(client *shim.Client) {
	a.link.shim, a.link.out, a.link.look, a.link.pause = client, newOutbox(client, a.log, a.refused), nil, 0
	a.mgr.hears(a.id, client)
	a.ward.watch(client.Started(), client.Done())
}

// detach lets go of the shim, if there is one: it and its child live on.
func (a *actor) detach() {
	if a.link.reaching != nil {
		a.link.stop()
		if r := <-a.link.reaching; r.client != nil {
			a.mgr.forget(a.id, r.client)
			_ = r.client.Close()
		}
	}
	if a.link.shim != nil {
		a.mgr.forget(a.id, a.link.shim)
		a.link.out.close()
		_ = a.link.shim.Close() // the connection's end is all that is wanted
	}
	a.link = link{}
}

// lost returns a channel that is closed when the shim is lost.
func (l *link) lost() <-chan struct{} {
	if l.shim == nil {
		return nil
	}
	return l.shim.Done()
}

// reach begins to reach the shim, after a while. A shim that is stopped or hung
// keeps nobody waiting but its own session's lines.
func (a *actor) reach(ctx context.Context, after time.Duration) {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan reach, 1)
	a.link.reaching, a.link.stop = done, stop
	process := a.process()
	a.mgr.wg.Go(func() {
		select {
		case <-time.After(after):
		case <-ctx.Done():
		}
		client, err := shim.Connect(ctx, a.dir)
		if err == nil {
			a.mgr.hears(a.id, client) // what it says of itself is of use before it is attached
		} else if errors.Is(err, shim.ErrGone) && process != nil {
			a.ward.orphaned(*process) // not for the actor to do: it may wait for a full disk
		}
		done <- reach{client, err}
	})
}

// reached takes what came of it.
func (a *actor) reached(ctx context.Context, r reach) error {
	a.link.stop()
	a.link.reaching = nil
	switch {
	case r.err == nil:
		if a.link.pause > 0 {
			a.mgr.trouble(a.id, nil)
		}
		a.attach(r.client)
		crashpoint.Reach(crashpoint.AdoptConnected)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(r.err, shim.ErrGone) && a.mgr.away() == nil:
		return a.orphan(ctx, r.err)
	}
	if a.link.pause = min(max(2*a.link.pause, firstRetry), reachPause); a.link.pause == firstRetry {
		a.log.Warn("the session's shim lives, but cannot be reached", "error", r.err)
	}
	a.mgr.trouble(a.id, r.err)
	a.ready()
	a.reach(ctx, a.link.pause)
	return nil
}

// lose is for a connection to the shim that has ended: because the process did,
// or the shim was killed.
func (a *actor) lose(ctx context.Context) {
	a.detach()
	a.behind()
	if a.lookAfter(); a.link.look != nil {
		a.reach(ctx, 0)
	}
}

// orphan notes that the shim is gone, unless it went because the process did.
func (a *actor) orphan(ctx context.Context, cause error) error {
	defer a.ready()
	if _, err := shim.ReadExit(a.dir); err == nil {
		return nil
	}
	a.log.Warn("session has lost its shim", "error", cause)
	if err := a.must(ctx, (*step).orphaned); err != nil {
		return err
	}
	if a.m.eng.End != "" {
		a.ending.begin(ctx, a, a.m.eng.Force)
	}
	return nil
}

// lookAfter looks whether anything of the process is left, for as long as its
// shim is not reached. Once nothing is, its journal is read to the end.
func (a *actor) lookAfter() {
	if a.link.look = nil; a.ended() {
		a.journal.Finish()
		return
	}
	a.link.look = time.After(lookPause)
}

// ended reports whether nothing of the session's process is left: the shim has
// written its exit record, the machine was started anew since, or neither shim
// nor child holds the conversation's lock any more or is to be found otherwise.
// That nobody holds the lock is not enough: its file may have been deleted, or
// lie elsewhere, where the daemon that started the process kept it. While the
// state directory is away nothing is known.
func (a *actor) ended() bool {
	if a.mgr.away() != nil {
		return false
	}
	if _, err := shim.ReadExit(a.dir); err == nil || a.rebooted() {
		return true
	}
	locked, err := shim.Locked(a.mgr.lockFile(a.m.eng.Conversation))
	if err != nil {
		a.log.Error("lock of conversation not readable", "error", err)
	}
	if err != nil || locked {
		return false
	}
	p := a.process()
	return (p == nil || !p.Alive()) && !shim.Listening(a.dir)
}

// send writes a line to Claude Code, without waiting for it.
func (a *actor) send(line []byte) {
	if a.link.open {
		a.link.out.put(line)
	}
}

// closeInput ends Claude Code's input behind what was sent before.
func (a *actor) closeInput() { a.send(nil) }
