package tui

import "github.com/sessiond/sessiond/rpc/api"

// scroll is which part of a transcript is on the screen. It knows a block at
// the top and a line in it, not how high everything is: so only blocks are
// rendered that are on the screen, or are passed one by one.
type scroll struct {
	transcript
	r             *renderer
	width, height int

	top, line int  // the first line on the screen: a block, and a line of it
	follow    bool // the end stays on the screen
	selected  int  // the block that keys act on
	unseen    int  // blocks that have come below the screen
	partial   block
}

// height is how many lines block i has.
func (s *scroll) lines(i int) []string { return s.r.render(s.at(i), s.width) }

// count is how many blocks there are, with the one that is being written.
func (s *scroll) count() int {
	if s.partial.Content != "" {
		return len(s.blocks) + 1
	}
	return len(s.blocks)
}

// at returns block i; behind the others is what is being written.
func (s *scroll) at(i int) *block {
	if i < len(s.blocks) {
		return s.blocks[i]
	}
	return &s.partial
}

// end is where the screen shows the last line at its bottom.
func (s *scroll) end() (top, line int) {
	room := s.height
	for i := s.count() - 1; i >= 0; i-- {
		n := len(s.lines(i))
		if n >= room {
			return i, n - room
		}
		room -= n
	}
	return 0, 0
}

// by scrolls down by so many lines, up if there are fewer than none.
func (s *scroll) by(n int) {
	if s.count() == 0 {
		return
	}
	s.settle()
	s.line += n
	s.roll()
	s.follow = false
	s.settle()
	s.keepSelected()
}

// roll has the first line on the screen be one of the block at the top.
func (s *scroll) roll() {
	for s.line < 0 && s.top > 0 {
		s.top--
		s.line += len(s.lines(s.top))
	}
	s.line = max(s.line, 0)
	for s.top < s.count()-1 && s.line >= len(s.lines(s.top)) {
		s.line -= len(s.lines(s.top))
		s.top++
	}
}

// row is where on the screen block i begins; above it that is less than 0.
func (s *scroll) row(i int) int {
	row := -s.line
	for j := s.top; j < i; j++ {
		row += len(s.lines(j))
	}
	for j := i; j < s.top; j++ {
		row -= len(s.lines(j))
	}
	return row
}

// place selects block i, and has its text begin at a row of the screen.
func (s *scroll) place(i, row int) {
	s.top, s.line, s.follow = i, s.at(i).blank()-row, false
	s.roll()
	s.settle()
	s.selected = i
}

// settle moves the screen where it cannot show less than it could.
func (s *scroll) settle() {
	top, line := s.end()
	if s.follow || s.top > top || s.top == top && s.line >= line {
		s.top, s.line, s.follow, s.unseen = top, line, true, 0
	}
}

// keepSelected has the selected block be one that is on the screen.
func (s *scroll) keepSelected() {
	first, last := s.visible()
	s.selected = min(max(s.selected, first), last)
}

// visible returns the first and the last block that is on the screen.
func (s *scroll) visible() (first, last int) {
	room := s.height + s.line
	last = s.top
	for i := s.top; i < s.count() && room > 0; i++ {
		last = i
		room -= len(s.lines(i))
	}
	return s.top, last
}

// selectBy moves the selection, and the screen with it. A block that is higher
// than the screen is scrolled through first.
func (s *scroll) selectBy(n int) {
	if s.count() == 0 {
		return
	}
	s.settle()
	first, last := s.visible()
	if s.selected < first || s.selected > last {
		s.selected = min(max(s.selected, first), last)
		return
	}
	above, below := s.hidden(s.selected)
	switch {
	case n > 0 && below > 0:
		s.by(min(below, s.height/2))
		return
	case n < 0 && above > 0:
		s.by(-min(above, s.height/2))
		return
	}
	s.selected = min(max(s.selected+n, 0), s.count()-1)
	s.reveal()
}

// hidden is how many lines of block i are above and below the screen.
func (s *scroll) hidden(i int) (above, below int) {
	if i < s.top {
		return len(s.lines(i)), 0
	}
	at := s.row(i)
	return max(0, -at), max(0, at+len(s.lines(i))-s.height)
}

// reveal scrolls to where the selected block is on the screen, its beginning at
// least.
func (s *scroll) reveal() {
	if s.selected < s.top || s.selected == s.top && s.line > 0 {
		s.top, s.line, s.follow = s.selected, 0, false
		s.settle()
		return
	}
	if _, below := s.hidden(s.selected); below > 0 {
		s.top, s.line, s.follow = s.selected, 0, false
		if n := len(s.lines(s.selected)); n < s.height { // its end at the bottom
			s.line = n - s.height
			s.roll()
		}
		s.settle()
	}
}

// home goes to the beginning of what is loaded, last to its end.
func (s *scroll) home() {
	s.top, s.line, s.follow, s.selected = 0, 0, false, 0
	s.settle()
	s.selected = 0
}

func (s *scroll) last() {
	s.follow = true
	s.selected = max(0, s.count()-1)
	s.settle()
}

// append adds an event that came now.
func (s *scroll) append(ev api.ConversationEvent) {
	before, atEnd := len(s.blocks), s.selected >= s.count()-1
	s.add(ev)
	if s.follow && atEnd {
		s.selected = max(0, len(s.blocks)-1)
	}
	if !s.follow {
		s.unseen += len(s.blocks) - before
	}
}

// before puts older events before all others; what is on the screen stays.
func (s *scroll) before(events []api.ConversationEvent) {
	old := len(s.blocks)
	s.prepend(events)
	moved := len(s.blocks) - old // results that found their calls are gone from behind
	s.top = max(0, s.top+moved)
	s.selected = max(0, s.selected+moved)
}

// view returns the lines on the screen, each with a margin of two columns, in
// which the selected block is marked.
func (s *scroll) view(active bool) []string {
	s.settle()
	out := make([]string, 0, s.height)
	mark, none := s.r.accent.Render("▌")+" ", "  "
	for i := s.top; i < s.count() && len(out) < s.height; i++ {
		lines := s.lines(i)
		blank := s.at(i).blank()
		skip := 0
		if i == s.top {
			skip = min(s.line, len(lines))
		}
		for j := skip; j < len(lines) && len(out) < s.height; j++ {
			margin := none
			if active && i == s.selected && j >= blank {
				margin = mark
			}
			out = append(out, margin+lines[j])
		}
	}
	return out
}
