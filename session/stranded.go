package session

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// trouble notes why a session cannot be held as it should be; nil: it can.
func (m *Manager) trouble(id string, cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if cause == nil {
		delete(m.troubles, id)
		return
	}
	m.troubles[id] = cause.Error()
}

// stranded says which sessions cannot be held as they should be, and why, in
// words for people.
func (m *Manager) stranded() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]string, 0, len(m.troubles))
	for id, text := range m.troubles {
		all = append(all, fmt.Sprintf("session %s: %s", id, text))
	}
	slices.Sort(all)
	return all
}

// adoptPatience is how long a start waits for the sessions that it takes over.
const adoptPatience = time.Second

// awaitReady waits until every session is as it was, but not for long: one whose
// process does not answer (it is stopped, or hung) is taken up whenever it does.
func (m *Manager) awaitReady(ctx context.Context, actors []*actor) error {
	over := time.After(adoptPatience)
	for i, a := range actors {
		select {
		case <-a.isReady:
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			m.reportSilent(actors[i:])
			return nil
		}
	}
	return nil
}

// reportSilent notes which sessions have not answered.
func (m *Manager) reportSilent(actors []*actor) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range actors {
		select {
		case <-a.isReady:
		default:
			m.troubles[a.id] = "its process has not answered since the daemon started (stopped, or hung?); it goes on when it does, or end it: sessiond end --force " + a.id
		}
	}
}
