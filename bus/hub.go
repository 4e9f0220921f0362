package bus

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/sessiond/sessiond/rpc/api"
)

// ErrClosed says that the hub or the subscription is closed.
var ErrClosed = errors.New("the subscription is closed")

// Log is where stored events are read from.
type Log interface {
	// Page reads behind after: at most limit events that f picks, in order.
	Page(ctx context.Context, after int64, limit int, f Filter) (Page, error)
	// Head is the newest seq that is committed.
	Head() int64
	// OldestSeq is where the log is whole from. It moves before anything below
	// it is cut away.
	OldestSeq() int64
	// Void reports whether seq is of an event that the log has lost to an older
	// backup. Nothing else ever gets that number.
	Void(seq int64) bool
}

// Page is a part of the log.
type Page struct {
	Events []*Event
	UpTo   int64  // everything up to here was looked at: it is beyond after, unless that is Head
	Free   func() // if set, is called once, when nobody looks at the events any more
}

// Options bound what a hub keeps; 0 takes the default.
type Options struct {
	RingEvents int // the newest events, as many at most; default 32768
	RingBytes  int // and of at most so many bytes, by Event.Size; default 16 MiB
}

const (
	defaultRingEvents = 32768
	defaultRingBytes  = 16 << 20
)

// Hub passes events on from one publisher, who never waits, to subscribers.
type Hub struct {
	log     Log
	ahead   chan struct{} // a place for each page that is read ahead
	reading chan struct{} // a place for each page that is being read: as many as there are processors, two at least

	// mu guards the rest and the partials of every subscription. It is held
	// shortly: nothing is encoded, read or waited for under it.
	mu     sync.Mutex
	ring   ring
	wake   chan struct{} // closed and replaced when there is something new
	subs   map[*Subscription]struct{}
	behind map[*Subscription]struct{} // those of subs who are behind the ring
	shelf  shelf                      // what they read; it holds nothing if there are none
	closed bool
}

// NewHub makes a hub that goes on from where the log ends now. Whatever is
// committed from now on has to be published.
func NewHub(log Log, o Options) *Hub {
	if o.RingEvents <= 0 {
		o.RingEvents = defaultRingEvents
	}
	if o.RingBytes <= 0 {
		o.RingBytes = defaultRingBytes
	}
	head := log.Head()
	return &Hub{log: log, ahead: make(chan struct{}, maxAhead), reading: make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		ring: ring{maxEvents: o.RingEvents, maxBytes: o.RingBytes, base: head, head: head},
		wake: make(chan struct{}), subs: map[*Subscription]struct{}{}, behind: map[*Subscription]struct{}{}}
}

// Publish passes on events that have been committed, in the order of seq. It
// does not block.
func (h *Hub) Publish(events []*Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		if e.Type == api.EventSessionDeleted {
			h.ring.forget(e.SessionID)
			h.shelf.clear()
		}
		h.ring.push(e)
	}
	close(h.wake)
	h.wake = make(chan struct{})
}

// PublishPartial passes on a partial message: its place is behind what has been
// published. Subscriptions that have too many waiting miss it. It does not block.
func (h *Hub) PublishPartial(ev *Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		if s.filter.IncludePartial && s.filter.match(ev) {
			s.partials.push(ev, h.ring.head)
			s.notify()
		}
	}
}

// Subscribe begins a subscription behind seq *after, or from now on if after is
// nil: with the first event that is committed after the call. head is the
// newest seq of the log. A cursor that the log does not reach back or up to, or
// that is void, is an *api.Error, cursor_expired. The subscription must be closed.
func (h *Hub) Subscribe(f Filter, after *int64) (_ *Subscription, head int64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, 0, ErrClosed
	}
	head = h.log.Head()
	cursor := head
	if after != nil {
		cursor = *after
	}
	if cursor > head {
		return nil, 0, cursorExpired(h.log.OldestSeq(), "the log ends at %d, before the cursor %d", head, cursor)
	}
	if h.log.Void(cursor) {
		return nil, 0, cursorExpired(h.log.OldestSeq(), "the cursor %d is of a log that was replaced by a backup", cursor)
	}
	if err := h.checkCursor(cursor); err != nil {
		return nil, 0, err
	}
	s := &Subscription{hub: h, filter: f, cursor: cursor, woken: make(chan struct{}, 1), done: make(chan struct{})}
	h.subs[s] = struct{}{}
	return s, head, nil
}

// setBehind notes whether an open subscription is behind the ring.
func (h *Hub) setBehind(s *Subscription, is bool) {
	if _, open := h.subs[s]; open && is {
		h.behind[s] = struct{}{}
		return
	}
	delete(h.behind, s)
	if len(h.behind) == 0 {
		h.shelf.clear()
	}
}

// checkCursor reports whether the log has all that comes after cursor.
func (h *Hub) checkCursor(cursor int64) error {
	if oldest := h.log.OldestSeq(); cursor < oldest-1 {
		return cursorExpired(oldest, "the log begins at %d, events after the cursor %d are gone", oldest, cursor)
	}
	return nil
}

func cursorExpired(oldest int64, format string, args ...any) error {
	return api.Errorf(api.ReasonCursorExpired, format, args...).With("oldest_seq", oldest)
}

// Close ends all subscriptions: Next returns ErrClosed. What is published
// afterwards is heard by nobody.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		s.closeLocked()
	}
}
