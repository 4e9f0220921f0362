package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memLog is a log in memory. Its pages may be shorter than asked for, as those
// of a real log.
type memLog struct {
	mu      sync.Mutex
	events  []*bus.Event     // sorted by seq, with holes; all that there ever were
	deleted map[string]int64 // sessions whose events before this seq are gone
	oldest  int64            // the events before it are gone
	void    []int64          // numbers that count no more
	page    int              // rows that one Page looks at
	fail    error
	reading func() // called by Page before it reads
}

func newLog() *memLog { return &memLog{oldest: 1, page: 1000, deleted: map[string]int64{}} }

// add commits events behind the others, each skip numbers further on.
func (l *memLog) add(skip int64, events ...*bus.Event) []*bus.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		e.Seq = l.headLocked() + skip
		l.events = append(l.events, e)
	}
	return events
}

func (l *memLog) headLocked() int64 {
	if len(l.events) == 0 {
		return 0
	}
	return l.events[len(l.events)-1].Seq
}

func (l *memLog) Head() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.headLocked()
}

func (l *memLog) Void(seq int64) bool { return slices.Contains(l.void, seq) }

func (l *memLog) OldestSeq() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.oldest
}

// remove deletes a session: of its events, only the one that says so is left.
func (l *memLog) remove(session int) []*bus.Event {
	e := event(session, api.EventSessionDeleted)
	l.add(1, e)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deleted[e.SessionID] = e.Seq
	return []*bus.Event{e}
}

// cut takes the log's beginning away, up to part n of of.
func (l *memLog) cut(n, of int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.oldest += (l.headLocked() + 1 - l.oldest) * int64(n) / int64(of)
}

func (l *memLog) Page(_ context.Context, after int64, limit int, f bus.Filter) (bus.Page, error) {
	if l.reading != nil {
		l.reading()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return bus.Page{}, l.fail
	}
	page, looked := bus.Page{UpTo: max(after, l.headLocked())}, 0
	for _, e := range l.events {
		if e.Seq <= after {
			continue
		}
		if looked == l.page || len(page.Events) == limit {
			return page, nil
		}
		looked++
		page.UpTo = e.Seq
		if e.Seq >= l.oldest && e.Seq >= l.deleted[e.SessionID] && picks(f, e) {
			page.Events = append(page.Events, e)
		}
	}
	page.UpTo = max(page.UpTo, l.headLocked())
	return page, nil
}

// picks is what a filter means, said in another way than in the package.
func picks(f bus.Filter, e *bus.Event) bool {
	switch {
	case f.SessionID != "" && e.SessionID != f.SessionID, f.RunID != "" && e.RunID != f.RunID:
		return false
	}
	return f.Types == nil || slices.Index(f.Types, e.Type) >= 0
}

func event(session int, typ api.EventType) *bus.Event {
	return bus.NewEvent(0, typ, fmt.Sprint("s", session), fmt.Sprint("r", session), func() []byte { return []byte("{}") })
}

func update() *bus.Event { return event(0, api.EventSessionUpdated) }

func partialMessage(session int) *bus.Event { return event(session, api.EventPartialMessage) }

// subscribe begins a subscription that ends with the test.
func subscribe(t testing.TB, h *bus.Hub, f bus.Filter, after *int64) (*bus.Subscription, int64) {
	t.Helper()
	s, head, err := h.Subscribe(f, after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, head
}

// next takes what is there; it fails if that takes for ever.
func next(t testing.TB, s *bus.Subscription) []bus.Delivery {
	t.Helper()
	ds, err := s.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func seqs(ds []bus.Delivery) (out []int64) {
	for _, d := range ds {
		out = append(out, d.Event.Seq)
	}
	return out
}

func TestFromNowAndFromCursor(t *testing.T) {
	t.Parallel()
	l := newLog()
	l.add(1, update(), update(), update())
	h := bus.NewHub(l, bus.Options{})
	defer h.Close()
	now, head := subscribe(t, h, bus.Filter{}, nil)
	if head != 3 {
		t.Errorf("head %d", head)
	}
	past, _ := subscribe(t, h, bus.Filter{}, new(int64(1)))
	h.Publish(l.add(1, update()))
	if got := seqs(next(t, now)); !slices.Equal(got, []int64{4}) {
		t.Errorf("from now: %v", got)
	}
	var got []int64
	for len(got) < 3 {
		got = append(got, seqs(next(t, past))...)
	}
	if !slices.Equal(got, []int64{2, 3, 4}) {
		t.Errorf("from 1: %v", got)
	}
}

func TestNothingBeforeItIsPublishedTwice(t *testing.T) {
	t.Parallel()
	l := newLog()
	h := bus.NewHub(l, bus.Options{RingEvents: 1})
	defer h.Close()
	s, _ := subscribe(t, h, bus.Filter{}, nil)
	h.Publish(l.add(1, update(), update()))
	late := l.add(1, update()) // committed, and read from the log before it is published
	if got := seqs(next(t, s)); !slices.Equal(got, []int64{1, 2, 3}) {
		t.Fatalf("got %v", got)
	}
	h.Publish(late)
	h.Publish(l.add(1, update()))
	if got := seqs(next(t, s)); !slices.Equal(got, []int64{4}) {
		t.Errorf("got %v", got)
	}
}

// TestDeletedSessionsAreForgotten: whoever comes with an old cursor gets the
// deletion instead of the rest, also while the rest is not long ago.
func TestDeletedSessionsAreForgotten(t *testing.T) {
	t.Parallel()
	l := newLog()
	h := bus.NewHub(l, bus.Options{})
	defer h.Close()
	there, _ := subscribe(t, h, bus.Filter{}, nil)
	h.Publish(l.add(1, event(1, api.EventSessionCreated), update(), event(1, api.EventSessionUpdated)))
	next(t, there)
	h.Publish(l.remove(1))
	h.Publish(l.add(1, update()))
	if got := seqs(next(t, there)); !slices.Equal(got, []int64{4, 5}) {
		t.Errorf("who was there got %v", got)
	}
	for cursor, want := range map[int64][]int64{0: {2, 4, 5}, 1: {2, 4, 5}, 2: {4, 5}, 3: {4, 5}, 4: {5}} {
		late, _ := subscribe(t, h, bus.Filter{}, &cursor)
		if got := seqs(next(t, late)); !slices.Equal(got, want) {
			t.Errorf("from %d: %v", cursor, got)
		}
	}
}

func TestCursorExpired(t *testing.T) {
	t.Parallel()
	l := newLog()
	l.add(1, update(), update(), update(), update(), update())
	l.oldest = 3
	h := bus.NewHub(l, bus.Options{RingEvents: 1})
	defer h.Close()
	for cursor, expired := range map[int64]bool{-1: true, 0: true, 1: true, 2: false, 5: false, 6: true} {
		s, _, err := h.Subscribe(bus.Filter{}, &cursor)
		if s != nil {
			s.Close()
		}
		if got := errors.Is(err, &api.Error{Reason: api.ReasonCursorExpired}); got != expired {
			t.Errorf("cursor %d: %v", cursor, err)
		}
		var e *api.Error
		if errors.As(err, &e) && e.Data["oldest_seq"] != int64(3) {
			t.Errorf("cursor %d: %v", cursor, e.Data)
		}
	}
	l.void = []int64{4}
	if _, _, err := h.Subscribe(bus.Filter{}, new(int64(4))); !errors.Is(err, &api.Error{Reason: api.ReasonCursorExpired}) {
		t.Errorf("a cursor of a log that was replaced: %v", err)
	}
	s, _ := subscribe(t, h, bus.Filter{}, new(int64(2)))
	l.mu.Lock()
	l.oldest = 4
	l.mu.Unlock()
	if _, err := s.Next(t.Context()); !errors.Is(err, &api.Error{Reason: api.ReasonCursorExpired}) {
		t.Errorf("cut behind a subscription: %v", err)
	}
}

// TestCutWhileItIsRead cuts the log's beginning away at the very moment at which
// a subscription reads it: what is missing in the page is not passed over.
func TestCutWhileItIsRead(t *testing.T) {
	t.Parallel()
	l := newLog()
	l.add(1, update(), update(), update(), update())
	h := bus.NewHub(l, bus.Options{})
	defer h.Close()
	s, _ := subscribe(t, h, bus.Filter{}, new(int64(0)))
	l.reading = func() { l.cut(1, 2) }
	if ds, err := s.Next(t.Context()); !errors.Is(err, &api.Error{Reason: api.ReasonCursorExpired}) {
		t.Errorf("got %v, %v", seqs(ds), err)
	}
}

func TestErrorsOfTheLogCanBeRetried(t *testing.T) {
	t.Parallel()
	l := newLog()
	l.add(1, update())
	h := bus.NewHub(l, bus.Options{})
	defer h.Close()
	s, _ := subscribe(t, h, bus.Filter{}, new(int64(0)))
	broken := errors.New("broken")
	l.fail = broken
	if _, err := s.Next(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	l.fail = nil
	if got := seqs(next(t, s)); !slices.Equal(got, []int64{1}) {
		t.Errorf("got %v", got)
	}
}

func TestPageIsBounded(t *testing.T) {
	t.Parallel()
	l := newLog()
	h := bus.NewHub(l, bus.Options{})
	defer h.Close()
	s, _ := subscribe(t, h, bus.Filter{}, nil)
	for range 1000 {
		h.Publish(l.add(1, update()))
	}
	n := 0
	for n < 1000 {
		got := len(next(t, s))
		if got > 256 {
			t.Fatalf("%d at once", got)
		}
		n += got
	}
}

func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(h *bus.Hub, s *bus.Subscription, cancel func())
		want error
	}{
		"context":      {func(_ *bus.Hub, _ *bus.Subscription, cancel func()) { cancel() }, context.Canceled},
		"subscription": {func(_ *bus.Hub, s *bus.Subscription, _ func()) { s.Close(); s.Close() }, bus.ErrClosed},
		"hub":          {func(h *bus.Hub, _ *bus.Subscription, _ func()) { h.Close() }, bus.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := bus.NewHub(newLog(), bus.Options{})
				s, _ := subscribe(t, h, bus.Filter{}, nil)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan error)
				go func() {
					_, err := s.Next(ctx)
					done <- err
				}()
				synctest.Wait()
				select {
				case err := <-done:
					t.Fatalf("did not wait: %v", err)
				default:
				}
				c.end(h, s, cancel)
				if err := <-done; !errors.Is(err, c.want) {
					t.Errorf("got %v", err)
				}
				h.Close()
				if _, _, err := h.Subscribe(bus.Filter{}, nil); !errors.Is(err, bus.ErrClosed) {
					t.Errorf("subscribe to a closed hub: %v", err)
				}
				h.Publish([]*bus.Event{update()})
				h.PublishPartial(partialMessage(0))
			})
		})
	}
}

func TestEncodedOnceForAll(t *testing.T) {
	t.Parallel()
	l := newLog()
	h := bus.NewHub(l, bus.Options{})
	defer h.Close()
	times := 0
	e := bus.NewEvent(0, api.EventSessionUpdated, "s", "r", func() []byte { times++; return []byte("{}") })
	var wg sync.WaitGroup
	for range 10 {
		s, _ := subscribe(t, h, bus.Filter{}, nil)
		wg.Go(func() {
			ds, err := s.Next(t.Context())
			if err != nil || len(ds) != 1 || string(ds[0].Event.JSON()) != "{}" {
				t.Errorf("got %v, %v", ds, err)
			}
		})
	}
	h.Publish(l.add(1, e))
	wg.Wait()
	if times != 1 {
		t.Errorf("encoded %d times", times)
	}
}

func TestLargeEventsLeaveTheRing(t *testing.T) {
	t.Parallel()
	l := newLog()
	h := bus.NewHub(l, bus.Options{RingBytes: 10000})
	defer h.Close()
	s, _ := subscribe(t, h, bus.Filter{}, nil)
	large := update()
	large.Size = 20000
	h.Publish(l.add(1, update(), large))
	h.Publish(l.add(1, update()))
	var got []int64
	for len(got) < 3 {
		got = append(got, seqs(next(t, s))...)
	}
	if !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
}
