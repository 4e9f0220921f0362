package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
	"github.com/sessiond/sessiond/store/search"
)

// rooms are the parts of a daemon, wired to each other.
type rooms struct {
	store   *store.Store
	hub     *bus.Hub
	manager *session.Manager
	index   *search.Index
	server  *rpc.Server
}

// openRooms opens the parts in the order in which they need each other. None
// of them does anything by itself before the manager is started.
func openRooms(ctx context.Context, c Config, log *daemonLog) (*rooms, error) {
	r := &rooms{}
	summaries, err := c.summaries()
	if err != nil {
		return nil, err
	}
	r.store, err = store.Open(ctx, c.databasePath(), store.Options{
		Logger: log.Logger,
		Published: func(events []store.Event) { // commits come later than the hub, the index and the manager
			r.hub.Publish(toBus(r.store, log.Logger, events))
			r.index.Wake()
			r.manager.Committed(events)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	r.hub = bus.NewHub(newLogReader(r.store, log.Logger), bus.Options{})
	r.manager, err = session.NewManager(session.Config{
		Store: r.store, StateDir: c.StateDir, LockDir: c.LockDir,
		Executable: c.Executable, Claude: c.Claude, MaxSessions: c.MaxSessions, DailyBudgetUSD: c.DailyBudgetUSD, IdleTimeout: c.IdleTimeout, SessionTimeout: c.SessionTimeout, Environ: c.Environ,
		MaxJournalBytes: c.MaxJournalBytes, MaxLineBytes: int(c.MaxLineBytes),
		MaxInbox: int(c.MaxInbox), MaxInboxBytes: c.MaxInboxBytes, MaxQueued: int(c.MaxQueuedSessions), Retention: c.Retention,
		Jobs: c.Jobs, Summaries: summaries,
		PublishPartial: r.hub.PublishPartial, Logger: log.Logger,
	})
	if err != nil {
		r.hub.Close()
		return nil, errors.Join(err, r.store.Close())
	}
	r.index = search.Open(search.Options{StateDir: c.StateDir, Store: r.store, Render: session.RenderEvent, Logger: log.Logger,
		Free: func() (int64, error) { return shim.FreeSpace(c.StateDir) }})
	r.server = rpc.NewServer(rpc.Options{
		Service: service{r.manager, r.index, c, log, api.Now()}, Hub: r.hub, Logger: log.Logger, Version: c.Version,
		UID: os.Getuid(), WithClient: session.WithClient,
		MaxConnections: int(c.MaxConnections), MaxRequests: c.MaxRequests, MaxSubscriptions: int(c.MaxSubscriptions),
		MaxQueuedBytes: c.MaxQueuedBytes, MaxRequestBytes: int(c.MaxRequestBytes), MaxPendingBytes: c.MaxPendingBytes,
	})
	return r, nil
}

// close ends what may still write before what is written to.
func (r *rooms) close() error {
	err := r.manager.Close()
	r.hub.Close()
	return errors.Join(err, r.index.Close(), r.store.Close())
}

// service is the manager, with what only the daemon knows of itself.
type service struct {
	*session.Manager
	index   *search.Index
	config  Config
	log     *daemonLog
	started api.Time
}

// Health is the manager's, completed.
func (s service) Health(ctx context.Context) (api.Health, error) {
	h, err := s.Manager.Health(ctx)
	h.Version, h.ProtocolVersion = s.config.Version, api.ProtocolVersion
	h.PID, h.StartedAt, h.StateDir = os.Getpid(), s.started, s.config.StateDir
	h.Settings = s.config.Settings()
	h.Search = s.index.Health()
	if w, underWay := s.index.Work(); underWay {
		h.Work = append(h.Work, w)
	}
	if problem := s.log.problem(); problem != "" {
		h.Status, h.Problems = api.HealthDegraded, append(h.Problems, problem)
	}
	return h, err
}

// SearchConversations is the index's.
func (s service) SearchConversations(ctx context.Context, p api.SearchConversationsParams) (api.SearchConversationsResult, error) {
	r, err := s.index.Search(ctx, p)
	if errors.Is(err, search.ErrClosed) || errors.Is(err, store.ErrClosed) {
		err = api.Errorf(api.ReasonShuttingDown, "the daemon is shutting down; try again in a moment")
	}
	return r, err
}

// toBus wraps events for subscribers; each is encoded when the first of them
// wants it, and lets go of its line then. They share memory: as long as one of them
// is held, what the others hold is not free.
func toBus(s *store.Store, log *slog.Logger, events []store.Event) []*bus.Event {
	own, made, out := slices.Clone(events), make([]bus.Event, len(events)), make([]*bus.Event, len(events))
	for i := range own {
		ev := &own[i]
		out[i] = &made[i]
		made[i] = bus.Event{Seq: ev.Seq, Type: ev.Type, SessionID: ev.SessionID, RunID: ev.RunID,
			Encode: func() []byte {
				defer func() { *ev = store.Event{} }()
				return appendEvent(s, log, nil, ev)
			}}
	}
	setSizes(made, events)
	return out
}

// appendEvent renders an event. One that is damaged holds up no other: it is shown
// with what is known of it, and noted.
func appendEvent(s *store.Store, log *slog.Logger, b []byte, ev *store.Event) []byte {
	b, err := session.AppendEvent(b, *ev)
	if err != nil {
		session.NoteDamage(s, log, ev.Seq, err)
	}
	return b
}
