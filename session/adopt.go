package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
)

// adopt begins to take over a process that was started before: by another
// daemon, or by this one before it lost the session. Its journal is read from
// where that had stopped, while its shim is being reached; handOver does the rest.
func (a *actor) adopt(ctx context.Context) error {
	if err := a.mgr.away(); err != nil {
		return err // what is not found now is not gone
	}
	if err := a.learnStart(ctx); err != nil {
		return err
	}
	if err := a.openJournal(); errors.Is(err, fs.ErrNotExist) {
		if err := a.replaceJournal(ctx); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	a.behind()
	if a.lookAfter(); a.link.look == nil {
		a.ready()
		return nil // it is gone: there is nobody to reach
	}
	if a.m.eng.End != "" {
		a.ending.begin(ctx, a, false)
	}
	a.reach(ctx, 0)
	return nil
}

// wasStarted reports whether the session's process was started: its start record
// is there, legible or not.
func (a *actor) wasStarted() bool {
	_, err := shim.ReadStart(a.dir)
	return !errors.Is(err, fs.ErrNotExist)
}

// learnStart stores how the process was started, if the daemon that started it
// did not live to. A record that is damaged tells at least that it was.
func (a *actor) learnStart(ctx context.Context) error {
	if a.m.eng.Started {
		return nil
	}
	started, err := shim.ReadStart(a.dir)
	if _, damaged := errors.AsType[*shim.RecordError](err); damaged {
		a.log.Error("start record damaged", "error", err)
		started = shim.Started{StartedAt: time.Now()}
	} else if err != nil {
		return fmt.Errorf("start record: %w", err)
	}
	removeEnvironment(a.dir)
	return a.must(ctx, func(s *step) { s.started(started) })
}

// process names the session's process for good; nil if that is not known.
func (a *actor) process() *shim.Started {
	if a.m.eng.Process == nil { // a daemon before this one kept it in the file only
		if started, err := shim.ReadStart(a.dir); err == nil {
			return &started
		}
	}
	return a.m.eng.Process
}

// rebooted reports whether the machine was started anew since the process was:
// then it is gone for certain.
func (a *actor) rebooted() bool {
	p := a.process()
	return p != nil && !p.SameBoot()
}

func (a *actor) openJournal() error {
	j, err := shim.OpenJournal(a.mgr.watcher, a.path(shim.JournalName), a.m.row.JournalOffset)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.KeepTogether(a.mgr.cfg.MaxLineBytes)
	a.journal, a.punched = j, a.m.row.JournalOffset
	return nil
}

// replaceJournal is for a session whose journal was deleted: what its process
// prints is lost, and it cannot be spoken to. If it still lives, it is ended.
func (a *actor) replaceJournal(ctx context.Context) error {
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	err := a.must(ctx, func(s *step) {
		s.lose(loss{reasonJournalLost, "its journal is gone: what Claude Code printed since is lost"})
		s.m.row.JournalOffset = 0
		_ = s.end(true) // it is not final
	})
	if err != nil {
		return err
	}
	if err := writePrivate(a.path(shim.JournalName), nil); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return a.openJournal()
}

// missing notes that lines are missing in the journal, behind which reading goes
// on. Whatever the session comes to, it is not known to be complete.
func (a *actor) missing(ctx context.Context, err *shim.JournalError) error {
	a.log.Error("lines of a session are lost", "error", err)
	return a.must(ctx, func(s *step) {
		s.lose(loss{reasonJournalLost, err.Error()})
		s.m.row.JournalOffset = err.To
		if err.Cut {
			s.m.row.JournalOffset = err.From
		}
	})
}

// behind has the journal read up to its present end before anything is said.
func (a *actor) behind() {
	a.link.open, a.link.unread, a.link.until = false, true, 0
	if info, err := os.Stat(a.path(shim.JournalName)); err == nil {
		a.link.until = info.Size()
	}
}

// handOver takes up the conversation with a process whose shim is reached, once
// its journal is read: it says again what may not have reached it, which does no
// harm if it had, and asks what Claude Code waits for. The session is ready when
// that is answered.
func (a *actor) handOver(ctx context.Context, atEnd bool) error {
	l := &a.link
	if l.unread = l.unread && !atEnd && a.m.row.JournalOffset < l.until; l.open || l.unread || l.shim == nil {
		return nil
	}
	crashpoint.Reach(crashpoint.AdoptCaughtUp)
	l.open = true
	a.repeat()
	crashpoint.Reach(crashpoint.AdoptRepeated)
	if a.m.waiting() > 0 { // what the daemon before held back may go now
		if err := a.must(ctx, func(s *step) { s.quiet = true }); err != nil {
			return err
		}
	}
	if a.m.eng.End != "" {
		a.ending.begin(ctx, a, a.m.eng.Force)
	}
	return nil
}

// repeat writes again what was committed and may not have been written, and asks
// what Claude Code waits for, as long as it can be told the answer.
func (a *actor) repeat() {
	e := &a.m.eng
	for i := range a.m.messages {
		if msg := &a.m.messages[i]; msg.State == api.MessageSent {
			a.send(claude.UserMessage(msg.ID, msg.Content))
		}
	}
	for _, line := range e.Answers {
		a.send(line)
	}
	for _, id := range slices.Sorted(maps.Keys(e.Controls)) { // as they were made: the last one counts
		a.send(e.Controls[id].line(id))
	}
	if e.Interrupt != nil && e.Interrupt.Sent {
		a.send(claude.Interrupt(newID()))
	}
	if !e.InputClosed && !e.EndSent {
		id := newID()
		a.waiters[id] = func(string) { a.answers() } // refused or not: it lives
		a.send(claude.Initialize(id))
		return
	}
	if e.InputClosed {
		a.closeInput()
	}
	if e.EndSent {
		a.send(claude.EndSession(newID()))
	}
	a.answers()
}

// answers notes that there is nothing more to wait for before the session is as
// it was.
func (a *actor) answers() {
	a.ready() // first, as in run
	a.mgr.trouble(a.id, nil)
}
