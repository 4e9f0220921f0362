package session

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// autoMark is how far the log was read for sessions that have ended; autoOff stands
// there while nothing is summarised by itself.
const (
	autoMark = "summaries_read"
	autoOff  = -1
)

// autoPage is how much of the log is read at once.
const autoPage = 256

// autoSummaries queue summaries of sessions that have ended, or have been idle for a
// while. It is a reading of the log, and where it stands is kept: what ends while no
// daemon runs, or in the moment in which one dies, is seen by the next one. The same end
// seen twice is the same job.
type autoSummaries struct {
	m    *Manager
	wake chan struct{} // holds a token: the status of a session has changed

	// Its goroutine's alone.
	read int64
	idle map[string]time.Duration // when sessions that wait for a message are due, on the manager's clock
}

func newAutoSummaries(m *Manager) *autoSummaries {
	return &autoSummaries{m: m, wake: make(chan struct{}, 1), idle: map[string]time.Duration{}}
}

// Committed is told of events that are on disk. It does not block.
func (m *Manager) Committed(events []store.Event) {
	if m.auto == nil {
		return
	}
	for i := range events {
		if events[i].Type == api.EventSessionStatusChanged {
			select {
			case m.auto.wake <- struct{}{}:
			default:
			}
			return
		}
	}
}

// beginSummaries looks where the log was read to, before anything happens. What ended
// while nothing was to be summarised by itself never is. open are the sessions that
// are not final: the time since which they are idle begins anew with a daemon.
func (m *Manager) beginSummaries(ctx context.Context, open []store.SessionRow) error {
	mark, err := m.store.MarkAt(ctx, autoMark)
	if errors.Is(err, store.ErrNotFound) {
		mark, err = autoOff, nil
	}
	if err != nil {
		return wrapf(err, "how far the log was read")
	}
	switch {
	case m.auto == nil && mark == autoOff:
		return nil
	case m.auto == nil:
		return m.store.Commit(ctx, &store.Batch{Mark: &store.Mark{Name: autoMark, Value: autoOff}})
	case mark == autoOff:
		mark = m.store.Head()
		if err := m.store.Commit(ctx, &store.Batch{Mark: &store.Mark{Name: autoMark, Value: mark}}); err != nil {
			return err
		}
	}
	m.auto.read = mark
	for _, row := range open {
		m.auto.waits(row.Session.ID, row.Session.WaitingFor)
	}
	return nil
}

// waits notes that a session waits for something, or for nothing.
func (s *autoSummaries) waits(id string, what api.WaitingFor) {
	if what == api.WaitingForMessage {
		s.idle[id] = s.m.clock() + s.m.cfg.Summaries.Idle
	} else {
		delete(s.idle, id)
	}
}

// run is a goroutine of the manager's.
func (s *autoSummaries) run(ctx context.Context) {
	for {
		var wait time.Duration
		err := guard(func() (err error) { wait, err = s.round(ctx); return err })
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return
		}
		if err != nil {
			s.m.log.Error("sessions that have ended are not summarised yet, trying again", "error", err)
			wait = workRetry
		}
		select {
		case <-s.wake:
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// round takes in what has happened, and what is due. It returns when to look again.
func (s *autoSummaries) round(ctx context.Context) (wait time.Duration, err error) {
	for s.read < s.m.store.Head() {
		events, upTo, err := s.m.store.Log(ctx, s.read, autoPage, store.Filter{Types: []api.EventType{api.EventSessionStatusChanged}})
		if err != nil {
			return 0, err
		}
		ended := false
		for i := range events {
			final, err := s.take(ctx, &events[i])
			if err != nil {
				return 0, err
			}
			ended = ended || final
		}
		if ended {
			crashpoint.Reach(crashpoint.JobAutoQueued)
			if err := s.m.store.Commit(ctx, &store.Batch{Mark: &store.Mark{Name: autoMark, Value: upTo}}); err != nil {
				return 0, err
			}
		}
		s.read = upTo
	}
	wait = workPoll
	for id, due := range s.idle {
		left := due - s.m.clock()
		if left > 0 {
			wait = min(wait, left)
			continue
		}
		if err := s.queue(ctx, id); err != nil {
			return 0, err
		}
		delete(s.idle, id)
	}
	return wait, nil
}

// take takes in a change of status, and reports whether it is a session's last.
func (s *autoSummaries) take(ctx context.Context, ev *store.Event) (final bool, err error) {
	var change api.StatusChange
	if json.Unmarshal(ev.Data, &change) != nil {
		return false, nil //nolint:nilerr // the reading has noted it
	}
	s.waits(ev.SessionID, change.WaitingFor)
	if !change.NewStatus.Final() {
		return false, nil
	}
	return true, s.queue(ctx, ev.SessionID)
}

// queue queues a summary of a session, if there is enough new in it. Of those that are
// imported it queues none: they may be thousands at once.
func (s *autoSummaries) queue(ctx context.Context, id string) error {
	row, err := s.m.store.Session(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || row.Session.Origin == api.OriginImported {
		return err
	}
	least := max(1, s.m.cfg.Summaries.MinEvents+1)
	extent, err := s.m.store.Extent(ctx, row.N, least)
	if err != nil || extent.New < least {
		return err
	}
	defer s.m.workers.look()
	if _, err := s.m.queueSummary(ctx, row, extent.Last); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}
