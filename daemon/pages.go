package daemon

import (
	"context"
	"log/slog"
	"sync"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/store"
)

// logReader lets the bus read the store's log.
type logReader struct {
	*store.Store
	log   *slog.Logger
	pages *sync.Pool // of *logPage
}

func newLogReader(s *store.Store, log *slog.Logger) logReader {
	return logReader{s, log, &sync.Pool{}}
}

// Page reads the events behind after, to be looked at until Free is called.
func (l logReader) Page(ctx context.Context, after int64, limit int, f bus.Filter) (bus.Page, error) {
	events, upTo, err := l.Log(ctx, after, limit, store.Filter{SessionID: f.SessionID, RunID: f.RunID, Types: f.Types})
	if err != nil {
		return bus.Page{}, err
	}
	p, ok := l.pages.Get().(*logPage)
	if !ok || len(p.made) < len(events) {
		p = l.newPage(max(len(events), limit))
	}
	p.fill(events)
	return bus.Page{Events: p.shown, UpTo: upTo, Free: func() { l.free(p) }}, nil
}

// free keeps p for a later page.
func (l logReader) free(p *logPage) {
	l.Free(p.events)
	p.events = nil
	l.pages.Put(p)
}

// logPage is a page of the log for the bus. Its memory is used again.
type logPage struct {
	events []store.Event
	made   []bus.Event  // they encode the event of the same index
	all    []*bus.Event // points to each of made
	shown  []*bus.Event
}

// newPage makes a page of at most so many events.
func (l logReader) newPage(limit int) *logPage {
	p := &logPage{made: make([]bus.Event, limit), all: make([]*bus.Event, limit)}
	for i := range p.made {
		p.all[i] = &p.made[i]
		p.made[i].Append = func(b []byte) []byte { return appendEvent(l.Store, l.log, b, &p.events[i]) }
	}
	return p
}

// fill makes p the page of events.
func (p *logPage) fill(events []store.Event) {
	p.events, p.shown = events, p.all[:len(events)]
	for i := range events {
		ev, e := &events[i], p.shown[i]
		e.Seq, e.Type, e.SessionID, e.RunID = ev.Seq, ev.Type, ev.SessionID, ev.RunID
	}
	setSizes(p.made, events)
}

// setSizes says of each event what it keeps in memory. A line belongs to all events that
// are parts of it, to each with its share.
func setSizes(made []bus.Event, events []store.Event) {
	for i := 0; i < len(events); {
		parts := 1
		for i+parts < len(events) && events[i+parts].Part == events[i+parts-1].Part+1 {
			parts++
		}
		for range parts {
			made[i].Size = len(events[i].Line)/parts + len(events[i].Data)
			i++
		}
	}
}
