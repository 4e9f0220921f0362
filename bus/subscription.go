package bus

import "context"

// pageSize is how many stored events a call of Next gives at most.
const pageSize = 256

// Delivery is an event for one subscription. Dropped, on partial messages, says
// how many were left out before it.
type Delivery struct {
	Event   *Event
	Dropped int
}

// Subscription is one reader of the log, used by one goroutine; Close may come
// from any.
type Subscription struct {
	hub    *Hub
	filter Filter
	cursor int64         // everything up to here has been given or filtered out
	woken  chan struct{} // a token: a partial message waits
	done   chan struct{} // closed by Close

	free func() // gives back the page of the log that the last deliveries were; nil: there is none

	partials partials         // guarded by hub.mu
	ahead    <-chan aheadPage // guarded by hub.mu: on which the next page comes; nil: it is not being read
}

// Next blocks until there is something to deliver, and returns it in order: at
// most 256 stored events and the partial messages among them. It returns
// ErrClosed once the subscription or the hub is closed, ctx's error, an error
// of the log's, or cursor_expired if the log was cut behind the cursor. After an
// error of the log's it may be called again and goes on where it was. Events that
// have Append are valid until it is called again.
func (s *Subscription) Next(ctx context.Context) ([]Delivery, error) {
	for {
		s.release()
		select {
		case <-s.done:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		default:
		}
		deliveries, wake, err := s.advance(ctx)
		if err != nil || len(deliveries) > 0 {
			return deliveries, err
		}
		if wake == nil {
			continue
		}
		select {
		case <-wake:
		case <-s.woken:
		case <-s.done:
		case <-ctx.Done():
		}
	}
}

// advance takes one step: a page of the log, or of the ring. At the head it
// returns the channel that tells of more.
func (s *Subscription) advance(ctx context.Context) ([]Delivery, <-chan struct{}, error) {
	s.hub.mu.Lock()
	events, inRing := s.hub.ring.after(s.cursor, pageSize)
	wake := s.hub.wake
	s.hub.setBehind(s, !inRing)
	if inRing && len(events) == 0 {
		taken := s.partials.take(s.cursor)
		s.hub.mu.Unlock()
		return merge(nil, taken), wake, nil
	}
	s.hub.mu.Unlock()
	if !inRing {
		return s.readLog(ctx)
	}
	s.cursor = events[len(events)-1].Seq
	picked := events[:0]
	for _, e := range events {
		if s.filter.match(e) {
			picked = append(picked, e)
		}
	}
	return s.withPartials(picked), nil, nil
}

// readLog takes a page from the log, and has the next one read meanwhile.
func (s *Subscription) readLog(ctx context.Context) ([]Delivery, <-chan struct{}, error) {
	page, ok := s.takeAhead()
	if !ok {
		var err error
		if page, err = s.hub.readPage(ctx, s.cursor, s.filter); err != nil {
			return nil, nil, err
		}
	}
	s.cursor, s.free = page.UpTo, page.Free
	s.readAhead(ctx)
	return s.withPartials(page.Events), nil, nil
}

// release gives back the page that was given last.
func (s *Subscription) release() {
	if s.free != nil {
		s.free()
		s.free = nil
	}
}

// withPartials puts the partial messages that are due among events.
func (s *Subscription) withPartials(events []*Event) []Delivery {
	s.hub.mu.Lock()
	taken := s.partials.take(s.cursor)
	s.hub.mu.Unlock()
	return merge(events, taken)
}

// merge puts each partial message behind the events that came before it.
func merge(events []*Event, partials []partial) []Delivery {
	if len(events)+len(partials) == 0 {
		return nil
	}
	out := make([]Delivery, 0, len(events)+len(partials))
	for _, e := range events {
		for len(partials) > 0 && partials[0].after < e.Seq {
			out = append(out, partials[0].Delivery)
			partials = partials[1:]
		}
		out = append(out, Delivery{Event: e})
	}
	for _, p := range partials {
		out = append(out, p.Delivery)
	}
	return out
}

// notify leaves a token for Next; one is enough.
func (s *Subscription) notify() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// Close ends the subscription; Next returns ErrClosed. It may be called again. It
// waits for a page that is being read ahead for it, whoever reads it.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	s.closeLocked()
	s.hub.mu.Unlock()
	s.takeAhead()
}

// closeLocked needs hub.mu.
func (s *Subscription) closeLocked() {
	if _, open := s.hub.subs[s]; open {
		delete(s.hub.subs, s)
		s.hub.setBehind(s, false)
		close(s.done)
	}
}
