package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// Config is what a Manager needs. Claude and the limits may be left out.
type Config struct {
	Store           *store.Store
	StateDir        string           // must exist; holds a directory for each session
	LockDir         string           // holds a lock file for each conversation; one for all daemons of a user
	Executable      string           // the program that runs as shim: `Executable shim DIR`
	Claude          string           // path or name of claude; "" means the claude on PATH
	MaxSessions     int              // at most so many live processes; 0: no limit
	DailyBudgetUSD  float64          // over it nothing new is launched or sent until midnight UTC; 0: no limit
	MaxJournalBytes int64            // at most so much of what a session has printed may wait for the database; 0: no limit
	MaxLineBytes    int              // of a line that is taken in whole; 0: shim.DefaultMaxLineBytes
	MaxInbox        int              // messages of a session that may wait; 0: DefaultMaxInbox, and so on
	MaxInboxBytes   int64            // that they may have
	MaxQueued       int              // sessions that may wait for a slot
	IdleTimeout     time.Duration    // ends interactive sessions that wait for a message so long; 0: never
	SessionTimeout  time.Duration    // ends sessions of terminals of which nothing is heard for so long; 0: never
	Retention       Retention        // what is pruned by itself; zero: nothing
	Jobs            Jobs             // bounds of the queue of jobs
	Summaries       Summaries        // what is summarised by itself, and how
	Environ         []string         // the daemon's own environment, for sessions that bring none
	PublishPartial  func(*bus.Event) // takes what is not stored
	Logger          *slog.Logger
}

// Manager runs the sessions of one daemon. Its methods are those of the
// protocol, may be called from many goroutines at once, and return *api.Error
// for whatever a client is to be told. Each returns after what it reports is on
// disk.
type Manager struct {
	cfg     Config
	store   *store.Store
	log     *slog.Logger
	prober  claude.Prober
	watcher *shim.Watcher
	clock   func() time.Duration // monotonic, but for tests
	home    os.FileInfo          // which directory StateDir is
	looks   looks

	stop context.CancelFunc
	ctx  context.Context // ends when the manager is closed
	wg   sync.WaitGroup  // the actors

	// creating is held while a session is created whose right to exist depends
	// on what exists already; editing while a final session is changed. Both are
	// taken before launchKeys, and that before mu.
	creating sync.Mutex
	editing  sync.Mutex
	// Held while a session is created, or a message taken, under the name that
	// its client has given it.
	launchKeys keys
	messageIDs keys
	// conversations is held, by Claude Code's id, while a transcript is imported or
	// put back. It is taken before all others.
	conversations keys

	mu      sync.Mutex
	actors  map[string]*actor // by session id
	waiting []*actor          // queued sessions, first come first served
	live    int               // sessions that hold a slot
	// troubles says of sessions why they cannot be held as they should be, by id.
	troubles map[string]string
	keepers  map[string]keeper // by session id, of the processes that are reached
	closed   bool

	retention retention
	// deaf is why what hooks tell is not taken in; nil or "": it is.
	deaf    atomic.Pointer[string]
	works   works
	workers *workers
	auto    *autoSummaries // nil: nothing is summarised by itself
}

// NewManager makes a manager that does nothing until Start.
func NewManager(cfg Config) (*Manager, error) {
	cfg.MaxLineBytes = cmp.Or(cfg.MaxLineBytes, shim.DefaultMaxLineBytes)
	cfg.MaxInbox = cmp.Or(cfg.MaxInbox, DefaultMaxInbox)
	cfg.MaxInboxBytes = cmp.Or(cfg.MaxInboxBytes, DefaultMaxInboxBytes)
	cfg.MaxQueued = cmp.Or(cfg.MaxQueued, DefaultMaxQueuedSessions)
	home, err := os.Stat(cfg.StateDir)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	m := &Manager{cfg: cfg, store: cfg.Store, log: cfg.Logger, watcher: shim.NewWatcher(cfg.Logger), clock: monotonic, home: home,
		actors: map[string]*actor{}, troubles: map[string]string{}, keepers: map[string]keeper{}}
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.cfg.Jobs.Attempts = cmp.Or(cfg.Jobs.Attempts, DefaultJobAttempts)
	m.cfg.Jobs.Backoff = cmp.Or(cfg.Jobs.Backoff, DefaultJobBackoff)
	m.cfg.Summaries = cfg.Summaries.withDefaults()
	m.workers = newWorkers(m)
	if cfg.Summaries.Auto {
		m.auto = newAutoSummaries(m)
	}
	return m, nil
}

// Start takes over every session that is not final, from whatever daemon left
// it behind, and returns once all of them are as they were; one whose process
// does not answer is waited for only for a moment, and goes on when it does.
func (m *Manager) Start(ctx context.Context) error {
	rows, err := m.store.OpenSessions(ctx)
	if err != nil {
		return fmt.Errorf("sessions to take over: %w", err)
	}
	leftovers := m.directories() // before any session is created
	if err := m.beginSummaries(ctx, rows); err != nil {
		return err
	}
	isOutside := func(row store.SessionRow) bool { return row.Session.Origin == api.OriginExternal }
	observer := m.newObserver()
	for _, row := range rows {
		if isOutside(row) {
			observer.remember(row)
		}
	}
	rows = slices.DeleteFunc(rows, isOutside)
	var actors []*actor
	// First those that live: they count against the limit that the others wait for.
	over := m.overBudget(ctx)
	for _, queued := range []bool{false, true} {
		for _, row := range rows {
			if (row.Session.Status == api.StatusQueued) == queued {
				actors = append(actors, m.takeOver(row, over))
			}
		}
	}
	if err := m.awaitReady(ctx, actors); err != nil {
		return err
	}
	m.wg.Go(func() { m.sweep(m.ctx, leftovers) })
	m.wg.Go(func() { m.workers.run(m.ctx) })
	if m.auto != nil {
		m.wg.Go(func() { m.auto.run(m.ctx) })
	}
	m.wg.Go(func() { observer.run(m.ctx) })
	if m.cfg.DailyBudgetUSD > 0 {
		poll := time.NewTicker(budgetPoll)
		m.wg.Go(func() {
			defer poll.Stop()
			m.watchBudget(m.ctx, poll.C)
		})
	}
	if r := m.cfg.Retention; r.After > 0 || r.MaxBytes > 0 {
		m.wg.Go(func() { m.retain(m.ctx) })
	}
	return nil
}

// takeOver sets an actor to work on a session that was begun before.
func (m *Manager) takeOver(row store.SessionRow, over bool) *actor {
	a := m.newActor(row.Session.ID)
	a.m, a.partly = &machine{row: row}, true
	m.mu.Lock()
	if row.Session.Status == api.StatusQueued {
		m.waiting = append(m.waiting, a)
		m.grantLocked(over)
	} else {
		m.live++
		close(a.granted)
	}
	m.mu.Unlock()
	m.launch(a)
	return a
}

// Close lets go of every session: their processes live on. It returns when all
// actors have stopped.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.stop()
	m.wg.Wait()
	return m.watcher.Close()
}

func (m *Manager) newActor(id string) *actor {
	isReady := make(chan struct{})
	dir, log := m.sessionDir(id), m.log.With("session", id)
	return &actor{mgr: m, id: id, dir: dir, log: log, ward: ward{mgr: m, id: id, dir: dir, log: log},
		calls: make(chan func(context.Context)), granted: make(chan struct{}), done: make(chan struct{}),
		isReady: isReady, ready: sync.OnceFunc(func() { close(isReady) }), waiters: map[string]waiter{}}
}

// launch sets an actor to work.
func (m *Manager) launch(a *actor) {
	m.mu.Lock()
	m.actors[a.id] = a
	m.mu.Unlock()
	m.wg.Go(func() { a.run(m.ctx) })
}

// reserve gives an actor a slot, or a place in the queue for one, if there is one
// left. It reports whether the session may start.
func (m *Manager) reserve(ctx context.Context, a *actor) (bool, error) {
	over := m.overBudget(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false, errShuttingDown()
	}
	m.waiting = append(m.waiting, a)
	m.grantLocked(over)
	select {
	case <-a.granted:
		return true, nil
	default:
	}
	if last := len(m.waiting) - 1; last >= m.cfg.MaxQueued {
		m.waiting[last] = nil
		m.waiting = m.waiting[:last]
		return false, api.Errorf(api.ReasonLimitExceeded, "%d sessions wait for a slot already", last).
			AtBound("max_queued_sessions", m.cfg.MaxQueued)
	}
	return false, nil
}

// grantLocked starts those who wait, as far as there are slots and, unless the
// daily limit is over, money.
func (m *Manager) grantLocked(over bool) {
	for !over && len(m.waiting) > 0 && (m.cfg.MaxSessions <= 0 || m.live < m.cfg.MaxSessions) {
		m.live++
		close(m.waiting[0].granted)
		m.waiting = m.waiting[1:]
	}
}

// leave takes an actor out: its session is final, its slot is free.
func (m *Manager) leave(a *actor) {
	over := m.overBudget(m.ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.actors[a.id] == a {
		delete(m.actors, a.id)
		delete(m.troubles, a.id)
	}
	if i := slices.Index(m.waiting, a); i >= 0 {
		m.waiting = slices.Delete(m.waiting, i, i+1)
		return
	}
	m.live--
	m.grantLocked(over)
}

func (m *Manager) find(id string) *actor {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.actors[id]
}

// change makes one step of a session, live or final, and returns the session as
// it is after it.
func (m *Manager) change(ctx context.Context, id string, change func(*actor, *step) error) (api.Session, error) {
	for {
		a := m.find(id)
		if a == nil {
			return m.edit(ctx, id, change)
		}
		var ses api.Session
		err := a.do(ctx, func(actx context.Context) error {
			err := a.try(actx, func(s *step) error { return change(a, s) })
			ses = a.m.row.Session
			return err
		})
		if !errors.Is(err, errGone) {
			return ses, m.closing(err)
		}
	}
}

// edit changes a session that has no actor: one that is final, or whose process is
// not the daemon's.
func (m *Manager) edit(ctx context.Context, id string, change func(*actor, *step) error) (api.Session, error) {
	m.editing.Lock()
	defer m.editing.Unlock()
	row, err := m.row(ctx, id)
	if err != nil {
		return api.Session{}, err
	}
	if !row.Session.Status.Final() && row.Session.Origin != api.OriginExternal {
		return api.Session{}, m.unheld(&row.Session)
	}
	a := m.newActor(id)
	if a.m, err = m.restored(row); err != nil {
		return api.Session{}, err
	}
	err = a.try(ctx, func(s *step) error { return change(nil, s) })
	return a.m.row.Session, err
}

// unheld is for a session that should have an actor and has none.
func (m *Manager) unheld(ses *api.Session) error {
	if m.ctx.Err() != nil {
		return errShuttingDown() // its actor has stopped with the manager
	}
	return api.InvalidState(ses.Status, "look into the daemon's log, and restart it (sessiond stop); the session is tried again then",
		"session %s could not be taken over", ses.ID)
}

// closing turns an error that comes of the manager's end into one that says so,
// and one of the database's into one that says what is wrong with it.
func (m *Manager) closing(err error) error {
	if err != nil && m.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errShuttingDown()
	}
	if isRecord(err) {
		return err
	}
	for _, fault := range []error{store.ErrFull, store.ErrReadOnly, store.ErrIO, store.ErrBusy, store.ErrCorrupt} {
		if errors.Is(err, fault) {
			return api.Errorf(api.ReasonInternal, "nothing was changed: %v", cmp.Or(m.store.Problem(), fault))
		}
	}
	return err
}

// row reads a session, or says that there is none.
func (m *Manager) row(ctx context.Context, id string) (store.SessionRow, error) {
	row, err := m.store.Session(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return row, api.NotFound(api.ReasonSessionNotFound, id)
	}
	return row, wrapf(err, "session %s", id)
}

func (m *Manager) sessionDir(id string) string {
	return filepath.Join(m.cfg.StateDir, "sessions", id)
}

func (m *Manager) lockFile(claudeSessionID string) string {
	return filepath.Join(m.cfg.LockDir, claudeSessionID+".lock")
}

func (m *Manager) publishPartial(ses *api.Session, now api.Time, delta json.RawMessage) {
	id, run := ses.ID, ses.RunID
	ev := bus.NewEvent(0, api.EventPartialMessage, id, run, func() []byte {
		shown := api.Event{Type: api.EventPartialMessage, SessionID: id, RunID: run, Timestamp: now, Data: delta}
		encoded, err := api.Marshal(shown)
		if err != nil { // what Claude Code printed is no JSON: there is nothing to show
			shown.Data = nil
			encoded = mustJSON(shown)
		}
		return encoded
	})
	ev.Size = len(delta)
	m.cfg.PublishPartial(ev)
}

// removeDir removes a session's directory with all that is in it.
func (m *Manager) removeDir(id string) {
	if err := os.RemoveAll(m.sessionDir(id)); err != nil {
		m.log.Warn("session directory not removed", "session", id, "error", err)
	}
}
