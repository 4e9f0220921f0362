package bus_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

// reader is a subscriber of the property test: it may be slow, and may come
// back with its cursor some time.
type reader struct {
	filter  bus.Filter
	start   *int64
	slow    int // how often it lets others go first before each call
	rejoin  int // after so many events; 0: never
	joinAt  int // after so many commits
	head    int64
	got     []int64
	partial int        // partial messages that came or were counted as dropped
	last    *bus.Event // picked by the filter, published behind all others
}

func drawReader(t *rapid.T, i, commits int) *reader {
	label := func(s string) string { return fmt.Sprint("reader ", i, " ", s) }
	r := &reader{
		slow:   rapid.SampledFrom([]int{0, 0, 1, 20}).Draw(t, label("slow")),
		rejoin: rapid.SampledFrom([]int{0, 0, 1, 7, 300}).Draw(t, label("rejoin")),
		joinAt: rapid.IntRange(0, commits).Draw(t, label("join at")),
		filter: bus.Filter{
			SessionID:      rapid.SampledFrom([]string{"", "", "s0", "s1"}).Draw(t, label("session")),
			RunID:          rapid.SampledFrom([]string{"", "", "", "r0"}).Draw(t, label("run")),
			IncludePartial: rapid.Bool().Draw(t, label("partial")),
		},
	}
	if rapid.Bool().Draw(t, label("typed")) {
		r.filter.Types = rapid.SliceOfNDistinct(rapid.SampledFrom(api.EventTypes), 1, 3, rapid.ID).Draw(t, label("types"))
	}
	if rapid.Bool().Draw(t, label("from start")) {
		r.start = new(int64(0))
	}
	typ := api.EventSessionDeleted
	if r.filter.Types != nil {
		typ = r.filter.Types[0]
	}
	r.last = bus.NewEvent(0, typ, r.filter.SessionID, r.filter.RunID, func() []byte { return nil })
	return r
}

// run reads until the reader's last event has come. It closes joined once it
// has its cursor.
func (r *reader) run(ctx context.Context, h *bus.Hub, joined chan<- struct{}) error {
	after := r.start
	for {
		s, head, err := h.Subscribe(r.filter, after)
		if joined != nil {
			close(joined)
			joined = nil
		}
		if err != nil {
			return err
		}
		if after == nil {
			r.head = head
		}
		done, err := r.follow(ctx, s)
		s.Close()
		if done || err != nil {
			return err
		}
		after = &r.got[len(r.got)-1]
	}
}

// follow reads one subscription, until the last event or until it is time to
// come back with a new one.
func (r *reader) follow(ctx context.Context, s *bus.Subscription) (done bool, err error) {
	for n := 0; ; {
		for range r.slow {
			runtime.Gosched()
		}
		ds, err := s.Next(ctx)
		if err != nil {
			return false, err
		}
		for _, d := range ds {
			if d.Event.Seq == 0 {
				r.partial += 1 + d.Dropped
				continue
			}
			r.got = append(r.got, d.Event.Seq)
			n++
			if d.Event == r.last {
				return true, nil
			}
			if n == r.rejoin {
				return false, nil
			}
		}
	}
}

// TestDeliveryIsGapless: whatever is published in whatever groups, each
// subscriber gets what its filter picks behind its cursor, once and in order.
func TestDeliveryIsGapless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newLog()
		l.page = rapid.SampledFrom([]int{1, 3, 50, 1000}).Draw(t, "rows of a page")
		for range rapid.IntRange(0, 20).Draw(t, "before") {
			l.add(1, event(0, api.EventSessionCreated))
		}
		h := bus.NewHub(l, bus.Options{
			RingEvents: rapid.SampledFrom([]int{1, 2, 10, 300}).Draw(t, "ring events"),
			RingBytes:  rapid.SampledFrom([]int{1, 2000, 1 << 20}).Draw(t, "ring bytes"),
		})
		defer h.Close()
		groups := rapid.SliceOfN(rapid.IntRange(1, 40), 1, 40).Draw(t, "groups")
		skip := rapid.Int64Range(1, 3).Draw(t, "holes")
		readers := make([]*reader, rapid.IntRange(1, 6).Draw(t, "readers"))
		for i := range readers {
			readers[i] = drawReader(t, i, len(groups))
		}
		deliver(t, l, h, groups, skip, readers)
		for i, r := range readers {
			check(t, l, i, r)
		}
	})
}

// deliver publishes the groups while the readers read, and waits for all.
func deliver(t *rapid.T, l *memLog, h *bus.Hub, groups []int, skip int64, readers []*reader) {
	// A lost event would be waited for: that shall fail, too.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var all errgroup.Group
	join := func(commits int) {
		for _, r := range readers {
			if r.joinAt == commits {
				joined := make(chan struct{})
				all.Go(func() error { return r.run(ctx, h, joined) })
				<-joined
			}
		}
	}
	for i, n := range groups {
		join(i)
		events := make([]*bus.Event, n)
		for k := range events {
			events[k] = event((i+k)%3, api.EventTypes[(i*7+k)%len(api.EventTypes)])
		}
		h.Publish(l.add(skip, events...))
		h.PublishPartial(partialMessage(i % 3))
	}
	join(len(groups))
	for _, r := range readers {
		h.Publish(l.add(1, r.last))
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
}

// check compares what a reader got with what the log has for it.
func check(t *rapid.T, l *memLog, i int, r *reader) {
	from := r.head
	if r.start != nil {
		from = *r.start
	}
	var want []int64
	for _, e := range l.events {
		if e.Seq > from && e.Seq <= r.last.Seq && picks(r.filter, e) {
			want = append(want, e.Seq)
		}
	}
	if !slices.Equal(r.got, want) {
		t.Fatalf("reader %d behind %d got %v, want %v", i, from, r.got, want)
	}
	if r.partial > 0 && !r.filter.IncludePartial {
		t.Fatalf("reader %d got partial messages without asking", i)
	}
}
