package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// grownTo is how many events are stored when growth is looked at, and grown what
// is looked at then.
var (
	grownTo = []int{10_000, 100_000, 1_000_000, 5_000_000}
	grown   = []string{"ingest", "page", "list"}
)

// liveCounts is how many sessions are live when their cost is looked at.
var liveCounts = []int{1, 10, 100, 300}

// growth measures the same things with ever more events stored, and each time beside a
// database that has few: a machine is not as fast in one minute as in the next.
func (b *bench) growth() error {
	large, err := b.prepareListed()
	if err != nil {
		return err
	}
	stored := 0
	for _, events := range grownTo {
		ids, err := b.fill(large, seed{sessions: 10, events: events - stored})
		if err != nil {
			return err
		}
		stored = events
		few, err := b.sampleFew()
		if err != nil {
			return err
		}
		now, err := b.sample(large, ids[0])
		if err != nil {
			return err
		}
		for i, g := range []row{
			{What: "one session flat out", Unit: "events/s", Goal: 0.85},
			{What: "page of 1,000 of a conversation", Unit: "ms", Goal: 1.15, Most: true},
			{What: "page of 50 sessions", Unit: "ms", Goal: 1.15, Most: true},
		} {
			g.ID, g.What = fmt.Sprintf("growth-%s-%d", grown[i], events), fmt.Sprintf("%s, %d events stored", g.What, events)
			g.Figure, g.YardstickFigure, g.Yardstick, g.Judged = now[i], few[i], "10,000 events stored", byRatio
			b.report.add(g)
		}
	}
	return nil
}

// prepareListed makes a world that has a page of sessions, and has not begun.
func (b *bench) prepareListed() (*world, error) {
	w, err := b.prepare()
	if err != nil {
		return nil, err
	}
	return w, b.fillSessions(w, 1000)
}

// sampleFew is sample of a world that has few events.
func (b *bench) sampleFew() (s [3]float64, err error) {
	w, err := b.prepareListed()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, w.remove()) }()
	ids, err := b.fill(w, seed{sessions: 10, events: grownTo[0]})
	if err != nil {
		return s, err
	}
	return b.sample(w, ids[0])
}

// sample runs the daemon on a filled world for a moment: the rate of ingest, a
// page of a conversation, a page of sessions.
func (b *bench) sample(w *world, id string) (s [3]float64, err error) {
	if err := w.start(b.program); err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, w.pause()) }()
	if err := w.rested(); err != nil {
		return s, err
	}
	if s[0], err = w.ingestRate(); err != nil {
		return s, err
	}
	if err := w.rested(); err != nil {
		return s, err
	}
	page, err := median(100, func() error {
		_, err := w.GetConversation(b.ctx, api.GetConversationParams{SessionID: id, Limit: ptr(1000)})
		return err
	})
	if err != nil {
		return s, err
	}
	list, err := median(500, func() error { _, err := w.ListSessions(b.ctx, api.ListSessionsParams{}); return err })
	s[1], s[2] = millis(page), millis(list)
	return s, err
}

// ingestRate is the median of what one session reaches in a daemon that has begun
// anew, once its write-ahead log is as long as it gets and pages are mapped.
func (w *world) ingestRate() (float64, error) {
	if _, err := w.flood(1, 50_000); err != nil {
		return 0, err
	}
	var rates []float64
	for range 3 {
		r, err := w.flood(1, 100_000)
		if err != nil {
			return 0, err
		}
		rates = append(rates, r.rate())
	}
	return middle(rates), nil
}

// liveSessions measures what waiting sessions cost.
func (b *bench) liveSessions() (err error) {
	w, err := b.newWorld()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	var first float64
	live := 0
	for _, n := range liveCounts {
		if err := w.keepAlive(n - live); err != nil {
			return err
		}
		live = n
		resident, _, err := memory(w.daemon.Process.Pid)
		if err != nil {
			return err
		}
		time.Sleep(3 * time.Second) // what came of their launch is over
		before, err := usageOf(w.daemon.Process.Pid)
		if err != nil {
			return err
		}
		begin := time.Now()
		time.Sleep(5 * time.Second) // so long that the clock of /proc shows something
		after, err := usageOf(w.daemon.Process.Pid)
		if err != nil {
			return err
		}
		if n == 1 {
			first = mega(resident)
		}
		b.report.add(row{ID: fmt.Sprintf("live-%d", n), What: fmt.Sprintf("memory with %d sessions that wait", n), Figure: mega(resident), Unit: "MB",
			Yardstick: "one session", YardstickFigure: first, Goal: first + 0.45*float64(n-1), Most: true}) // 60 MB with 100, less 15 for an idle daemon
		b.report.add(row{ID: fmt.Sprintf("live-cpu-%d", n), What: fmt.Sprintf("CPU with %d sessions that wait, of one core", n),
			Figure: 100 * after.minus(before).cpu.Seconds() / time.Since(begin).Seconds(), Unit: "%", Yardstick: "a core", YardstickFigure: 100, Goal: 2, Most: true, Noise: 100})
	}
	return nil
}
