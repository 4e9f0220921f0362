package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// ContinueSession creates a session that goes on from where another one
// stands, or, as a fork, from where it once stood.
func (m *Manager) ContinueSession(ctx context.Context, p api.ContinueSessionParams) (api.LaunchSessionResult, error) {
	var none api.LaunchSessionResult
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return none, err
	}
	p.SessionID = id
	mcp, err := parseMCP(p.MCPConfig)
	if err != nil {
		return none, err
	}
	if err := m.awaitOwner(ctx, p); err != nil { // before others are kept waiting
		return none, err
	}
	if err := m.refresh(ctx, p); err != nil {
		return none, err
	}
	if err := m.letGo(ctx, p); err != nil {
		return none, err
	}
	m.creating.Lock()
	defer m.creating.Unlock()
	ownMCP := p.MCPConfig != nil
	env := p.Env
	p.Env, p.MCPConfig = nil, nil
	b := birth{query: p.Query, env: env, mcp: mcp, key: p.IdempotencyKey, hash: paramsHash("continueSession", p, mcp)}
	if b.key != "" {
		defer m.launchKeys.lock(b.key)()
		if known, err := m.known(ctx, b.key, b.hash); known != nil || err != nil {
			return deref(known), err
		}
	}
	parent, err := m.row(ctx, id)
	if err != nil {
		return none, err
	}
	b.parent = &parent.Session
	if err := m.inherit(&b, parent, p, ownMCP); err != nil {
		return none, err
	}
	if p.Fork || p.AtSeq != nil {
		err = m.fork(ctx, &b, parent, p.AtSeq)
	} else {
		err = m.goOn(ctx, &b, parent)
	}
	if err != nil {
		return none, err
	}
	return m.create(ctx, b)
}

// inherit takes over what the parent was launched with, where nothing replaces it.
func (m *Manager) inherit(b *birth, parent store.SessionRow, p api.ContinueSessionParams, ownMCP bool) error {
	l, err := m.launched(parent)
	if err != nil {
		return err
	}
	was, err := m.restored(parent)
	if err != nil {
		return err
	}
	if model := was.eng.Switched.Model; model != "" {
		l.Model = &model
	}
	if mode := was.eng.Switched.Mode; mode != "" {
		l.PermissionMode, l.PermissionModeTimeoutMS = &mode, nil
	}
	l.Title, l.Tags = &parent.Session.Title, &parent.Session.Tags // they may have been changed
	l.Rules = &parent.Session.Rules
	b.launch.LaunchOptions = overlay(l.LaunchOptions, p.LaunchOptions)
	// The recorded prompts hold unless Claude Code is told otherwise, and it is
	// told whenever there are, or were, prompts to be right about.
	b.launch.ChangedPrompt = l.ChangedPrompt || l.SystemPrompt != nil || l.AppendSystemPrompt != nil ||
		p.SystemPrompt != nil || p.AppendSystemPrompt != nil
	b.launch.Totals = l.Totals
	b.addTotals(was)
	if !ownMCP {
		b.mcp, err = m.inheritMCP(&parent.Session, l.servers())
	}
	return err
}

// addTotals notes what the process of a session of this conversation has used:
// the new one may go on counting from there.
func (b *birth) addTotals(was *machine) {
	if was.eng.Total.CostUSD > 0 {
		b.launch.Totals = append(b.launch.Totals, was.eng.Total)
	}
}

// addNewestTotals does so for the newest session of a conversation: a fork
// counts on from where that is, even if the fork itself lies before it.
func (m *Manager) addNewestTotals(ctx context.Context, b *birth, conversation string) error {
	newest, err := m.store.NewestOfConversation(ctx, conversation)
	if errors.Is(err, store.ErrNotFound) || err == nil && newest.ID == b.parent.ID {
		return nil
	}
	if err != nil {
		return wrapf(err, "conversation %s", conversation)
	}
	row, err := m.row(ctx, newest.ID)
	if err != nil {
		return err
	}
	was, err := m.restored(row)
	if err != nil {
		return err
	}
	b.addTotals(was)
	return nil
}

// goOn continues a conversation at its end, which only its newest session
// allows, and only when that is final: a conversation has one owner.
func (m *Manager) goOn(ctx context.Context, b *birth, parent store.SessionRow) error {
	ses := &parent.Session
	newest, err := m.store.NewestOfConversation(ctx, ses.ClaudeSessionID)
	if err != nil {
		return wrapf(err, "conversation of session %s", ses.ID)
	}
	if newest.ID != ses.ID {
		return api.InvalidState(ses.Status, fmt.Sprintf("continue %s, or fork this one", newest.ID),
			"session %s is not the newest of its conversation: %s is", ses.ID, newest.ID).With("session_id", newest.ID)
	}
	if !ses.Status.Final() {
		return api.InvalidState(ses.Status, fmt.Sprintf("send session %s a message, wait for its end, or fork it", ses.ID),
			"session %s has not ended (%s)", ses.ID, ses.Status).With("session_id", ses.ID)
	}
	if locked, err := shim.Locked(m.lockFile(ses.ClaudeSessionID)); err != nil || locked {
		return cmp.Or(wrapf(err, "lock of conversation %s", ses.ClaudeSessionID), error(errOwned(ses)))
	}
	b.claude, b.launch.Resume = ses.ClaudeSessionID, ses.ClaudeSessionID
	b.launch.Ancestors, err = m.ancestry(parent)
	return err
}

// fork begins a new conversation as a copy of the parent's up to a point.
func (m *Manager) fork(ctx context.Context, b *birth, parent store.SessionRow, atSeq *int64) error {
	segments, err := m.ancestry(parent)
	if err != nil {
		return err
	}
	upTo, err := m.forkLimit(ctx, parent, segments, atSeq)
	if err != nil {
		return err
	}
	point, uuid, err := m.lastAssistant(ctx, segments, upTo)
	if err != nil {
		return err
	}
	if uuid == "" {
		if atSeq != nil {
			return api.InvalidParams("at_seq", "nothing that Claude Code said lies at or before %d", *atSeq)
		}
		return api.InvalidState(parent.Session.Status, "launch a new session",
			"session %s has no turn yet that could be forked", parent.Session.ID)
	}
	if err := m.addNewestTotals(ctx, b, point.ClaudeSessionID); err != nil {
		return err
	}
	b.claude, b.launch.Ancestors = newID(), cut(segments, point.Seq)
	b.launch.Fork, b.launch.Resume, b.launch.ResumeAt = true, point.ClaudeSessionID, uuid
	return nil
}

// awaitOwner waits for the process before to let go of the conversation of a
// session that has ended, if that is to be gone on with. One that does not let go
// belongs to another daemon, which has continued it: goOn says so.
func (m *Manager) awaitOwner(ctx context.Context, p api.ContinueSessionParams) error {
	parent, err := m.row(ctx, p.SessionID)
	if err != nil || p.Fork || p.AtSeq != nil || !parent.Session.Status.Final() {
		return err
	}
	lock := m.lockFile(parent.Session.ClaudeSessionID)
	over := time.After(lockPatience)
	for {
		if locked, err := shim.Locked(lock); err != nil || !locked {
			return wrapf(err, "lock of conversation %s", parent.Session.ClaudeSessionID)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return nil
		case <-time.After(lookPause):
		}
	}
}

// errOwned is for a conversation that another daemon goes on with.
func errOwned(ses *api.Session) *api.Error {
	return api.InvalidState(ses.Status, "end it in the daemon that runs it, or fork this session",
		"the conversation of session %s has a live process of another daemon", ses.ID)
}

// forkLimit says up to which seq a fork may reach; 0 for the end. Of a live
// session only turns that have ended can be forked.
func (m *Manager) forkLimit(ctx context.Context, parent store.SessionRow, segments []store.Segment, atSeq *int64) (int64, error) {
	var own bool
	if atSeq != nil {
		ev, err := m.forkPoint(ctx, segments, *atSeq)
		if err != nil {
			return 0, err
		}
		own = ev.SessionN == parent.N
	}
	if parent.Session.Status.Final() || atSeq != nil && !own {
		return deref(atSeq), nil
	}
	ended, err := m.lastResult(ctx, parent)
	if err != nil {
		return 0, err
	}
	if atSeq == nil {
		return ended, nil
	}
	if *atSeq > ended {
		return 0, api.InvalidParams("at_seq", "%d belongs to a turn that has not ended", *atSeq)
	}
	return *atSeq, nil
}

// lastResult is the seq at which the last turn of a live session ended; where
// none has, the seq before its first event.
func (m *Manager) lastResult(ctx context.Context, row store.SessionRow) (int64, error) {
	var result, first int64
	head := m.store.Head()
	err := m.store.LastFromLine(ctx, row.N, 0, func(ev store.Event) bool {
		first = ev.Seq
		if ev.Kind == api.ConversationResult {
			result = ev.Seq
		}
		return result != 0
	})
	switch {
	case result != 0:
	case first != 0:
		result = max(first-1, 1)
	default: // it has printed nothing up to here, and what it prints from now on does not count
		result = head
	}
	return result, wrapf(err, "turns of session %s", row.Session.ID)
}

// forkPoint finds the event that at_seq names. It has to be one of the
// conversation, and has to have come from a line of Claude Code's.
func (m *Manager) forkPoint(ctx context.Context, segments []store.Segment, seq int64) (store.Event, error) {
	ev, err := m.store.ConversationEvent(ctx, seq)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return ev, wrapf(err, "event %d", seq)
	}
	for _, seg := range segments {
		if err == nil && ev.SessionN == seg.N && (seg.UpTo == 0 || seq <= seg.UpTo) {
			if !ev.FromLine {
				return ev, api.InvalidParams("at_seq", "%d is a prompt; name an event that Claude Code printed", seq)
			}
			return ev, nil
		}
	}
	return ev, api.InvalidParams("at_seq", "%d is not an event of this session's conversation", seq)
}

// lastAssistant finds the last line at or before upTo (0: the end) that the
// main agent said, which is where Claude Code can fork: its event, and its uuid.
func (m *Manager) lastAssistant(ctx context.Context, segments []store.Segment, upTo int64) (store.Event, string, error) {
	var found store.Event
	var uuid string
	for i := len(segments) - 1; i >= 0 && uuid == ""; i-- {
		limit := upTo
		if bound := segments[i].UpTo; bound != 0 && (limit == 0 || bound < limit) {
			limit = bound
		}
		err := m.store.LastFromLine(ctx, segments[i].N, limit, func(ev store.Event) bool {
			l := claude.Parse(ev.Line)
			if l.Type != "assistant" || l.Subagent || l.UUID == "" {
				return false
			}
			found, uuid = ev, l.UUID
			found.Seq += int64(len(l.Parts) - 1 - ev.Part) // the line as a whole
			if l.SessionID != "" {
				found.ClaudeSessionID = l.SessionID
			}
			return true
		})
		if err != nil {
			return found, "", wrapf(err, "point of the fork")
		}
	}
	return found, uuid, nil
}

// ancestry lists the sessions whose events make up a session's conversation,
// oldest first, the session itself last; each up to the point where the next
// one goes on from it. A deleted one has no events, and so is left out.
func (m *Manager) ancestry(row store.SessionRow) ([]store.Segment, error) {
	l, err := m.launched(row)
	if err != nil {
		return nil, err
	}
	return append(l.Ancestors, store.Segment{N: row.N}), nil
}

// cut bounds a conversation at a seq.
func cut(segments []store.Segment, seq int64) []store.Segment {
	bounded := make([]store.Segment, len(segments))
	for i, seg := range segments {
		if seg.UpTo == 0 || seg.UpTo > seq {
			seg.UpTo = seq
		}
		bounded[i] = seg
	}
	return bounded
}
