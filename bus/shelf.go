package bus

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
)

// Bounds of what a shelf keeps, but for the newest page, which may be larger.
const (
	maxShelfPages = 64
	maxShelfBytes = 8 << 20
)

// shelf holds the newest pages of the log that were read, so that a crowd that is
// behind the ring has them read and encoded for all, not each for itself. Of
// a page that one subscription reads it only notes where it was: its events are
// written right into what is sent, and their memory is used again. When another comes to
// the same place there is a crowd, and the page is kept for all that follow.
type shelf struct{ pages []*shelfPage } // in the order in which they were begun

// shelfPage is a page that is being read, or was.
type shelfPage struct {
	filter     Filter
	from, upTo int64 // what it covers is behind from; until it is read, upTo is where it ends most likely
	kept       bool
	read       chan struct{} // closed once it is read; one that could not be covers nothing

	events []*Event // of one that is kept, once it is read
	bytes  int
}

// place returns the page that is kept of what is behind cursor, or puts a new one on the
// shelf, which the caller has to read.
func (s *shelf) place(cursor int64, f Filter) (_ *shelfPage, found bool) {
	crowd := false
	for _, p := range slices.Backward(s.pages) {
		if p.from > cursor || cursor >= p.upTo || !p.filter.sameLog(&f) {
			continue
		}
		if p.kept {
			return p, true
		}
		crowd = true
	}
	p := &shelfPage{filter: f, from: cursor, upTo: cursor + pageSize, kept: crowd, read: make(chan struct{})}
	s.pages = append(s.pages, p)
	s.trim()
	return p, false
}

// trim lets go of the oldest until the bounds are kept.
func (s *shelf) trim() {
	held, n := 0, len(s.pages)
	for n > 0 && len(s.pages)-n < maxShelfPages {
		if held += s.pages[n-1].bytes; held > maxShelfBytes && n < len(s.pages) {
			break
		}
		n--
	}
	s.pages = slices.Delete(s.pages, 0, n)
}

// clear lets go of all. What is being read comes to those who wait for it.
func (s *shelf) clear() { s.pages = nil }

// readPage reads a page of the log behind cursor, or takes it from the shelf. Whether
// the log reaches back to it is asked behind the reading: what is cut away in between
// is missing in it.
func (h *Hub) readPage(ctx context.Context, cursor int64, f Filter) (Page, error) {
	for {
		h.mu.Lock()
		p, found := h.shelf.place(cursor, f)
		if len(h.behind) == 0 { // it was closed meanwhile, and nobody is there to share with
			h.shelf.clear()
		}
		h.mu.Unlock()
		if !found {
			return h.fill(ctx, p)
		}
		select {
		case <-p.read:
		case <-ctx.Done():
			return Page{}, ctx.Err()
		}
		if cursor < p.upTo {
			return Page{Events: behind(p.events, cursor), UpTo: p.upTo}, h.checkCursor(cursor)
		}
	}
}

// fill reads a page that was put on the shelf.
func (h *Hub) fill(ctx context.Context, p *shelfPage) (Page, error) {
	page, err := h.readStored(ctx, p.from, p.filter)
	if err == nil && p.kept {
		page = page.share()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	defer close(p.read)
	if err != nil {
		p.upTo = p.from
		return Page{}, err
	}
	if p.upTo = page.UpTo; p.kept {
		p.events = page.Events
		for _, e := range p.events {
			p.bytes += e.cost()
		}
		h.shelf.trim()
	}
	return page, nil
}

// readStored reads a page from the log itself. Who waits here lets those go first who
// find their page on the shelf: so a crowd stays together.
func (h *Hub) readStored(ctx context.Context, cursor int64, f Filter) (Page, error) {
	select {
	case h.reading <- struct{}{}:
		defer func() { <-h.reading }()
	case <-ctx.Done():
		return Page{}, ctx.Err()
	}
	page, err := h.log.Page(ctx, cursor, pageSize, f)
	if err != nil {
		return Page{}, fmt.Errorf("read events after %d: %w", cursor, err)
	}
	if err := h.checkCursor(cursor); err != nil {
		return Page{}, err
	}
	if page.UpTo <= cursor { // it would be asked for ever
		return Page{}, fmt.Errorf("the log ends at %d, before an event that was published", page.UpTo)
	}
	return page, nil
}

// scratch holds memory that pages are encoded in, of which what they take is known only then.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch is how large that may be to be used again.
const maxScratch = 1 << 20

// share returns the page with its events encoded, for as long as anybody holds them. They
// share memory, and there is no more of it than they have bytes.
func (p Page) share() Page {
	buffer := scratch.Get().(*[]byte)
	encoded, ends := (*buffer)[:0], make([]int, len(p.Events))
	for i, e := range p.Events {
		encoded = e.appendJSON(encoded)
		ends[i] = len(encoded)
	}
	exact := bytes.Clone(encoded)
	if cap(encoded) <= maxScratch {
		*buffer = encoded
		scratch.Put(buffer)
	}
	made, events, begin := make([]Event, len(p.Events)), make([]*Event, len(p.Events)), 0
	for i, e := range p.Events {
		json := exact[begin:ends[i]:ends[i]]
		made[i] = Event{Seq: e.Seq, Type: e.Type, SessionID: e.SessionID, RunID: e.RunID, Size: len(json), json: json}
		events[i], begin = &made[i], ends[i]
	}
	if p.Free != nil {
		p.Free()
	}
	return Page{Events: events, UpTo: p.UpTo}
}
