package tui

import (
	"context"
	"sync"

	tea "charm.land/bubbletea/v2"

	"github.com/sessiond/sessiond/rpc/api"
)

// What the subscription says.
type (
	eventsMsg     []api.Event             // some events, in their order
	lostMsg       struct{}                // the connection of the subscription broke
	connectedMsg  struct{ api.Health }    // the daemon answers again
	followEndsMsg struct{ err error }     // the subscription is over
	loadedMsg     struct{ load snapshot } // all that is known at the beginning
)

// snapshot is how everything stands at a seq, or a little later.
type snapshot struct {
	health    api.Health
	sessions  []api.Session
	approvals []api.Approval
	err       error
}

// load reads how everything stands. The seq is taken before anything else, so
// that the events behind it lead from there to now.
func load(ctx context.Context, d Daemon) (s snapshot) {
	s.err = patiently(ctx, func() (err error) {
		if s.health, err = d.Health(ctx); err != nil {
			return err
		}
		if s.sessions, err = allSessions(ctx, d, false); err != nil {
			return err
		}
		r, err := d.FetchApprovals(ctx, api.FetchApprovalsParams{})
		s.approvals = r.Approvals
		return err
	})
	return s
}

// allSessions lists sessions, page by page: the archived ones, or the others.
func allSessions(ctx context.Context, d Daemon, archived bool) (all []api.Session, err error) {
	p := api.ListSessionsParams{Limit: new(500), Archived: archived}
	for {
		r, err := d.ListSessions(ctx, p)
		if err != nil {
			return nil, err
		}
		all = append(all, r.Sessions...)
		if r.NextCursor == "" {
			return all, nil
		}
		p.Cursor = r.NextCursor
	}
}

// batch is how many events become one message at most.
const batch = 512

// follow sends all events behind seq, as many at a time as have come, until the
// context ends or trying again cannot help. While the UI is busy, what comes
// waits with the daemon.
func follow(ctx context.Context, d Daemon, seq int64, send func(tea.Msg)) error {
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan api.Event, batch)
	var sending sync.WaitGroup
	sending.Go(func() {
		for ev := range events {
			send(gather(ev, events))
		}
	})
	defer sending.Wait()
	defer close(events)
	defer cancel()
	for ev, err := range d.Events(ctx, api.SubscribeParams{AfterSeq: &seq, IncludePartial: true}) {
		if err != nil {
			return err
		}
		select {
		case events <- ev:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// gather takes what has come already, behind a first event.
func gather(first api.Event, more <-chan api.Event) eventsMsg {
	all := eventsMsg{first}
	for len(all) < batch {
		select {
		case ev, ok := <-more:
			if !ok {
				return all
			}
			all = append(all, ev)
		default:
			return all
		}
	}
	return all
}

// reload reads everything anew, and follows from there.
func (m *model) reload() {
	m.loading = true
	d, send := m.daemon, m.work.send
	m.work.do(func(ctx context.Context) tea.Msg {
		s := load(ctx, d)
		if ctx.Err() != nil {
			return nil
		}
		send(loadedMsg{s})
		if s.err != nil {
			return nil
		}
		err := follow(ctx, d, s.health.Events.HeadSeq, send)
		if ctx.Err() != nil {
			return nil
		}
		return followEndsMsg{err}
	})
}

// awaitDaemon waits until the daemon answers again.
func (m *model) awaitDaemon() {
	d := m.daemon
	m.work.do(func(ctx context.Context) tea.Msg {
		for {
			h, err := d.Health(ctx)
			if err == nil {
				return connectedMsg{h}
			}
			if !sleep(ctx, retryEvery) {
				return nil
			}
		}
	})
}
