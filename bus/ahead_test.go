package bus_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

// pagedLog is a log whose pages count: how many are read, and how many are given back.
type pagedLog struct {
	*memLog
	read, freed atomic.Int64
	fail        atomic.Bool
	failLate    atomic.Bool // the next page fails once it was read
}

func (l *pagedLog) Page(ctx context.Context, after int64, limit int, f bus.Filter) (bus.Page, error) {
	if l.fail.Load() {
		return bus.Page{}, errors.New("no page")
	}
	page, err := l.memLog.Page(ctx, after, limit, f)
	if ctx.Err() != nil || l.failLate.Swap(false) {
		return bus.Page{}, cmp.Or(ctx.Err(), errors.New("no page"))
	}
	l.read.Add(1)
	page.Free = func() { l.freed.Add(1) }
	return page, err
}

// newPagedHub is a hub whose ring holds next to nothing of so many pages, of events that
// are "{}", and further spaces.
func newPagedHub(pages, spaces int) (*bus.Hub, *pagedLog) {
	l := &pagedLog{memLog: newLog()}
	l.page = 10
	hub := bus.NewHub(l, bus.Options{RingEvents: 1})
	for range pages * l.page {
		hub.Publish(l.add(1, bus.NewEvent(0, api.EventSessionUpdated, "s", "r", func() []byte {
			return append([]byte("{}"), bytes.Repeat([]byte(" "), spaces)...)
		})))
	}
	return hub, l
}

// ways is the nth way to ask for the events of newPagedHub. Subscriptions that ask in
// different ways share no page.
func ways(n int) []api.EventType { return slices.Repeat([]api.EventType{api.EventSessionUpdated}, n+1) }

// TestPagesAreReadAhead: while a subscriber is busy with a page the next one is
// read, no more than that, and for a few subscribers at once; each gets all, and
// gives back what it has looked at.
func TestPagesAreReadAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pages, crowd, mostAhead = 5, 20, 8
		hub, l := newPagedHub(pages, 0)
		var subs []*bus.Subscription
		for n := range crowd {
			s, _ := subscribe(t, hub, bus.Filter{Types: ways(n)}, new(int64(0)))
			subs = append(subs, s)
			next(t, s)
		}
		synctest.Wait()
		if n := l.read.Load(); n != crowd+mostAhead {
			t.Errorf("%d pages are read for %d subscribers", n, crowd)
		}
		for _, s := range subs {
			var got []int64
			for len(got) < (pages-1)*l.page {
				got = append(got, seqs(next(t, s))...)
			}
			if !slices.IsSorted(got) || got[0] != 11 {
				t.Errorf("got %v", got)
			}
			s.Close()
		}
		if read, freed := l.read.Load(), l.freed.Load(); freed < read-2*crowd || freed > read {
			t.Errorf("%d pages were read, and %d given back", read, freed)
		}
		hub.Close()
	})
}

// TestWhatFailsAheadIsTriedAgain: a page that could not be read ahead is read when
// it is needed; only if that fails too is there an error.
func TestWhatFailsAheadIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub, l := newPagedHub(4, 0)
		defer hub.Close()
		s, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
		l.fail.Store(true)
		if _, err := s.Next(t.Context()); err == nil {
			t.Error("a page that cannot be read is given")
		}
		l.reading = func() { l.fail.Store(true) } // what is read ahead behind this one fails
		l.fail.Store(false)
		next(t, s)
		synctest.Wait()
		if _, err := s.Next(t.Context()); err == nil {
			t.Error("a page that cannot be read is given")
		}
		l.fail.Store(false)
		if got := seqs(next(t, s)); got[0] != 11 {
			t.Errorf("goes on at %v", got)
		}
	})
}

// TestCloseWaitsForThePageAhead, for nobody else does.
func TestCloseWaitsForThePageAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub, l := newPagedHub(4, 0)
		defer hub.Close()
		s, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
		slow := make(chan struct{})
		l.reading = func() {
			if l.read.Load() == 1 {
				<-slow
			}
		}
		next(t, s)
		var closed atomic.Bool
		go func() {
			s.Close()
			closed.Store(true)
		}()
		synctest.Wait()
		if closed.Load() {
			t.Error("it does not wait")
		}
		close(slow)
		synctest.Wait()
		if !closed.Load() {
			t.Error("it is not closed")
		}
		other, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
		next(t, other) // and leaves its place to others
	})
}
