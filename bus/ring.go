package bus

import (
	"cmp"
	"slices"
)

// ring holds the newest events, within bounds: every one behind seq base, but for
// those of sessions that were deleted.
type ring struct {
	maxEvents, maxBytes int

	events []*Event // in the order of seq
	bytes  int
	base   int64 // everything after this that the log has is in events
	head   int64 // seq of the newest, held or not
}

// push appends e, and lets go of the oldest until the bounds are kept.
func (r *ring) push(e *Event) {
	r.events = append(r.events, e)
	r.bytes += e.cost()
	r.head = e.Seq
	for len(r.events) > r.maxEvents || r.bytes > r.maxBytes && len(r.events) > 0 {
		oldest := r.events[0]
		r.events[0] = nil // the array lives on until append moves to another one
		r.events = r.events[1:]
		r.bytes -= oldest.cost()
		r.base = oldest.Seq
	}
}

// forget lets go of a session's events: the log has them no more.
func (r *ring) forget(sessionID string) {
	r.events = slices.DeleteFunc(r.events, func(e *Event) bool {
		if e.SessionID != sessionID {
			return false
		}
		r.bytes -= e.cost()
		return true
	})
}

// after returns a copy of at most limit events behind cursor, and about pageBytes of
// them, one at least; ok is false if some of them are no longer held.
func (r *ring) after(cursor int64, limit int) (events []*Event, ok bool) {
	if cursor < r.base {
		return nil, false
	}
	events = behind(r.events, cursor)
	bytes, end := 0, min(limit, len(events))
	for n, e := range events[:end] {
		if bytes += e.cost(); bytes >= pageBytes {
			end = n + 1
			break
		}
	}
	return slices.Clone(events[:end]), true
}

// behind is the part of events, which are in order, that comes behind cursor.
func behind(events []*Event, cursor int64) []*Event {
	i, _ := slices.BinarySearchFunc(events, cursor+1, func(e *Event, seq int64) int { return cmp.Compare(e.Seq, seq) })
	return events[i:]
}

// pageBytes is about how many bytes of events a page of the ring has: it is what
// a reader holds that has no place for it.
const pageBytes = 128 << 10

// partials holds partial messages for one subscription, within bounds.
type partials struct {
	waiting []partial
	bytes   int
	dropped int // since the last one that found a place
}

// partial is a partial message in its place: behind the stored event after.
type partial struct {
	Delivery
	after int64
}

const (
	maxPartials     = 256
	maxPartialBytes = 1 << 20
)

// push appends e, or counts it as dropped if there is no room.
func (p *partials) push(e *Event, after int64) {
	if len(p.waiting) >= maxPartials || len(p.waiting) > 0 && p.bytes+e.cost() > maxPartialBytes {
		p.dropped++
		return
	}
	p.waiting = append(p.waiting, partial{Delivery: Delivery{Event: e, Dropped: p.dropped}, after: after})
	p.bytes += e.cost()
	p.dropped = 0
}

// take removes those whose place is not behind cursor.
func (p *partials) take(cursor int64) []partial {
	n := 0
	for n < len(p.waiting) && p.waiting[n].after <= cursor {
		p.bytes -= p.waiting[n].Event.cost()
		n++
	}
	taken := p.waiting[:n:n]
	if p.waiting = p.waiting[n:]; len(p.waiting) == 0 {
		p.waiting = nil
	}
	return taken
}
