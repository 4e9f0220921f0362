package bus_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

// What happens to the log, one by one, while subscribers read it.
const (
	doPublish = "publish" // a group is committed and published
	doPartial = "partial" // a partial message
	doDelete  = "delete"  // a session, with its events
	doCut     = "cut"     // the log loses a part of its beginning
	doRestart = "restart" // the daemon stops, and the next one begins
	doCrash   = "crash"   // as restart, but its last commit was not published
)

// act is one of them, n says how much.
type act struct {
	what string
	n    int
}

func drawActs(t *rapid.T) []act {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		return act{
			what: rapid.SampledFrom([]string{doPublish, doPublish, doPublish, doPublish, doPublish,
				doPartial, doDelete, doCut, doRestart, doCrash}).Draw(t, "act"),
			n: rapid.IntRange(1, 40).Draw(t, "n"),
		}
	}), 1, 50).Draw(t, "acts")
}

// system is a log and the daemon of the moment: a hub on it.
type system struct {
	log     *memLog
	options bus.Options
	skip    int64        // seq between two events
	dead    map[int]bool // sessions that were deleted

	mu      sync.Mutex // guards what follows
	hub     *bus.Hub
	changed chan struct{} // closed when hub is another
}

// survivor is the session that is never deleted; those below it may be.
const survivor = 3

func newSystem(t *rapid.T) *system {
	y := &system{
		log:  newLog(),
		skip: rapid.Int64Range(1, 3).Draw(t, "holes"),
		dead: map[int]bool{},
		options: bus.Options{
			RingEvents: rapid.SampledFrom([]int{1, 2, 10, 300}).Draw(t, "ring events"),
			RingBytes:  rapid.SampledFrom([]int{1, 2000, 1 << 20}).Draw(t, "ring bytes"),
		},
		changed: make(chan struct{}),
	}
	y.log.page = rapid.SampledFrom([]int{1, 3, 50, 1000}).Draw(t, "rows of a page")
	for range rapid.IntRange(0, 20).Draw(t, "before") {
		y.log.add(1, event(0, api.EventSessionCreated))
	}
	y.hub = bus.NewHub(y.log, y.options)
	return y
}

// restart closes the hub and makes the next one.
func (y *system) restart() {
	y.hub.Close()
	y.mu.Lock()
	defer y.mu.Unlock()
	y.hub = bus.NewHub(y.log, y.options)
	close(y.changed)
	y.changed = make(chan struct{})
}

// after waits for the hub that comes after another.
func (y *system) after(ctx context.Context, old *bus.Hub) (*bus.Hub, error) {
	for {
		y.mu.Lock()
		hub, changed := y.hub, y.changed
		y.mu.Unlock()
		if hub != old {
			return hub, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// otherTypes is what happens to a session that is not deleted.
var otherTypes = slices.DeleteFunc(slices.Clone(api.EventTypes), func(typ api.EventType) bool { return typ == api.EventSessionDeleted })

// commit appends n events of several sessions and types, step i of the run.
func (y *system) commit(i, n int) []*bus.Event {
	events := make([]*bus.Event, n)
	for k := range events {
		session := (i + k) % (survivor + 1)
		if y.dead[session] {
			session = survivor
		}
		events[k] = event(session, otherTypes[(i*7+k)%len(otherTypes)])
	}
	return y.log.add(y.skip, events...)
}

// do does step i of the run.
func (y *system) do(i int, a act) {
	switch a.what {
	case doPublish:
		y.hub.Publish(y.commit(i, a.n))
	case doPartial:
		y.hub.PublishPartial(partialMessage(i % (survivor + 1)))
	case doDelete:
		if session := a.n % survivor; !y.dead[session] {
			y.dead[session] = true
			y.hub.Publish(y.log.remove(session))
		}
	case doCut:
		y.log.cut(a.n, 40)
	case doCrash:
		y.commit(i, a.n)
		y.restart()
	case doRestart:
		y.restart()
	}
}

// reader is a subscriber: it may be slow, and may come back with its cursor.
type reader struct {
	name   string
	filter bus.Filter
	start  *int64
	slow   int // how often it lets others go first before each call
	rejoin int // after so many events; 0: only when the daemon was restarted
	joinAt int // after so many acts

	head    int64 // of its first subscription
	got     []int64
	missed  [][2]int64 // what it was told that is gone: behind the one, before the other
	partial int        // partial messages that came
}

func drawReader(t *rapid.T, i, acts int) *reader {
	label := func(s string) string { return fmt.Sprint("reader ", i, " ", s) }
	r := &reader{
		name:   fmt.Sprint("reader ", i),
		slow:   rapid.SampledFrom([]int{0, 0, 1, 20}).Draw(t, label("slow")),
		rejoin: rapid.SampledFrom([]int{0, 0, 1, 7, 300}).Draw(t, label("rejoin")),
		joinAt: rapid.IntRange(0, acts).Draw(t, label("join at")),
		filter: bus.Filter{
			SessionID:      rapid.SampledFrom([]string{"", "", "s0", "s1"}).Draw(t, label("session")),
			RunID:          rapid.SampledFrom([]string{"", "", "", "r0"}).Draw(t, label("run")),
			IncludePartial: rapid.Bool().Draw(t, label("partial")),
		},
	}
	if rapid.Bool().Draw(t, label("typed")) {
		r.filter.Types = rapid.SliceOfNDistinct(rapid.SampledFrom(api.EventTypes), 1, 3, rapid.ID).Draw(t, label("types"))
		if slices.Contains(r.filter.Types, api.EventSessionDeleted) {
			r.filter.Types = append(r.filter.Types, api.EventSessionUpdated) // for its last
		}
	}
	if rapid.Bool().Draw(t, label("from start")) {
		r.start = new(int64(0))
	}
	return r
}

// last makes the event that tells the reader to stop: its filter picks it.
func (r *reader) last() *bus.Event {
	typ := api.EventSessionCreated
	if r.filter.Types != nil {
		typ = r.filter.Types[len(r.filter.Types)-1]
	}
	return bus.NewEvent(0, typ, r.filter.SessionID, r.filter.RunID, func() []byte { return []byte(r.name) })
}

// run reads until the reader's last event has come, from one hub after another.
// It closes joined once it has its cursor.
func (r *reader) run(ctx context.Context, y *system, joined chan<- struct{}) error {
	after := r.start
	hub, err := y.after(ctx, nil)
	for err == nil {
		s, head, subscribed := hub.Subscribe(r.filter, after)
		if after == nil && subscribed == nil {
			r.head, after = head, &head
		}
		if joined != nil {
			close(joined)
			joined = nil
		}
		err = subscribed
		if err == nil {
			var done bool
			done, err = r.follow(ctx, s, &after)
			s.Close()
			if done {
				return nil
			}
		}
		var expired *api.Error
		switch {
		case errors.Is(err, bus.ErrClosed):
			hub, err = y.after(ctx, hub)
		case errors.As(err, &expired):
			oldest := expired.Data["oldest_seq"].(int64)
			if *after >= oldest-1 {
				return fmt.Errorf("cursor %d has expired, but the log begins at %d: %w", *after, oldest, err)
			}
			r.missed = append(r.missed, [2]int64{*after, oldest})
			after, err = new(oldest-1), nil
		}
	}
	return err
}

// follow reads one subscription, until the last event or until it is time to
// come back with a new one, and moves the cursor along.
func (r *reader) follow(ctx context.Context, s *bus.Subscription, cursor **int64) (done bool, err error) {
	for n := 0; ; {
		for range r.slow {
			runtime.Gosched()
		}
		ds, err := s.Next(ctx)
		if err != nil {
			return false, err
		}
		for _, d := range ds {
			if d.Event.Type == api.EventPartialMessage && d.Event.Seq == 0 {
				r.partial++
				continue
			}
			r.got = append(r.got, d.Event.Seq)
			*cursor = &d.Event.Seq
			n++
			if string(d.Event.JSON()) == r.name {
				return true, nil
			}
			if n == r.rejoin {
				return false, nil
			}
		}
	}
}

// TestDeliveryIsGapless: whatever is published, deleted and cut, and however
// often the daemon crashes, each subscriber gets what its filter picks behind
// its cursor, once and in order, or is told what is gone.
func TestDeliveryIsGapless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		y := newSystem(t)
		defer func() { y.hub.Close() }()
		acts := drawActs(t)
		readers := make([]*reader, rapid.IntRange(1, 6).Draw(t, "readers"))
		for i := range readers {
			readers[i] = drawReader(t, i, len(acts))
		}
		deliver(t, y, acts, readers)
		for _, r := range readers {
			check(t, y, r)
		}
	})
}

// deliver does all acts while the readers read, and waits for all.
func deliver(t *rapid.T, y *system, acts []act, readers []*reader) {
	// A lost event would be waited for: that shall fail, too.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var all errgroup.Group
	join := func(i int) {
		for _, r := range readers {
			if r.joinAt == i {
				joined := make(chan struct{})
				all.Go(func() error { return r.run(ctx, y, joined) })
				<-joined
			}
		}
	}
	for i, a := range acts {
		join(i)
		y.do(i, a)
	}
	join(len(acts))
	for _, r := range readers {
		y.hub.Publish(y.log.add(1, r.last()))
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
}

// check compares what a reader got with the list of all that ever happened.
func check(t *rapid.T, y *system, r *reader) {
	from := r.head
	if r.start != nil {
		from = *r.start
	}
	rest := r.got
	for _, e := range y.log.events {
		if len(rest) == 0 {
			break // it has had its last
		}
		if e.Seq <= from || !picks(r.filter, e) {
			continue
		}
		if rest[0] == e.Seq {
			rest = rest[1:]
			continue
		}
		gone := e.Seq < y.log.deleted[e.SessionID] || slices.ContainsFunc(r.missed, func(m [2]int64) bool { return m[0] < e.Seq && e.Seq < m[1] })
		if !gone {
			t.Fatalf("%s behind %d missed %d; it got %v, and was told that %v are gone", r.name, from, e.Seq, r.got, r.missed)
		}
	}
	if len(rest) > 0 {
		t.Fatalf("%s behind %d got %v, of which %v is too much or out of order", r.name, from, r.got, rest)
	}
	if r.partial > 0 && !r.filter.IncludePartial {
		t.Fatalf("%s got partial messages without asking", r.name)
	}
}
