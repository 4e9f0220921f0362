package tui

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// focus is where keys go.
type focus int

const (
	focusList focus = iota
	focusTalk
	focusPrompt
	focusQueue
)

// model is the whole UI. All of it belongs to bubbletea's one loop.
type model struct {
	Options
	daemon Daemon
	work   *worker
	leave  func() // has Run give the terminal to the editor
	th     *theme
	r      *renderer

	width, height int
	focus         focus
	dialog        dialog // has all keys, while there is one
	editing       *edit  // is about to be in the editor; nil: nothing is

	list     sessions
	talks    map[string]*talk
	lru      []string // their ids, the one that was opened longest ago first
	current  *talk    // of the selected session
	onScreen string   // the question that is seen; "": none is
	prompt   textarea.Model

	head    int64 // the newest seq that is known
	loading bool  // everything is being read
	loaded  bool  // it was read once
	lost    bool  // the daemon is away
	stopped error // why nothing is followed any more

	notice string // what was done last, or what went wrong
	failed bool   // the latter
}

func newModel(o Options, w *worker) *model {
	m := &model{Options: o, daemon: o.Daemon, work: w, list: newSessions(), talks: map[string]*talk{}, width: 80, height: 24}
	m.setTheme(o.Theme != ThemeLight)
	m.prompt = newInput("", 8)
	return m
}

func (m *model) setTheme(dark bool) {
	m.th = newTheme(dark, m.Colors)
	r := newRenderer(m.th)
	if m.r != nil {
		r.tools, r.thought = m.r.tools, m.r.thought
	}
	m.r = r
	for _, t := range m.talks {
		t.r = r
	}
}

// Init is bubbletea's.
func (m *model) Init() tea.Cmd {
	if m.Theme == ThemeAuto && m.Colors {
		return tea.RequestBackgroundColor
	}
	return nil
}

// Update is bubbletea's: it takes one message.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.take(msg)
	m.follow()
	return m, cmd
}

func (m *model) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(msg.Width, 1), max(msg.Height, 1)
	case tea.BackgroundColorMsg:
		m.setTheme(msg.IsDark())
	case tea.KeyPressMsg:
		return m.key(msg)
	case tea.PasteMsg:
		return m.paste(msg)
	case tea.MouseWheelMsg:
		m.wheel(msg)
	case tea.MouseClickMsg:
		m.click(msg)
	case eventsMsg:
		m.events(msg)
	case loadedMsg:
		m.takeOver(msg.load)
	case lostMsg:
		if !m.lost {
			m.lost = true
			for _, t := range m.talks {
				t.write("") // what was being written comes whole
			}
			m.awaitDaemon()
		}
	case connectedMsg:
		m.lost = false
	case followEndsMsg:
		m.followEnds(msg.err)
	case pastMsg:
		m.took(msg)
	case messagesMsg:
		if t := m.talks[msg.id]; t != nil {
			t.said(msg.messages)
		}
	case sessionMsg:
		if s := m.list.all[msg.ID]; s != nil && s.LastActivityAt.After(msg.LastActivityAt.Time) {
			msg.LastActivityAt = s.LastActivityAt // it keeps its place
		}
		m.list.put(msg.Session)
	case archivedMsg:
		for _, s := range msg {
			m.list.put(s)
		}
	case settledMsg:
		m.settled(msg)
	case doneMsg:
		m.say(msg.note)
		if msg.then != nil {
			msg.then(m)
		}
	case failedMsg:
		m.fail(msg.what, msg.err)
		if msg.undo != nil {
			msg.undo(m)
		}
	default:
		return m.rest(msg)
	}
	return nil
}

// rest is for what comes of searches, and for what only text fields understand.
func (m *model) rest(msg tea.Msg) (cmd tea.Cmd) {
	switch msg := msg.(type) {
	case foundMsg:
		msg.by.took(msg)
		return nil
	case jumpMsg:
		m.jump(msg)
		return nil
	}
	if m.focus == focusPrompt && m.dialog == nil {
		m.prompt, cmd = m.prompt.Update(msg)
	}
	return cmd
}

// follow has the conversation of the selected session be the current one.
func (m *model) follow() {
	id := ""
	if s := m.list.current(); s != nil {
		id = s.ID
	}
	if m.current != nil && m.current.id == id || m.current == nil && id == "" {
		m.ask()
		return
	}
	if m.current != nil {
		m.current.draft = m.prompt.Value()
	}
	m.current = m.open(id)
	m.prompt.Reset()
	if m.current != nil {
		m.prompt.SetValue(m.current.draft)
	} else if m.focus != focusPrompt {
		m.focus = focusList
	}
	m.ask()
}

// takeOver begins with how everything stands.
func (m *model) takeOver(s snapshot) {
	m.loading = false
	if s.err != nil {
		m.fail("read the sessions", s.err)
		return
	}
	first := !m.loaded
	m.loaded, m.lost, m.stopped = true, false, nil
	m.head = max(s.health.Events.HeadSeq, 0)
	if !first {
		if m.current != nil {
			m.current.draft = m.prompt.Value()
		}
		m.reopen()
	}
	m.list.reset(s)
	if m.Session != "" && first {
		m.list.selected = m.Session
		m.focus = focusTalk
	} else if list := m.list.list(); first && len(list) > 0 {
		m.list.selected = list[0].ID
	}
}

// reopen forgets what was loaded of conversations, and keeps what was typed.
func (m *model) reopen() {
	drafts := map[string]string{}
	for id, t := range m.talks {
		drafts[id] = t.draft
	}
	m.talks, m.lru, m.current = map[string]*talk{}, nil, nil
	for id, draft := range drafts {
		if draft != "" {
			m.open(id).draft = draft
		}
	}
}

// events takes in what has happened, in all sessions.
func (m *model) events(events []api.Event) {
	for _, ev := range events {
		m.head = max(m.head, ev.Seq)
		err := m.event(ev)
		if t := m.talks[ev.SessionID]; t != nil && err == nil {
			err = t.event(ev)
		}
		if err != nil {
			m.fail("understand an event", err)
		}
	}
}

func (m *model) event(ev api.Event) error {
	if s := m.list.all[ev.SessionID]; s != nil && ev.Seq != 0 && s.LastActivityAt.Before(ev.Timestamp.Time) {
		s.LastActivityAt, m.list.stale = ev.Timestamp, true
	}
	switch ev.Type {
	case api.EventSessionCreated, api.EventSessionUpdated:
		s, err := decode[api.Session](ev)
		if err == nil {
			m.list.put(s)
		}
		return err
	case api.EventSessionStatusChanged:
		change, err := decode[api.StatusChange](ev)
		if err == nil {
			m.changed(ev.SessionID, change)
		}
		return err
	case api.EventNewApproval, api.EventApprovalResolved:
		q, err := decode[api.Approval](ev)
		if err == nil {
			m.list.asked(q)
			if t := m.talks[q.SessionID]; t != nil {
				t.about(q)
			}
		}
		return err
	case api.EventSessionDeleted:
		m.list.remove(ev.SessionID)
		delete(m.talks, ev.SessionID)
	}
	return nil
}

// changed takes in a change of status.
func (m *model) changed(id string, c api.StatusChange) {
	s := m.list.all[id]
	if s == nil {
		m.readSession(id)
		return
	}
	s.Status, s.WaitingFor, m.list.stale = c.NewStatus, c.WaitingFor, true
	if c.ErrorMessage != "" {
		s.ErrorMessage = c.ErrorMessage
	}
	if c.NewStatus.Final() { // what it came to
		m.readSession(id)
		if t := m.talks[id]; t != nil {
			t.write("")
		}
	}
}

// followEnds says why no more events come. Where they cannot be had from there
// on any more, as behind a restored backup, everything is read anew.
func (m *model) followEnds(err error) {
	if errors.Is(err, &api.Error{Reason: api.ReasonCursorExpired}) {
		m.reload()
		return
	}
	m.stopped = err
	m.fail("follow events", err)
}

// say shows what was done.
func (m *model) say(note string) {
	if note != "" {
		m.notice, m.failed = note, false
	}
}

// fail shows what went wrong, and what to do about it.
func (m *model) fail(what string, err error) {
	text := "could not " + what + ": " + plain.Line(err.Error())
	if e, ok := errors.AsType[*api.Error](err); ok {
		if hint, ok := e.Data["hint"].(string); ok && hint != "" {
			text += " — " + plain.Line(hint)
		}
	}
	m.notice, m.failed = text, true
}

// age is how long ago something was, in a few letters.
func (m *model) age(t api.Time) string {
	d := m.Now().Sub(t.Time)
	switch {
	case t.IsZero():
		return ""
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// home shortens a path in the home directory.
func (m *model) home(path string) string {
	if rest, ok := strings.CutPrefix(path, m.Home); ok && m.Home != "" && (rest == "" || rest[0] == '/') {
		return "~" + rest
	}
	return path
}

// decode reads the data of an event.
func decode[T any](ev api.Event) (T, error) {
	var v T
	if err := json.Unmarshal(ev.Data, &v); err != nil {
		return v, fmt.Errorf("event %d, %s: %w", ev.Seq, ev.Type, err)
	}
	return v, nil
}

// plural is a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
