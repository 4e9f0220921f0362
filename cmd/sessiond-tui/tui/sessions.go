package tui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// filter says which sessions are listed.
type filter int

const (
	filterAll filter = iota
	filterNeeds
	filterLive
	filterEnded
	filterArchived
	filters
)

func (f filter) String() string {
	return [...]string{"all", "needs you", "live", "ended", "archived"}[f]
}

// group is one of the headings of the list, in the order of what needs a person.
type group int

const (
	groupAsks group = iota
	groupWaits
	groupRunning
	groupRecent
)

func (g group) String() string {
	return [...]string{"needs your answer", "waits for a message", "running", "recent"}[g]
}

// groupOf says where a session stands.
func groupOf(s *api.Session) group {
	switch {
	case s.Status.Final():
		return groupRecent
	case s.WaitingFor == api.WaitingForApproval:
		return groupAsks
	case s.WaitingFor == api.WaitingForMessage:
		return groupWaits
	}
	return groupRunning
}

// sessions is what is known of all sessions, and which of them are listed.
type sessions struct {
	all    map[string]*api.Session
	asks   map[string][]api.Approval // what is pending, by session, oldest first
	filter filter
	text   string // is in the title, prompt, directory, or a tag

	listed   []*api.Session
	stale    bool   // listed has to be made anew
	selected string // id
	top      int    // first row on the screen
}

func newSessions() sessions {
	return sessions{all: map[string]*api.Session{}, asks: map[string][]api.Approval{}, stale: true}
}

// reset takes over how everything stands.
func (l *sessions) reset(s snapshot) {
	l.all, l.asks, l.stale = map[string]*api.Session{}, map[string][]api.Approval{}, true
	for _, ses := range s.sessions {
		l.put(ses)
	}
	for _, q := range s.approvals {
		l.asked(q)
	}
}

// put takes over how a session is.
func (l *sessions) put(s api.Session) {
	l.all[s.ID] = &s
	l.stale = true
}

func (l *sessions) remove(id string) {
	delete(l.all, id)
	delete(l.asks, id)
	l.stale = true
}

// asked takes a question in; one that is answered goes.
func (l *sessions) asked(q api.Approval) {
	open := slices.DeleteFunc(l.asks[q.SessionID], func(o api.Approval) bool { return o.ID == q.ID })
	if q.Status == api.ApprovalPending {
		open = append(open, q)
	}
	l.asks[q.SessionID] = open
	l.stale = true
}

// pending is how many questions are open.
func (l *sessions) pending() (n int) {
	for _, open := range l.asks {
		n += len(open)
	}
	return n
}

// list returns the sessions that are listed, what needs a person first.
func (l *sessions) list() []*api.Session {
	if !l.stale {
		return l.listed
	}
	l.stale = false
	l.listed = l.listed[:0]
	for _, s := range l.all {
		if l.fits(s) {
			l.listed = append(l.listed, s)
		}
	}
	slices.SortFunc(l.listed, before)
	if l.index() < 0 && len(l.listed) > 0 {
		l.selected = l.listed[min(max(l.top, 0), len(l.listed)-1)].ID
	}
	return l.listed
}

// before orders sessions. Those that work stay where they are while they do.
func before(a, b *api.Session) int {
	g := groupOf(a)
	if c := cmp.Compare(g, groupOf(b)); c != 0 {
		return c
	}
	c := b.LastActivityAt.Compare(a.LastActivityAt.Time)
	if g == groupRunning || g == groupAsks {
		c = b.CreatedAt.Compare(a.CreatedAt.Time)
	}
	return cmp.Or(c, cmp.Compare(b.ID, a.ID))
}

func (l *sessions) fits(s *api.Session) bool {
	g := groupOf(s)
	switch {
	case s.Archived != (l.filter == filterArchived),
		l.filter == filterNeeds && g != groupAsks && g != groupWaits,
		l.filter == filterLive && g == groupRecent,
		l.filter == filterEnded && g != groupRecent:
		return false
	}
	if l.text == "" {
		return true
	}
	text := strings.ToLower(strings.Join(append([]string{s.Title, s.Query, s.WorkingDir, s.ID}, s.Tags...), "\n"))
	for _, w := range strings.Fields(strings.ToLower(l.text)) {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// index is where the selected session stands in the list; -1 if it does not.
func (l *sessions) index() int {
	return slices.IndexFunc(l.listed, func(s *api.Session) bool { return s.ID == l.selected })
}

// move moves the selection.
func (l *sessions) move(n int) {
	list := l.list()
	if len(list) == 0 {
		return
	}
	l.selected = list[min(max(l.index()+n, 0), len(list)-1)].ID
}

// current is the selected session; nil if there is none.
func (l *sessions) current() *api.Session {
	l.list()
	return l.all[l.selected]
}

// entry is a row of the list: a session, or the heading above some.
type entry struct {
	group
	session *api.Session
}

// entries are all rows, and where the selected session is among them.
func (l *sessions) entries() (all []entry, selected int) {
	last := group(-1)
	for _, s := range l.list() {
		if g := groupOf(s); g != last {
			last = g
			all = append(all, entry{group: g})
		}
		if s.ID == l.selected {
			selected = len(all)
		}
		all = append(all, entry{session: s})
	}
	return all, selected
}

func (l *sessions) row(m *model, s *api.Session, width int) string {
	th, chosen := m.th, s.ID == l.selected
	mark, st := th.status(s)
	name := nameOf(s)
	if name == "" {
		name = plain.Line(s.ID)
	}
	right := m.age(s.LastActivityAt)
	if width >= 60 { // how it stands is said by its mark, and the heading
		where := fill(fit(m.home(plain.Line(s.WorkingDir)), width/4), width/4)
		right = where + " " + padLeft(plain.Cost(s.CostUSD), 9) + " " + padLeft(right, 4)
	}
	left, nameStyle := "  ", th.text
	if chosen {
		left, nameStyle = "▌ ", th.selected
		if m.focus != focusList {
			left, nameStyle = "▏ ", th.bold
		}
	}
	room := max(width-len("  m ")-1-ansi.StringWidth(right), 4)
	return th.accent.Render(left) + st.Render(mark) + " " + nameStyle.Render(fill(name, room)) + " " + th.dim.Render(right)
}

// view is the part of the list that is on the screen.
func (l *sessions) view(m *model, width, height int) []string {
	head := "sessions"
	if l.filter != filterAll {
		head += ": " + l.filter.String()
	}
	if l.text != "" {
		head += "  /" + plain.Line(l.text)
	}
	count := ""
	if n := len(l.list()); n > 0 || len(l.all) > 0 {
		count = plural(n, "session")
	}
	lines := []string{spread(m.th.bold.Render(head), m.th.dim.Render(count+" "), width)}
	all, selected := l.entries()
	room := height - 1
	if len(all) == 0 {
		return append(lines, m.th.dim.Render(fit(m.emptyList(), width)))
	}
	if selected == 1 {
		selected = 0 // with the heading above it
	}
	l.top = min(l.top, selected)
	l.top = max(l.top, selected-room+1, 0)
	l.top = min(l.top, max(0, len(all)-room))
	for _, e := range all[l.top:min(len(all), l.top+room)] {
		if e.session == nil {
			lines = append(lines, m.th.dim.Render(fit("  "+e.String(), width)))
		} else {
			lines = append(lines, l.row(m, e.session, width))
		}
	}
	return lines
}

// nameOf is what a session is called, or the beginning of that: a first prompt
// may be long.
func nameOf(s *api.Session) string {
	return plain.Name(api.Session{Title: beginning(s.Title, 1000), Query: beginning(s.Query, 1000)})
}
