package session

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/store"
)

// birth is everything that a new session begins with.
type birth struct {
	query  api.Content
	launch launch
	mcp    mcpConfig
	env    map[string]string
	parent *api.Session
	claude string // id of the conversation
	key    string // idempotency key
	hash   string
}

// LaunchSession creates a session and answers once it is on disk; its process
// is started behind the answer, and how that went is told by status events.
func (m *Manager) LaunchSession(ctx context.Context, p api.LaunchSessionParams) (api.LaunchSessionResult, error) {
	mcp, err := parseMCP(p.MCPConfig)
	if err != nil {
		return api.LaunchSessionResult{}, err
	}
	b := birth{query: p.Query, mcp: mcp, env: p.Env, claude: newID(), key: p.IdempotencyKey}
	p.Env, p.MCPConfig = nil, nil
	b.hash = paramsHash("launchSession", p, mcp)
	b.launch.LaunchOptions = p.LaunchOptions
	if b.key != "" {
		defer m.launchKeys.lock(b.key)()
		if known, err := m.known(ctx, b.key, b.hash); known != nil || err != nil {
			return deref(known), err
		}
	}
	return m.create(ctx, b)
}

// known answers a call that came before under the same idempotency key.
func (m *Manager) known(ctx context.Context, key, hash string) (*api.LaunchSessionResult, error) {
	row, err := m.store.SessionByKey(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, wrapf(err, "idempotency key")
	}
	ses := &row.Session
	if row.ParamsHash != hash {
		return nil, api.Errorf(api.ReasonConflict, "the idempotency key %q was used with other params, for session %s", key, ses.ID).
			With("session_id", ses.ID)
	}
	messages, damaged, err := m.store.Messages(ctx, ses.ID, nil)
	if err != nil {
		return nil, wrapf(err, "messages of session %s", ses.ID)
	}
	result := api.LaunchSessionResult{SessionID: ses.ID, RunID: ses.RunID, ParentSessionID: ses.ParentSessionID, Status: ses.Status}
	for _, msg := range slices.Concat(messages, plain(damaged)) {
		if msg.Position == 0 { // the one that it began with
			result.MessageID = msg.ID
		}
	}
	return &result, nil
}

// create checks a new session, stores it, and sets its actor to work.
func (m *Manager) create(ctx context.Context, b birth) (api.LaunchSessionResult, error) {
	var none api.LaunchSessionResult
	if err := m.check(&b); err != nil {
		return none, err
	}
	if err := m.checkBudget(ctx); err != nil {
		return none, err
	}
	a := m.newActor(newID())
	a.m = m.newborn(a.id, &b)
	if err := b.mcp.mark(sessionVariables(&a.m.row.Session)); err != nil {
		return none, err
	}
	if err := m.away(); err != nil {
		return none, api.Errorf(api.ReasonInternal, "nothing was launched: %v", err)
	}
	if err := m.makeDir(a.id, b.env, b.mcp); err != nil {
		m.removeDir(a.id)
		return none, api.Errorf(api.ReasonInternal, "nothing was launched: the session's files cannot be written: %v", err)
	}
	crashpoint.Reach(crashpoint.LaunchPrepared)
	now, err := m.reserve(ctx, a)
	if err != nil {
		m.removeDir(a.id)
		return none, err
	}
	messageID := newID()
	if err := a.born(ctx, now, messageID, b.query); err != nil {
		m.leave(a)
		m.removeDir(a.id)
		return none, m.closing(err)
	}
	crashpoint.Reach(crashpoint.LaunchCommitted)
	ses := a.m.row.Session // the actor's own from here on
	m.launch(a)
	return api.LaunchSessionResult{SessionID: ses.ID, RunID: ses.RunID, MessageID: messageID,
		ParentSessionID: ses.ParentSessionID, Status: ses.Status}, nil
}

// check refuses what could not be started.
func (m *Manager) check(b *birth) error {
	if err := checkQuery("query", b.query); err != nil {
		return err
	}
	if err := m.mayWait(nil, b.query); err != nil {
		return err
	}
	if err := checkEnv(b.env); err != nil {
		return err
	}
	env := m.environment(b.env)
	home, ok := lookUp(env, "HOME")
	if !ok {
		home, _ = os.UserHomeDir() // checkOptions names working_dir if there is none
	}
	if err := checkOptions(&b.launch.LaunchOptions, home); err != nil {
		return err
	}
	if err := checkBypass(deref(b.launch.PermissionMode), env); err != nil {
		return err
	}
	if _, err := m.program(env); err != nil {
		return api.Errorf(api.ReasonClaudeUnavailable, "%v", err).With("hint", claude.InstallHint)
	}
	return nil
}

// newborn is the machine of a session that nothing has happened to yet.
func (m *Manager) newborn(id string, b *birth) *machine {
	o := &b.launch.LaunchOptions
	now := api.Now()
	ses := api.Session{ID: id, RunID: newID(), Origin: api.OriginLaunched, ClaudeSessionID: b.claude, Status: api.StatusQueued,
		Title: deref(o.Title), Query: b.query.Text(), Model: deref(o.Model), PermissionMode: deref(o.PermissionMode),
		WorkingDir: deref(o.WorkingDir), Interactive: deref(o.Interactive), Unattended: deref(o.Unattended),
		Tags: orNone(deref(o.Tags)), Rules: orNone(deref(o.Rules)), MaxBudgetUSD: deref(o.MaxBudgetUSD), CreatedAt: now, LastActivityAt: now}
	if b.parent != nil {
		ses.ParentSessionID = b.parent.ID
	}
	b.launch.MCPConfig = b.mcp.withoutSecrets()
	row := store.SessionRow{Session: ses, Options: mustJSON(b.launch), IdempotencyKey: b.key, ParamsHash: b.hash}
	return &machine{row: row, eng: engine{Conversation: b.claude}}
}

// orNone is the list itself, or one that is empty but not nil.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// born stores a new session with its first message: queued, or starting if it
// has a slot.
func (a *actor) born(ctx context.Context, starting bool, messageID string, query api.Content) error {
	s := a.m.begin(a.m.row.Session.CreatedAt)
	s.batch.Create = &store.SessionRow{}
	if starting {
		s.m.row.Session.Status = api.StatusStarting
	}
	s.m.row.Session.QueuedMessages = 1
	s.event(api.EventSessionCreated, s.m.row.Session)
	s.addMessage(messageID, query, api.DeliveryQueue)
	return a.commit(ctx, s)
}
