package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// library is a world with much in it.
type library struct {
	*world
	sessions, events int
	short, long      string // ids of a session of 20,000 events and of one with all the others
}

// readPage is how many events a page has of a conversation that is read whole.
const readPage = 10_000

// shortSession is the length of the conversation that is read whole.
const shortSession = 20_000

// newLibrary fills a world: many sessions without events, and two with.
func (b *bench) newLibrary(sessions, events int) (*library, error) {
	w, err := b.prepare()
	if err != nil {
		return nil, err
	}
	l := &library{world: w, sessions: sessions, events: events}
	if err := b.fillSessions(w, sessions); err != nil {
		return nil, err
	}
	long, err := b.fill(w, seed{sessions: 1, events: events})
	if err != nil {
		return nil, err
	}
	short, err := b.fill(w, seed{sessions: 1, events: shortSession})
	if err != nil {
		return nil, err
	}
	l.long, l.short = long[0], short[0]
	return l, w.start(b.program)
}

// database is the path of a world's database.
func (w *world) database() string { return filepath.Join(w.state, "sessiond.db") }

// reading measures lists, pages, replay and the start, in a large database.
func (b *bench) reading() (err error) {
	l, err := b.newLibrary(b.scaled(100_000), b.scaled(1_000_000))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	bare, err := l.bareRun(b.program)
	if err != nil {
		return err
	}
	b.report.add(row{ID: "start", What: fmt.Sprintf("start with %d sessions and %d events: first answer to health", l.sessions, l.events),
		Figure: millis(l.began), Unit: "ms", Yardstick: "sessiond version", YardstickFigure: millis(bare), Goal: 100, Most: true, Noise: 3})
	if err := l.rested(); err != nil {
		return err
	}
	scan, err := plainScan(l.database(), l.events)
	if err != nil {
		return err
	}
	if err := b.lists(l); err != nil {
		return err
	}
	return errors.Join(b.pages(l, scan), b.replay(l, scan))
}

// lists measures pages of 50 of all sessions, by every filter there is.
func (b *bench) lists(l *library) error {
	health, err := median(b.scaled(1000), func() error { _, err := l.Health(b.ctx); return err })
	if err != nil {
		return err
	}
	filters := []struct {
		name   string
		params api.ListSessionsParams
	}{
		{"none", api.ListSessionsParams{}},
		{"status", api.ListSessionsParams{Status: []api.Status{api.StatusFailed}}},
		{"two statuses", api.ListSessionsParams{Status: []api.Status{api.StatusFailed, api.StatusCompleted}}},
		{"directory", api.ListSessionsParams{WorkingDir: "/home/user/project-7"}},
		{"tag", api.ListSessionsParams{Tag: "tag-7"}},
		{"leaves", api.ListSessionsParams{LeavesOnly: true}},
		{"archived", api.ListSessionsParams{Archived: true}},
		{"parent", api.ListSessionsParams{ParentSessionID: l.short}},
		{"frequent text", api.ListSessionsParams{Text: "work number"}},
		{"rare text", api.ListSessionsParams{Text: "work number 77"}},
		{"text that is nowhere", api.ListSessionsParams{Text: "wombat"}},
		{"tag and status", api.ListSessionsParams{Tag: "tag-7", Status: []api.Status{api.StatusFailed}}},
	}
	for _, f := range filters {
		f.params.Limit = ptr(50)
		took, err := median(b.scaled(200), func() error { _, err := l.ListSessions(b.ctx, f.params); return err })
		if err != nil {
			return fmt.Errorf("filter %s: %w", f.name, err)
		}
		b.report.add(row{ID: "list-" + f.name, What: fmt.Sprintf("listSessions, 50 of %d, filter: %s, p50", l.sessions, f.name), Figure: millis(took), Unit: "ms",
			Yardstick: "health", YardstickFigure: millis(health), Goal: 2, Most: true, Noise: 2})
	}
	return nil
}

// median runs something n times (at least 5) and returns the median of how long it took.
func median(n int, run func() error) (time.Duration, error) {
	var l latencies
	for range max(n, 5) {
		begin := time.Now()
		if err := run(); err != nil {
			return 0, err
		}
		l = append(l, time.Since(begin))
	}
	return l.at(0.5), nil
}

// pages measures a whole conversation, and the first page of a long one.
func (b *bench) pages(l *library, scan float64) error {
	whole, err := median(b.scaled(50), func() error { _, err := l.readAll(l.short); return err })
	if err != nil {
		return err
	}
	first, err := median(b.scaled(50), func() error {
		_, err := l.GetConversation(b.ctx, api.GetConversationParams{SessionID: l.long, Limit: ptr(1000)})
		return err
	})
	if err != nil {
		return err
	}
	const yard = "plain reading of the rows"
	b.report.add(row{ID: "conversation", What: fmt.Sprintf("getConversation, %d events, p50", shortSession), Figure: millis(whole), Unit: "ms",
		Yardstick: yard, YardstickFigure: shortSession / scan * 1000, Goal: 60, Most: true})
	b.report.add(row{ID: "first-page", What: fmt.Sprintf("first page of %d events, p50", l.events), Figure: millis(first), Unit: "ms",
		Yardstick: yard, YardstickFigure: 1000 / scan * 1000, Goal: 5, Most: true})
	return nil
}

// readAll reads a conversation, as it comes from the socket.
func (w *world) readAll(id string) (events int, err error) {
	for _, err := range w.Conversation(w.ctx, api.GetConversationParams{SessionID: id, Limit: ptr(readPage)}) {
		if err != nil {
			return events, err
		}
		events++
	}
	return events, nil
}

// replay measures a subscription that begins at the beginning.
func (b *bench) replay(l *library, scan float64) error {
	s, err := l.subscribeRaw(0)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	events := l.events + shortSession
	begin := time.Now()
	if err := s.read(events); err != nil {
		return err
	}
	b.report.add(row{ID: "replay", What: fmt.Sprintf("replay of %d events by subscribe", events), Figure: float64(events) / time.Since(begin).Seconds(), Unit: "events/s",
		Yardstick: "plain reading of the rows", YardstickFigure: scan, Goal: 200_000})
	return nil
}

// fillSessions writes sessions without events, many at a time.
func (b *bench) fillSessions(w *world, n int) (err error) {
	db, err := store.Open(b.ctx, w.database(), store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	begin := time.Now().Add(-time.Duration(n) * time.Minute)
	return inParallel(b.ctx, n, func(ctx context.Context, i int) error {
		return db.Commit(ctx, &store.Batch{Create: seededSession(i, begin.Add(time.Duration(i)*time.Minute))})
	})
}
