package session

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// Bounds of a page of sessions.
const (
	defaultList = 50
	maxList     = 500
)

// ListSessions reads a page of sessions, newest activity first.
func (m *Manager) ListSessions(ctx context.Context, p api.ListSessionsParams) (api.ListSessionsResult, error) {
	limit, err := checkLimit(p.Limit, defaultList, maxList)
	if err != nil {
		return api.ListSessionsResult{}, err
	}
	p.Limit = &limit
	if err := checkAny("status", p.Status, api.Statuses); err != nil {
		return api.ListSessionsResult{}, err
	}
	if p.WorkingDir != "" && !filepath.IsAbs(p.WorkingDir) {
		return api.ListSessionsResult{}, api.InvalidParams("working_dir", "%q is not an absolute path", p.WorkingDir)
	}
	if p.ParentSessionID != "" {
		if p.ParentSessionID, err = api.ParseID("parent_session_id", p.ParentSessionID); err != nil {
			return api.ListSessionsResult{}, err
		}
	}
	result, err := m.store.ListSessions(ctx, p)
	return result, wrapf(err, "list of sessions")
}

// GetSessionState reads one session.
func (m *Manager) GetSessionState(ctx context.Context, p api.SessionParams) (api.SessionResult, error) {
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return api.SessionResult{}, err
	}
	row, err := m.row(ctx, id)
	m.showPaused(&row.Session)
	return api.SessionResult{Session: row.Session}, err
}

// switchTimeout bounds how long Claude Code may take to confirm a switch of
// model or mode, or the withdrawal of a message.
const switchTimeout = 10 * time.Second

// UpdateSession changes what the user may change of a session. Model and mode
// are Claude Code's to confirm, one after the other: the call returns when it
// has, and what would have come after one that it refuses is not changed.
func (m *Manager) UpdateSession(ctx context.Context, p api.UpdateSessionParams) (api.SessionResult, error) {
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return api.SessionResult{}, err
	}
	if err := checkUpdate(&p); err != nil {
		return api.SessionResult{}, err
	}
	if p.Model != nil {
		if err := m.switchTo(ctx, id, control{Model: *p.Model}, "model"); err != nil {
			return api.SessionResult{}, err
		}
	}
	if p.PermissionMode != nil {
		if err := m.switchTo(ctx, id, control{Mode: *p.PermissionMode, Timeout: deref(p.PermissionModeTimeoutMS)}, "permission_mode"); err != nil {
			return api.SessionResult{}, err
		}
	}
	ses, err := m.change(ctx, id, func(_ *actor, s *step) error {
		s.quiet = true
		s.label(p.Title, p.Archived, p.Tags)
		if p.Rules != nil {
			s.m.row.Session.Rules, s.updated = orNone(*p.Rules), true
		}
		return nil
	})
	return api.SessionResult{Session: ses}, err
}

// checkUpdate refuses what could not be changed so, before anything is.
func checkUpdate(p *api.UpdateSessionParams) error {
	if p.Model != nil {
		if err := checkModel(*p.Model); err != nil {
			return err
		}
	}
	if err := checkMode(p.PermissionMode); err != nil {
		return err
	}
	if err := checkModeTimeout(p.PermissionMode, p.PermissionModeTimeoutMS); err != nil {
		return err
	}
	if p.Tags != nil && slices.ContainsFunc(*p.Tags, func(tag string) bool { return strings.TrimSpace(tag) == "" }) {
		return api.InvalidParams("tags", "a tag must not be empty")
	}
	return checkRules(deref(p.Rules))
}

// label changes what only people care for.
func (s *step) label(title *string, archived *bool, tags *[]string) {
	ses := &s.m.row.Session
	if title != nil && *title != ses.Title {
		ses.Title, s.updated = *title, true
	}
	if archived != nil && *archived != ses.Archived {
		ses.Archived, s.updated = *archived, true
	}
	if tags != nil {
		if tidy := tidyTags(*tags); !slices.Equal(tidy, ses.Tags) {
			ses.Tags, s.updated = tidy, true
		}
	}
}

// switchTo asks Claude Code for another model or mode, and waits for its word.
func (m *Manager) switchTo(ctx context.Context, id string, c control, field string) error {
	if err := m.ours(ctx, id); err != nil {
		return err
	}
	refusal, err := m.ask(ctx, id, func(s *step) (string, error) {
		if s.m.row.Session.Status.Final() || !s.m.eng.Started {
			return "", api.InvalidState(s.m.row.Session.Status, "only a live session can switch its "+field+"; give it when continuing",
				"session %s has no process to switch", id)
		}
		return s.request(c), nil
	})
	if err == nil && refusal != "" {
		return api.InvalidParams(field, "Claude Code refuses: %s", refusal)
	}
	return err
}

// ask makes a step that writes a control request, whose id change returns, and
// waits for the answer.
func (m *Manager) ask(ctx context.Context, id string, change func(*step) (request string, err error)) (refusal string, err error) {
	ctx, cancel := context.WithTimeout(ctx, switchTimeout)
	defer cancel()
	reply := make(chan string, 1)
	var of *actor
	var request string
	_, err = m.change(ctx, id, func(a *actor, s *step) error {
		if a == nil {
			return errFinal(&s.m.row.Session)
		}
		if len(s.m.eng.Controls) >= maxControls {
			return api.Errorf(api.ReasonLimitExceeded, "Claude Code has %d requests to answer in session %s already", maxControls, id).
				With("limit", maxControls).With("hint", "wait until it has answered some")
		}
		if request, err = change(s); err != nil {
			return err
		}
		of = a
		a.waiters[request] = func(text string) { reply <- text }
		return nil
	})
	forget := func() {
		if of != nil { // an answer that comes later still has its effect, but nobody waits
			_ = of.do(m.ctx, func(context.Context) error { delete(of.waiters, request); return nil })
		}
	}
	if err != nil {
		forget()
		return "", err
	}
	select {
	case refusal = <-reply:
		return refusal, nil
	case <-of.done:
		return "", api.Errorf(api.ReasonInvalidState, "session %s ended before Claude Code answered", id)
	case <-ctx.Done():
		forget()
	}
	return "", api.Errorf(api.ReasonInvalidState, "Claude Code has not answered in %v", switchTimeout)
}

// maxControls is how many requests of ours may wait for Claude Code's answer.
const maxControls = 100

// ArchiveSessions hides sessions from lists, or shows them again, each for itself.
func (m *Manager) ArchiveSessions(ctx context.Context, p api.ArchiveSessionsParams) (api.ArchiveSessionsResult, error) {
	result := api.ArchiveSessionsResult{Archived: []string{}, Failed: []api.ArchiveFailure{}}
	for _, given := range p.SessionIDs {
		id, err := api.ParseID("session_ids", given)
		if err == nil {
			_, err = m.change(ctx, id, func(_ *actor, s *step) error {
				s.quiet = true
				s.label(nil, &p.Archived, nil)
				return nil
			})
		}
		var known *api.Error
		switch {
		case err == nil:
			result.Archived = append(result.Archived, id)
		case errors.As(err, &known):
			result.Failed = append(result.Failed, api.ArchiveFailure{SessionID: given, Reason: known.Reason})
		default:
			return result, err
		}
	}
	return result, nil
}

// DeleteSession deletes a final session, with its events and its files.
func (m *Manager) DeleteSession(ctx context.Context, p api.SessionParams) (api.DeleteSessionResult, error) {
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return api.DeleteSessionResult{}, err
	}
	m.creating.Lock() // nothing may begin to continue it meanwhile
	defer m.creating.Unlock()
	m.editing.Lock()
	defer m.editing.Unlock()
	row, err := m.row(ctx, id)
	if err != nil {
		return api.DeleteSessionResult{}, err
	}
	if !row.Session.Status.Final() {
		return api.DeleteSessionResult{}, api.InvalidState(row.Session.Status, "end it first (endSession)",
			"session %s has not ended (%s)", id, row.Session.Status)
	}
	if err := m.erase(ctx, row, api.SessionDeletion{DeletedBy: api.DeletedByClient}); err != nil {
		return api.DeleteSessionResult{}, err
	}
	return api.DeleteSessionResult{Deleted: true}, nil
}

// erase deletes a session that is final, with its events and its files. The
// caller holds creating and editing.
func (m *Manager) erase(ctx context.Context, row store.SessionRow, why api.SessionDeletion) error {
	ses := &row.Session
	deleted := store.Event{SessionID: ses.ID, RunID: ses.RunID, Type: api.EventSessionDeleted, Time: api.Now(), Data: mustJSON(why)}
	if err := m.store.Commit(ctx, &store.Batch{Delete: row.N, Events: []store.Event{deleted}}); err != nil {
		return wrapf(err, "delete session %s", ses.ID)
	}
	crashpoint.Reach(crashpoint.DeleteStored)
	m.workers.stop(func(w claimed) bool { return w.session == ses.ID }, errUnwanted)
	m.removeDir(ses.ID)
	return nil
}

// InterruptSession ends the turn that runs.
func (m *Manager) InterruptSession(ctx context.Context, p api.InterruptSessionParams) (api.InterruptSessionResult, error) {
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return api.InterruptSessionResult{}, err
	}
	if err := m.ours(ctx, id); err != nil {
		return api.InterruptSessionResult{}, err
	}
	if p.Queued != "" && p.Queued != api.QueuedKeep && p.Queued != api.QueuedCancel {
		return api.InterruptSessionResult{}, api.InvalidParams("queued", "%q is neither keep nor cancel", p.Queued)
	}
	remain := []string{}
	ses, err := m.change(ctx, id, func(_ *actor, s *step) error {
		err := s.interrupt(p.Queued)
		for i := range s.m.messages {
			if p.Queued != api.QueuedCancel && s.m.behind(i) {
				remain = append(remain, s.m.messages[i].ID)
			}
		}
		return err
	})
	return api.InterruptSessionResult{SessionID: id, Status: ses.Status, QueuedMessages: remain}, err
}

// EndSession has a session's process ended, in steps, or at once.
func (m *Manager) EndSession(ctx context.Context, p api.EndSessionParams) (api.StatusResult, error) {
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return api.StatusResult{}, err
	}
	if err := m.ours(ctx, id); err != nil {
		return api.StatusResult{}, err
	}
	ses, err := m.change(ctx, id, func(_ *actor, s *step) error { return s.end(p.Force) })
	return api.StatusResult{SessionID: id, Status: ses.Status}, err
}
