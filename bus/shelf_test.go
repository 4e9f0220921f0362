package bus_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

// crowd is how many subscriptions are behind together in these tests.
const crowd = 20

// readAll takes so many events, and fails the test unless each comes once, in order.
func readAll(t *testing.T, s *bus.Subscription, events int) {
	t.Helper()
	for n := 0; n < events; {
		ds, err := s.Next(t.Context())
		if err != nil {
			t.Errorf("behind %d events: %v", n, err)
			return
		}
		for _, d := range ds {
			if n++; d.Event.Seq != int64(n) || !bytes.HasPrefix(d.Event.JSON(), []byte("{}")) {
				t.Errorf("event %d is number %d, %s", d.Event.Seq, n, d.Event.JSON()[:2])
				return
			}
		}
	}
}

// gather has a crowd read the whole log of a hub that has pages, and then do what is asked for.
func gather(t *testing.T, hub *bus.Hub, l *pagedLog, pages int, then func(*testing.T, *bus.Subscription)) {
	t.Helper()
	var all sync.WaitGroup
	for range crowd {
		s, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
		all.Go(func() {
			readAll(t, s, pages*l.page)
			then(t, s)
		})
	}
	all.Wait()
}

// staysBehind has a subscription stay behind the ring that shares no page with the
// crowd, and returns how many pages have been read then.
func staysBehind(t *testing.T, hub *bus.Hub, l *pagedLog) int64 {
	t.Helper()
	s, _ := subscribe(t, hub, bus.Filter{Types: ways(1)}, new(int64(0)))
	next(t, s)
	synctest.Wait()
	return l.read.Load()
}

func leave(_ *testing.T, s *bus.Subscription) { s.Close() }

// TestACrowdReadsAPageOnce: of a page that many want, the log is asked twice, for the
// first of them does not know yet that it is not alone.
func TestACrowdReadsAPageOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pages = 5
		hub, l := newPagedHub(pages, 0)
		defer hub.Close()
		before := staysBehind(t, hub, l)
		gather(t, hub, l, pages, leave)
		if n := l.read.Load() - before; n > 2*pages {
			t.Errorf("%d pages are read %d times", pages, n)
		}
		if read, freed := l.read.Load(), l.freed.Load(); read-freed > 2+1 { // those of the one who stays, and the last
			t.Errorf("%d pages were read, and %d given back", read, freed)
		}
	})
}

// TestOneAloneKeepsNothing: a page of one subscription is what the log has given.
func TestOneAloneKeepsNothing(t *testing.T) {
	t.Parallel()
	const pages = 3
	hub, l := newPagedHub(pages, 0)
	defer hub.Close()
	s, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
	got := next(t, s)
	if got[0].Event != l.events[0] {
		t.Error("the event is a copy")
	}
	if n := l.freed.Load(); n != 0 {
		t.Errorf("%d pages are given back while they are looked at", n)
	}
}

// TestTheShelfIsForThoseBehind: when nobody is behind the ring any more, nothing is kept.
func TestTheShelfIsForThoseBehind(t *testing.T) {
	t.Parallel()
	catchUp := func(t *testing.T, s *bus.Subscription) { // and wait for more
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if ds, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, %v", seqs(ds), err)
		}
	}
	for name, c := range map[string]struct {
		then  func(*testing.T, *bus.Subscription)
		stays bool
	}{
		"all have closed":    {leave, false},
		"all have caught up": {catchUp, false},
		"one stays":          {catchUp, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const pages = 5
				hub, l := newPagedHub(pages, 0)
				defer hub.Close()
				if c.stays {
					staysBehind(t, hub, l)
				}
				gather(t, hub, l, pages, c.then)
				before := l.read.Load()
				late, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
				readAll(t, late, pages*l.page)
				if anew := l.read.Load() - before; c.stays != (anew == 0) {
					t.Errorf("%d pages are read anew", anew)
				}
			})
		})
	}
}

// TestTheShelfIsBounded: what was read long ago is not kept, however many are behind.
func TestTheShelfIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ pages, spaces, most int }{
		"in pages": {200, 0, 64},
		"in bytes": {15, 100 << 10, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hub, l := newPagedHub(c.pages, c.spaces)
				defer hub.Close()
				staysBehind(t, hub, l)
				gather(t, hub, l, c.pages, leave)
				before := l.read.Load()
				late, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
				readAll(t, late, c.pages*l.page)
				if anew := int(l.read.Load() - before); anew < c.pages-c.most {
					t.Errorf("%d of %d pages are read anew", anew, c.pages)
				}
			})
		})
	}
}

// TestNothingStaysOnTheShelf: a page that is read for somebody who has closed meanwhile
// is not kept for nobody.
func TestNothingStaysOnTheShelf(t *testing.T) {
	t.Parallel()
	const pages = 3
	for range 200 {
		hub, l := newPagedHub(pages, 0)
		var all sync.WaitGroup
		for range crowd {
			s, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
			all.Go(func() {
				if _, err := s.Next(t.Context()); err != nil {
					t.Error(err)
				}
				s.Close() // while the next page is being read ahead, or is going to be
			})
		}
		all.Wait()
		before := l.read.Load()
		late, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
		readAll(t, late, pages*l.page)
		if anew := l.read.Load() - before; anew != pages {
			t.Fatalf("%d of %d pages are read anew", anew, pages)
		}
		hub.Close()
	}
}

// TestWhatIsKeptIsAsLargeAsItIs, and not as what it was made of, such as a large line of
// which an event is a small part.
func TestWhatIsKeptIsAsLargeAsItIs(t *testing.T) {
	t.Parallel()
	l := newLog()
	hub := bus.NewHub(l, bus.Options{RingEvents: 1})
	defer hub.Close()
	part := func() *bus.Event {
		e := update()
		e.Size, e.Append = 1<<50, func(b []byte) []byte { return append(b, "{}"...) }
		return e
	}
	hub.Publish(l.add(1, part(), part(), update(), update()))
	for range 3 {
		s, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
		readAll(t, s, 4)
	}
}

// TestWhatIsKeptForgetsSessions: whoever comes behind a deletion does not get
// what was deleted from a page that is kept.
func TestWhatIsKeptForgetsSessions(t *testing.T) {
	t.Parallel()
	l := newLog()
	hub := bus.NewHub(l, bus.Options{RingEvents: 1})
	defer hub.Close()
	hub.Publish(l.add(1, event(1, api.EventSessionUpdated), update(), update(), update()))
	for range 3 { // the first reads, the second keeps, the third finds it
		s, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
		if got := seqs(next(t, s)); !slices.Equal(got, []int64{1, 2, 3, 4}) {
			t.Errorf("got %v", got)
		}
	}
	hub.Publish(l.remove(1))
	late, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
	if got := seqs(next(t, late)); !slices.Equal(got, []int64{2, 3, 4, 5}) {
		t.Errorf("got %v", got)
	}
}

// TestWhatIsKeptIsCut: a page that is kept lets nobody pass over the cut.
func TestWhatIsKeptIsCut(t *testing.T) {
	t.Parallel()
	l := newLog()
	hub := bus.NewHub(l, bus.Options{RingEvents: 1})
	defer hub.Close()
	hub.Publish(l.add(1, update(), update(), update(), update()))
	var subs []*bus.Subscription
	for range 3 {
		s, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
		subs = append(subs, s)
	}
	next(t, subs[0])
	next(t, subs[1])
	l.cut(1, 2)
	if ds, err := subs[2].Next(t.Context()); !errors.Is(err, &api.Error{Reason: api.ReasonCursorExpired}) {
		t.Errorf("got %v, %v", seqs(ds), err)
	}
}

// TestWhoReadsForOthersMayFail: the others read by themselves then.
func TestWhoReadsForOthersMayFail(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(l *pagedLog, cancel func()){
		"the log":          func(l *pagedLog, _ func()) { l.failLate.Store(true) },
		"whoever wants it": func(_ *pagedLog, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const pages = 2
				hub, l := newPagedHub(pages, 0)
				defer hub.Close()
				first, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
				next(t, first)
				synctest.Wait()
				var reads atomic.Int64
				slow := make(chan struct{})
				l.reading = func() {
					if reads.Add(1) == 1 {
						<-slow
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				second, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
				failed := make(chan error, 1)
				go func() {
					_, err := second.Next(ctx)
					failed <- err
				}()
				synctest.Wait()
				var others sync.WaitGroup
				for range crowd {
					s, _ := subscribe(t, hub, bus.Filter{}, new(int64(0)))
					others.Go(func() { readAll(t, s, pages*l.page) })
				}
				synctest.Wait()
				if n := reads.Load(); n != 1 {
					t.Errorf("%d read it", n)
				}
				end(l, cancel)
				close(slow)
				if err := <-failed; err == nil {
					t.Error("whoever read it has not failed")
				}
				others.Wait()
			})
		})
	}
}
