package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/google/uuid"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// promptKey takes a key on the prompt line.
func (m *model) promptKey(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	if strings.HasPrefix(name, "alt+") {
		if cmd, done := m.answerKey(name); done {
			return cmd
		}
	}
	switch act := actionOf(name, inPrompt); act {
	case actSend:
		m.sendPrompt(api.DeliveryQueue)
	case actSendNow:
		m.sendPrompt(api.DeliveryNow)
	case actEditor:
		m.editPrompt()
	case actLeave, actPreviousPane:
		m.focus = focusTalk
	case actNextPane:
		m.focus = focusList
	case actQuit:
		if m.prompt.Value() == "" {
			return tea.Quit
		}
		m.prompt.Reset()
	case actOlder:
		if m.prompt.Line() == 0 && m.prompt.LineInfo().RowOffset == 0 {
			m.recall(-1)
			return nil
		}
		return typed(&m.prompt, k)
	case actNewer:
		if m.prompt.Line() == m.prompt.LineCount()-1 {
			m.recall(1)
			return nil
		}
		return typed(&m.prompt, k)
	default:
		return typed(&m.prompt, k)
	}
	return nil
}

// recall puts what was said before on the prompt line, or what was typed there.
func (m *model) recall(n int) {
	t := m.current
	if t == nil {
		return
	}
	if t.recall == len(t.past) {
		t.draft = m.prompt.Value()
	}
	at := min(max(t.recall+n, 0), len(t.past))
	if at == t.recall {
		return
	}
	t.recall = at
	if at == len(t.past) {
		setInput(&m.prompt, t.draft)
		return
	}
	setInput(&m.prompt, t.past[at])
}

// sendPrompt says what was typed: to a session that lives, or to a new one that
// continues it.
func (m *model) sendPrompt(delivery api.Delivery) {
	t, s := m.current, m.list.current()
	text := strings.TrimSpace(m.prompt.Value())
	if t == nil || s == nil || text == "" {
		return
	}
	m.prompt.Reset()
	t.draft, t.past = "", append(t.past, text)
	t.recall = len(t.past)
	if s.Status.Final() {
		m.goOn(*s, text, api.ContinueSessionParams{})
		return
	}
	id, d := t.id, m.daemon
	p := api.SendMessageParams{SessionID: id, Content: api.Text(text), MessageID: uuid.NewString(), Delivery: delivery}
	m.work.call("send it", giveBack(id, text), func(ctx context.Context) (doneMsg, error) {
		_, err := d.SendMessage(ctx, p)
		return doneMsg{}, err
	})
}

// giveBack puts what could not be sent on the prompt line again.
func giveBack(id, text string) func(*model) {
	return func(m *model) {
		t := m.talks[id]
		switch {
		case t == nil:
		case t != m.current:
			t.draft = text
		case m.prompt.Value() == "":
			setInput(&m.prompt, text)
		}
	}
}

// goOn continues a session, and shows the one that does.
func (m *model) goOn(s api.Session, text string, p api.ContinueSessionParams) {
	d := m.daemon
	p.SessionID, p.Query, p.Env, p.IdempotencyKey = s.ID, api.Text(text), m.Env, uuid.NewString()
	if p.Interactive == nil {
		p.Interactive = new(true)
	}
	p.IncludePartialMessages = new(true)
	m.work.call("continue it", giveBack(s.ID, text), func(ctx context.Context) (doneMsg, error) {
		r, err := d.ContinueSession(ctx, p)
		return doneMsg{"a new session continues it", func(m *model) { m.show(r.SessionID) }}, err
	})
}

// show selects a session, which may have come this moment.
func (m *model) show(id string) {
	m.list.text, m.list.stale = "", true
	if m.list.filter != filterLive {
		m.list.filter = filterAll
	}
	if m.list.all[id] == nil { // its event is on its way
		m.list.put(api.Session{ID: id, Status: api.StatusStarting, CreatedAt: api.At(m.Now()), LastActivityAt: api.At(m.Now())})
	}
	m.list.selected = id
	if m.focus == focusList {
		m.focus = focusTalk
	}
}

// openQueue goes to the messages that wait.
func (m *model) openQueue() {
	if m.current == nil || len(m.current.queue) == 0 {
		m.say("no message waits")
		return
	}
	m.focus = focusQueue
}

// queueKey acts on the messages that wait.
func (m *model) queueKey(act action) bool {
	t := m.current
	if t == nil || len(t.queue) == 0 {
		m.focus = focusTalk
		return false
	}
	switch act {
	case actUp:
		t.chosen = max(0, t.chosen-1)
	case actDown:
		t.chosen = min(len(t.queue)-1, t.chosen+1)
	case actBack:
		m.focus = focusTalk
	case actWithdraw:
		m.withdraw(t.queue[t.chosen], nil)
	case actEditMessage:
		text := t.queue[t.chosen].Content.Text()
		m.withdraw(t.queue[t.chosen], func(m *model) {
			if m.current == t {
				m.focus = focusPrompt
				setInput(&m.prompt, text)
			} else {
				t.draft = text
			}
		})
	default:
		return false
	}
	return true
}

// withdraw takes a message back that has not begun.
func (m *model) withdraw(msg api.Message, then func(*model)) {
	d := m.daemon
	m.work.call("withdraw it", nil, func(ctx context.Context) (doneMsg, error) {
		_, err := d.CancelMessage(ctx, api.MessageParams{MessageID: msg.ID})
		return doneMsg{"withdrawn: " + plain.Line(msg.Content.Text()), then}, err
	})
}

// queueView shows the messages that wait.
func (m *model) queueView(t *talk, width, most int) []string {
	if most < 1 {
		return nil
	}
	var lines []string
	for i, msg := range t.queue {
		mark := m.th.dim.Render("  ⧗ ")
		st := m.th.dim
		if m.focus == focusQueue && i == t.chosen {
			mark, st = m.th.accent.Render("▌ ⧗ "), m.th.selected
		}
		text := plain.Line(msg.Content.Text())
		if msg.Delivery == api.DeliveryNow {
			text += " (now)"
		}
		lines = append(lines, fit(mark+st.Render(text), width))
	}
	if more := len(lines) - most; more > 0 {
		from := min(max(0, t.chosen-most+2), more+1)
		lines = append(lines[from:min(len(lines), from+most-1)], m.th.dim.Render("  … "+plural(len(t.queue), "message")+" in all"))
	}
	return lines
}
