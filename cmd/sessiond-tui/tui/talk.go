package tui

import (
	"context"
	"encoding/json"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/sessiond/sessiond/rpc/api"
)

// talk is the conversation of one session, as far as it is loaded, and what is
// said to it.
type talk struct {
	scroll
	id      string
	after   int64 // everything behind this seq is loaded; 0: all
	upTo    int64 // the newest seq that is in it
	loading bool
	ready   bool                    // the end has been read
	toTop   bool                    // older events are read until the first is there
	goal    int64                   // they are read until this one is there; 0: none
	word    string                  // that is looked for in it
	spot    *spot                   // where it was on the screen; nil: it is to be shown from the top
	err     error                   // why the last reading failed
	early   []api.ConversationEvent // what came before the end was read

	queue   []api.Message // what waits
	draft   string
	past    []string     // what was said before, for the prompt line
	recall  int          // which of them is shown; len(past): none
	chosen  int          // in the queue
	shown   api.Approval // the question that is put now
	shows   int          // how often one came onto the screen
	since   bool         // it has stood for a moment
	answers []string     // to its first parts
	asks    askedLines   // the question as it was drawn last
	picks   map[int]bool // options of the part that is asked, where several may be chosen
}

// spot is where a block is on the screen.
type spot struct {
	row    int  // of its text
	follow bool // the end is shown, wherever that has the block be
}

// maxTalks is how many conversations are kept.
const maxTalks = 8

// pastMsg is a piece of a conversation that was read.
type pastMsg struct {
	id     string
	before int64
	past   past
	err    error
}

// messagesMsg is what was said to a session.
type messagesMsg struct {
	id       string
	messages []api.Message
}

// open returns a session's conversation, and begins to read it if it is new.
func (m *model) open(id string) *talk {
	if id == "" {
		return nil
	}
	if t := m.talks[id]; t != nil {
		return t
	}
	t := &talk{id: id, scroll: scroll{transcript: newTranscript(), r: m.r, follow: true}}
	t.partial.EventType, t.partial.Role = api.ConversationMessage, "assistant"
	if len(m.talks) >= maxTalks {
		m.forget()
	}
	m.talks[id], m.lru = t, append(m.lru, id)
	for _, q := range m.list.asks[id] {
		t.about(q)
	}
	m.size(t)
	m.readEarlier(t)
	m.readMessages(id)
	return t
}

// forget drops the conversation that was opened longest ago, unless something
// was begun to be said in it.
func (m *model) forget() {
	for i, id := range m.lru {
		if t := m.talks[id]; t == nil || id != m.list.selected && t.draft == "" {
			delete(m.talks, id)
			m.lru = slices.Delete(m.lru, i, i+1)
			return
		}
	}
}

// readEarlier reads what comes before what is loaded.
func (m *model) readEarlier(t *talk) {
	if t.loading || t.ready && t.after == 0 {
		return
	}
	t.loading = true
	d, id, head, before := m.daemon, t.id, m.head, int64(0)
	if t.ready {
		before = t.after + 1
	}
	m.work.do(func(ctx context.Context) tea.Msg {
		var p past
		err := patiently(ctx, func() (err error) { p, err = earlier(ctx, d, id, before, head); return err })
		return pastMsg{id, before, p, err}
	})
}

// readMessages reads what was said to a session, and what waits.
func (m *model) readMessages(id string) {
	d := m.daemon
	m.work.do(func(ctx context.Context) tea.Msg {
		var r api.ListMessagesResult
		if err := patiently(ctx, func() (err error) { r, err = d.ListMessages(ctx, api.ListMessagesParams{SessionID: id}); return err }); err != nil {
			return failedMsg{what: "read its messages", err: err}
		}
		return messagesMsg{id, r.Messages}
	})
}

// took takes in a piece of a conversation.
func (m *model) took(msg pastMsg) {
	t := m.talks[msg.id]
	if t == nil {
		return
	}
	t.loading, t.err = false, msg.err
	if msg.err != nil {
		m.fail("read the conversation", msg.err)
		return
	}
	t.after = msg.past.after
	if msg.before != 0 {
		t.before(msg.past.events)
	} else {
		t.ready = true
		for _, ev := range msg.past.events {
			t.receive(ev)
		}
		for _, ev := range t.early {
			t.receive(ev)
		}
		t.early = nil
		t.last()
	}
	if t.toTop && t.after == 0 {
		t.toTop = false
		t.home()
	}
	t.reach()
	m.wantEarlier(t)
}

// wantEarlier reads on where the screen comes near to what is not loaded.
func (m *model) wantEarlier(t *talk) {
	t.settle()
	if t.ready && (t.toTop || t.goal != 0 || t.top < 20) {
		m.readEarlier(t)
	}
}

// receive takes an event in: live ones may have been read already.
func (t *talk) receive(ev api.ConversationEvent) {
	if !t.ready {
		t.early = append(t.early, ev)
		return
	}
	if ev.Seq <= t.upTo {
		return
	}
	t.upTo = ev.Seq
	if ev.ParentToolUseID == "" && ev.EventType != api.ConversationSystem {
		t.write("")
	}
	t.append(ev)
}

// write replaces what is being written.
func (t *talk) write(text string) {
	if t.partial.Content == text {
		return
	}
	t.partial.Content = text
	t.partial.changed()
	if t.follow {
		t.selected = max(0, t.count()-1)
	}
}

// delta takes in a piece of what is being written.
func (t *talk) delta(raw json.RawMessage) {
	var d struct {
		Parent string `json:"parent_tool_use_id"`
		Event  struct {
			Type  string `json:"type"`
			Delta struct {
				Type string `json:"type"`
				Text string `json:"text"`
			} `json:"delta"`
		} `json:"event"`
	}
	if json.Unmarshal(raw, &d) != nil || d.Parent != "" || !t.ready {
		return
	}
	switch {
	case d.Event.Type == "message_start", d.Event.Type == "content_block_start":
		t.write("")
	case d.Event.Delta.Type == "text_delta":
		t.write(t.partial.Content + d.Event.Delta.Text)
	}
}

// said takes over what was said to the session.
func (t *talk) said(messages []api.Message) {
	t.queue, t.past = nil, nil
	for _, msg := range messages {
		t.message(msg)
		if text := msg.Content.Text(); text != "" && (len(t.past) == 0 || t.past[len(t.past)-1] != text) {
			t.past = append(t.past, text)
		}
	}
	t.recall = len(t.past)
}

// message takes in how a message stands.
func (t *talk) message(msg api.Message) {
	i := slices.IndexFunc(t.queue, func(o api.Message) bool { return o.ID == msg.ID })
	waits := msg.State == api.MessageQueued || msg.State == api.MessageSent
	switch {
	case i >= 0 && waits:
		t.queue[i] = msg
	case i >= 0:
		t.queue = slices.Delete(t.queue, i, i+1)
	case waits:
		t.queue = append(t.queue, msg)
	}
	t.chosen = min(t.chosen, max(0, len(t.queue)-1))
}

// event takes in an event of the session's.
func (t *talk) event(ev api.Event) error {
	switch ev.Type {
	case api.EventConversationUpdated:
		ce, err := decode[api.ConversationEvent](ev)
		if err == nil {
			t.receive(ce)
		}
		return err
	case api.EventPartialMessage:
		t.delta(ev.Data)
	case api.EventMessageUpdated:
		msg, err := decode[api.Message](ev)
		if err == nil {
			t.message(msg)
		}
		return err
	}
	return nil
}
