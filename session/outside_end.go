package session

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/session/transcript"
)

// look sees to the sessions of terminals that have not ended: takes in what their
// transcripts have grown by, and ends those that have ended.
func (o *observer) look(ctx context.Context) error {
	var errs []error
	for id, w := range o.live {
		errs = append(errs, guard(func() error { return o.lookAt(ctx, id, w) }))
	}
	return o.m.closing(errors.Join(errs...))
}

func (o *observer) lookAt(ctx context.Context, id string, w *watched) error {
	defer o.m.conversations.lock(w.row.Session.ClaudeSessionID)()
	alive := w.out.PID != 0 && shim.Runs(w.out.PID, w.out.Began)
	switch {
	case w.out.Ended != "":
		// It writes a few lines more before it goes, or turns to another conversation.
		if w.out.PID != 0 && !alive || time.Since(w.since) > o.ended {
			crashpoint.Reach(crashpoint.HookEnding)
			return o.finish(ctx, id, reasonExited, api.Time{})
		}
	case w.out.PID != 0 && !alive && !w.gone:
		w.gone = true // what it has said at last may be on its way
	case w.out.PID != 0 && !alive:
		return o.finish(ctx, id, reasonGone, api.Time{})
	case o.stale(w, alive):
		if err := o.readOn(ctx, id, api.Time{}); err != nil {
			return err
		}
		if w := o.live[id]; w == nil || !o.stale(w, alive) { // something has happened after all
			return nil
		}
		if pending, err := o.pending(ctx, id); pending || err != nil {
			return err
		}
		return o.finish(ctx, id, reasonStale, api.Time{})
	}
	if !w.unfit && w.grown() {
		return o.readOn(ctx, id, api.Time{})
	}
	if w.turn && alive {
		return o.abandoned(ctx, id, w)
	}
	return nil
}

// abandonedPatience is longer than Claude Code waits for a hook: by then, whatever tells
// of the end of a turn has come.
const abandonedPatience = 6 * time.Second

// abandoned ends a turn of whose end nothing tells, once Claude Code has been waiting for
// a prompt for a while: one that is taken back before it is answered leaves neither a
// line nor a hook.
func (o *observer) abandoned(ctx context.Context, id string, w *watched) error {
	ses := &w.row.Session
	if w.out.Transcript == "" || time.Since(ses.LastActivityAt.Time) < abandonedPatience {
		return nil
	}
	projects := filepath.Dir(filepath.Dir(w.out.Transcript))
	since, idle := transcript.IdleSince(projects, ses.ClaudeSessionID, w.out.PID)
	if !idle || !since.After(ses.LastActivityAt.Time) || time.Since(since) < abandonedPatience {
		return nil
	}
	return o.step(ctx, id, func(s *step) error {
		if e := &s.m.eng; e.Turn {
			s.now = api.At(since)
			e.Turn, e.TurnAborted, e.Outside.Asks = false, true, false
			s.settleOutside(reasonInterrupt)
		}
		return nil
	})
}

// stale reports whether nothing was heard of a session for too long. One that works,
// or waits for an answer, is not as long as its process is known to live.
func (o *observer) stale(w *watched, alive bool) bool {
	timeout := o.m.cfg.SessionTimeout
	if timeout <= 0 || alive && (w.turn || w.out.Asks) {
		return false
	}
	return time.Since(w.row.Session.LastActivityAt.Time) > timeout
}

// pending reports whether there is work to do for a session.
func (o *observer) pending(ctx context.Context, id string) (bool, error) {
	one := 1
	open, err := o.m.store.ListJobs(ctx, api.ListJobsParams{SessionID: id, State: []api.JobState{api.JobQueued, api.JobRunning}, Limit: &one})
	return len(open.Jobs) > 0, err
}

// finish makes a session final, once its transcript is read to the end, or to where
// the next session of the conversation begins. The caller holds the conversation.
func (o *observer) finish(ctx context.Context, id, reason string, until api.Time) error {
	if err := o.readOn(ctx, id, until); err != nil {
		return err
	}
	return o.step(ctx, id, func(s *step) error {
		e, ses := &s.m.eng, &s.m.row.Session
		s.quiet = true
		if ses.Status.Final() {
			return nil
		}
		to := api.StatusCompleted
		switch {
		case e.Turn && reason == reasonGone:
			to, ses.ErrorMessage = api.StatusFailed, "its process is gone, in mid-turn"
		case e.Turn, e.TurnAborted:
			to = api.StatusInterrupted
		}
		ses.CompletedAt, ses.PID = ses.LastActivityAt, 0
		if reason == reasonExited && !e.Outside.EndedAt.IsZero() {
			ses.CompletedAt = e.Outside.EndedAt
		}
		s.setStatus(to, "", reason)
		s.updated = true
		return nil
	})
}

// errOutside is for a call that needs a process of the daemon's.
func errOutside(ses *api.Session) *api.Error {
	return api.InvalidState(ses.Status, "do it in its terminal; once it has ended there, it can be continued (continueSession)",
		"session %s runs in a terminal, outside of the daemon", ses.ID).With("session_id", ses.ID)
}

// ours refuses a session that lives in a terminal.
func (m *Manager) ours(ctx context.Context, id string) error {
	if m.find(id) != nil {
		return nil
	}
	row, err := m.row(ctx, id)
	if err == nil && row.Session.Origin == api.OriginExternal && !row.Session.Status.Final() {
		return errOutside(&row.Session)
	}
	return err
}

// letGo refuses to go on with a conversation that a claude in a terminal has open,
// as far as that can be known: by the session's own process, and by what claudes write
// down of themselves.
func (m *Manager) letGo(ctx context.Context, p api.ContinueSessionParams) error {
	row, err := m.row(ctx, p.SessionID)
	if err != nil || row.Session.Origin != api.OriginExternal {
		return err
	}
	if !row.Session.Status.Final() {
		return errOutside(&row.Session)
	}
	if p.Fork || p.AtSeq != nil {
		return nil
	}
	was, err := m.restored(row)
	if err != nil || was.eng.Outside == nil {
		return err
	}
	o, ses := was.eng.Outside, &row.Session
	if o.Ended == "" && o.PID != 0 && shim.Runs(o.PID, o.Began) { // one that has ended it may go on with another
		return api.InvalidState(ses.Status, "end it there, or fork this session",
			"the conversation of session %s is open in Claude Code (process %d)", ses.ID, o.PID).With("session_id", ses.ID)
	}
	env := m.environment(p.Env)
	projects := claude.ProjectsDir(getenv(env))
	if path := o.Transcript; path != "" || projects != "" {
		if path == "" {
			path = filepath.Join(projects, "none", fmt.Sprint(ses.ClaudeSessionID))
		}
		return notOpen(ses, path, projects)
	}
	return nil
}
