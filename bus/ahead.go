package bus

import "context"

// maxAhead is how many subscriptions, of all that are behind, may have a page of
// the log read while they are busy with the one before. It bounds what those hold
// that do not go on; the others read a page when they need it.
const maxAhead = 8

// aheadPage is what reading a page ahead came to.
type aheadPage struct {
	page Page
	err  error
}

// readAhead has the page behind the cursor read, if the ring does not have it and
// a place is free. takeAhead waits for it; it ends soon when ctx does.
func (s *Subscription) readAhead(ctx context.Context) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, open := h.subs[s]; !open || s.cursor >= h.ring.base {
		return
	}
	select {
	case h.ahead <- struct{}{}:
	default:
		return
	}
	ahead, cursor := make(chan aheadPage, 1), s.cursor
	s.ahead = ahead
	go func() {
		page, err := h.readPage(ctx, cursor, s.filter)
		ahead <- aheadPage{page, err}
	}()
}

// takeAhead waits for the page that is being read ahead, and returns it. ok is false
// if there is none, or it could not be read: then it is to be read now.
func (s *Subscription) takeAhead() (page Page, ok bool) {
	s.hub.mu.Lock()
	ahead := s.ahead
	s.ahead = nil
	s.hub.mu.Unlock()
	if ahead == nil {
		return Page{}, false
	}
	r := <-ahead
	<-s.hub.ahead
	return r.page, r.err == nil
}
