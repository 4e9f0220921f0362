package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/sessiond/sessiond/rpc/api"
)

// key does what a key means where it was pressed.
func (m *model) key(k tea.KeyPressMsg) tea.Cmd {
	if m.editing != nil { // nothing more is taken before it
		return nil
	}
	m.notice, m.failed = "", false
	if m.dialog != nil {
		return m.dialog.take(m, k)
	}
	name := k.String()
	if m.focus == focusPrompt {
		return m.promptKey(k)
	}
	if cmd, done := m.answerKey(name); done {
		return cmd
	}
	switch m.focus {
	case focusList:
		return m.common(actionOf(name, inList, onSession, everywhere))
	case focusQueue:
		act := actionOf(name, inQueue, everywhere)
		if m.queueKey(act) {
			return nil
		}
		return m.common(act)
	}
	act := actionOf(name, inTalk, onSession, everywhere)
	if m.talkKey(act) {
		return nil
	}
	return m.common(act)
}

// common does what means the same in several places.
func (m *model) common(act action) tea.Cmd {
	switch act {
	case actQuit:
		return tea.Quit
	case actHelp:
		m.dialog = m.help()
	case actNextPane:
		m.cycle(1)
	case actPreviousPane:
		m.cycle(-1)
	case actReconnect:
		m.reconnect()
	case actNextQuestion:
		m.nextQuestion()
	case actNew:
		m.launchForm()
	case actOpen:
		m.focusOn(focusTalk)
	case actBack:
		m.focus = focusList
	case actWrite:
		m.focusOn(focusPrompt)
	case actQueue:
		m.openQueue()
	case actSearch:
		m.search()
	case actFilter:
		m.nextFilter()
	case actSearchAll:
		m.searchAll("")
	case actLeave:
		m.list.text, m.list.filter, m.list.stale = "", filterAll, true
	default:
		if !m.listKey(act) {
			m.sessionKey(act)
		}
	}
	return nil
}

// listKey moves in the list.
func (m *model) listKey(act action) bool {
	screen := max(1, m.height-4)
	switch act {
	case actUp:
		m.list.move(-1)
	case actDown:
		m.list.move(1)
	case actPageUp:
		m.list.move(-screen)
	case actPageDown:
		m.list.move(screen)
	case actTop:
		m.list.move(-len(m.list.all))
	case actBottom:
		m.list.move(len(m.list.all))
	default:
		return false
	}
	return true
}

// talkKey moves and folds in the conversation; it reports whether the key meant
// something there.
func (m *model) talkKey(act action) bool {
	t := m.current
	if t == nil {
		return false
	}
	switch act {
	case actUp:
		t.by(-1)
	case actDown:
		t.by(1)
	case actBlockUp:
		t.selectBy(-1)
	case actBlockDown:
		t.selectBy(1)
	case actPageUp:
		t.by(-max(1, t.height-2))
	case actPageDown:
		t.by(max(1, t.height-2))
	case actTop:
		t.home()
		t.toTop, t.goal = t.after > 0, 0
	case actBottom:
		t.last()
		t.toTop, t.goal = false, 0
	case actFold:
		m.foldSelected(t)
	case actFoldTools:
		m.r.tools = !m.r.tools
		m.say(map[bool]string{true: "tools are unfolded", false: "tools are folded"}[m.r.tools])
	case actFoldThoughts:
		m.r.thought = !m.r.thought
		m.say(map[bool]string{true: "thoughts are unfolded", false: "thoughts are folded"}[m.r.thought])
	case actAll:
		m.showAll(t)
	default:
		return false
	}
	m.wantEarlier(t)
	return true
}

// foldSelected folds or unfolds a block.
func (m *model) foldSelected(t *talk) {
	if t.selected >= len(t.blocks) {
		return
	}
	b := t.blocks[t.selected]
	if !b.foldable() {
		m.say("there is nothing to unfold here")
		return
	}
	t.settle()
	t.follow = false
	if m.r.open(b) {
		b.fold = foldClosed
	} else {
		b.fold = foldOpen
	}
	if t.selected <= t.top && t.line > 0 {
		t.top, t.line = t.selected, 0
	}
}

// showAll shows, or hides again, what Claude Code says to programs. The
// conversation is read anew for it, and the selected block stays where it is.
func (m *model) showAll(t *talk) {
	id, all := t.id, !t.all
	t.draft = m.prompt.Value()
	draft := t.draft
	delete(m.talks, id)
	m.current = nil
	fresh := m.open(id)
	fresh.all, fresh.draft, fresh.folds = all, draft, map[int64]fold{}
	for _, b := range t.blocks {
		if b.fold != foldDefault {
			fresh.folds[b.Seq] = b.fold
		}
	}
	if t.selected < len(t.blocks) {
		b := t.blocks[t.selected]
		fresh.goal, fresh.spot = b.Seq, &spot{t.row(t.selected) + b.blank(), t.follow}
	}
	m.say(map[bool]string{true: "everything is shown", false: "what is for programs is hidden"}[all])
}

// focusOn goes to a pane of the selected session.
func (m *model) focusOn(f focus) {
	if m.current == nil {
		m.say("there is no session; N launches one")
		return
	}
	m.focus = f
}

// cycle goes to the next pane, or the one before.
func (m *model) cycle(n int) {
	panes := []focus{focusList, focusTalk, focusPrompt}
	at := 0
	for i, f := range panes {
		if f == m.focus || m.focus == focusQueue && f == focusTalk {
			at = i
		}
	}
	if next := panes[(at+n+len(panes))%len(panes)]; next == focusList {
		m.focus = focusList
	} else {
		m.focusOn(next)
	}
}

// search has the list show what a text is in, while it is typed.
func (m *model) search() {
	set := func(m *model, text string) { m.list.text, m.list.stale = text, true }
	d := newLine("/", m.list.text, set)
	d.change = set
	d.cancel = func(m *model) { set(m, "") }
	m.dialog, m.focus = d, focusList
}

// nextFilter lists other sessions.
func (m *model) nextFilter() {
	m.list.filter, m.list.stale, m.list.top = (m.list.filter+1)%filters, true, 0
	if m.list.filter == filterArchived {
		m.readArchived()
	}
	if list := m.list.list(); len(list) > 0 {
		m.list.selected = list[0].ID
	}
}

// nextQuestion goes to the next session that asks something, wherever it is in the list.
func (m *model) nextQuestion() {
	if m.list.pending() == 0 {
		m.say("nothing is asked")
		return
	}
	asks := func(s *api.Session) bool { return len(m.list.asks[s.ID]) > 0 }
	if !slices.ContainsFunc(m.list.list(), asks) {
		m.list.text, m.list.filter, m.list.stale = "", filterAll, true
	}
	list, at := m.list.list(), m.list.index()
	for i := range list {
		if s := list[(at+1+i)%len(list)]; asks(s) {
			m.list.selected, m.focus = s.ID, focusTalk
			return
		}
	}
}

// paste puts what is pasted where text is typed.
func (m *model) paste(msg tea.PasteMsg) tea.Cmd {
	if m.dialog != nil {
		return m.dialog.take(m, msg)
	}
	if m.focus != focusPrompt {
		return nil
	}
	return typed(&m.prompt, msg)
}

// wheel scrolls what is under the mouse.
func (m *model) wheel(msg tea.MouseWheelMsg) {
	n := 3
	if msg.Button == tea.MouseWheelUp {
		n = -3
	}
	l := m.layout()
	switch {
	case m.dialog != nil:
	case l.list > 0 && msg.X < l.list:
		m.list.move(n / 3)
	case m.current != nil:
		m.current.by(n)
		m.wantEarlier(m.current)
	}
}

// click goes to the pane under the mouse.
func (m *model) click(msg tea.MouseClickMsg) {
	l := m.layout()
	switch {
	case m.dialog != nil:
	case l.list > 0 && msg.X < l.list:
		m.focus = focusList
	case msg.Y >= m.height-3:
		m.focusOn(focusPrompt)
	default:
		m.focusOn(focusTalk)
	}
}
