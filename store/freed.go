package store

import "sync"

// fewEvents is up to how many events a page is made anew each time.
const fewEvents = 64

// freed is memory of pages that nobody looks at any more: a reading of thousands
// of events makes none of its own. What is not taken soon goes to the collector.
type freed struct{ pool sync.Pool }

// take returns memory for a page of at most so many events, or nil.
func (f *freed) take(limit int) []Event {
	if limit <= fewEvents {
		return nil
	}
	events, ok := f.pool.Get().(*[]Event)
	if !ok {
		return nil
	}
	return *events
}

// Free gives back the memory of events that came from Log or ReadConversation: the
// next reading uses it. Nobody may look at them any more. What they point to stays.
// Nobody has to call it.
func (s *Store) Free(events []Event) {
	if cap(events) <= fewEvents {
		return
	}
	clear(events) // keeps no line alive
	events = events[:0]
	s.freed.pool.Put(&events)
}
