package session

import (
	"slices"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
)

// addMessage puts a message at the end of the inbox.
func (s *step) addMessage(id string, content api.Content, delivery api.Delivery) *api.Message {
	msg := api.Message{ID: id, SessionID: s.m.row.Session.ID, Content: content, Delivery: delivery,
		State: api.MessageQueued, Position: s.m.eng.Position, CreatedAt: s.now, UpdatedAt: s.now}
	s.m.eng.Position++
	s.m.messages = append(s.m.messages, msg)
	s.keepMessage(msg)
	return &s.m.messages[len(s.m.messages)-1]
}

// setMessage is the one place where a message's state changes. A message that
// has reached a final state leaves the machine at the end of the step.
func (s *step) setMessage(i int, state api.MessageState, reason string) {
	msg := &s.m.messages[i]
	if msg.State == state || msg.State.Final() {
		return
	}
	msg.State, msg.Reason, msg.UpdatedAt = state, reason, s.now
	s.keepMessage(*msg)
	if state == api.MessageStarted {
		s.prompt(msg)
		s.beginTurn()
	}
}

func (s *step) keepMessage(msg api.Message) {
	s.event(api.EventMessageUpdated, msg)
	i := slices.IndexFunc(s.batch.Messages, func(m api.Message) bool { return m.ID == msg.ID })
	if i < 0 {
		s.batch.Messages = append(s.batch.Messages, msg)
	} else {
		s.batch.Messages[i] = msg
	}
}

// prompt appends the user's words to the conversation.
func (s *step) prompt(msg *api.Message) {
	ses := &s.m.row.Session
	ev := s.newEvent(api.EventConversationUpdated)
	ev.Kind = api.ConversationMessage
	ev.Data = mustJSON(api.ConversationEvent{SessionID: ses.ID, ClaudeSessionID: ses.ClaudeSessionID,
		EventType: api.ConversationMessage, Role: "user", Content: msg.Content.Text(), MessageID: msg.ID, CreatedAt: s.now})
	s.batch.Events = append(s.batch.Events, ev)
}

// deliver sends what may be sent: a message that is to go now at once, one that
// queues when no turn is under way and none is about to begin.
func (s *step) deliver() {
	s.m.hold = s.limited && s.batch.Used.CostUSD >= s.left
	for i := range s.m.messages {
		msg := &s.m.messages[i]
		if msg.State != api.MessageQueued || msg.Delivery == api.DeliveryQueue && s.m.busy() || s.m.hold {
			continue
		}
		s.setMessage(i, api.MessageSent, "")
		s.write(claude.UserMessage(msg.ID, msg.Content))
	}
}

// lifecycle takes in what Claude Code says of a message (2.1.329).
func (s *step) lifecycle(l *claude.Lifecycle) {
	i := s.m.message(l.MessageID)
	if i < 0 {
		return
	}
	started := s.m.messages[i].State == api.MessageStarted
	switch l.State {
	case "started":
		s.setMessage(i, api.MessageStarted, "")
	case "completed":
		s.start(i) // 2.1.329 says so of one that was folded into a turn, too
		s.setMessage(i, api.MessageCompleted, "")
	case "cancelled":
		if started { // its turn was cut off
			s.setMessage(i, api.MessageCompleted, "")
		} else {
			s.setMessage(i, api.MessageCancelled, "")
		}
	case "discarded", "refused":
		s.setMessage(i, api.MessageFailed, api.MessageNotStarted)
	}
}

// echo takes in the acknowledgement of a claude that has no lifecycle (2.1.197).
// Repeats are echoed too, so one that has started already is passed over.
func (s *step) echo(id string) {
	if i := s.m.message(id); i >= 0 {
		s.m.eng.Acks = true
		s.start(i)
	}
}

// inferStart is for a claude that acknowledges nothing at all: once it answers,
// it has taken the message that was written first. A result without a turn is no
// answer: Claude Code has refused to begin.
func (s *step) inferStart() {
	if s.m.eng.Acks || s.m.indexOf(api.MessageStarted) >= 0 {
		return
	}
	if i := s.m.indexOf(api.MessageSent); i >= 0 {
		s.start(i)
	}
}

// start marks a message as started, unless it is further than that.
func (s *step) start(i int) {
	if st := s.m.messages[i].State; st == api.MessageQueued || st == api.MessageSent {
		s.setMessage(i, api.MessageStarted, "")
	}
}

// refused fails a message that could not be written.
func (s *step) refused(id string) {
	if i := s.m.message(id); i >= 0 && s.m.messages[i].State == api.MessageSent {
		s.setMessage(i, api.MessageFailed, api.MessageNotStarted)
		s.withdrawn()
	}
}

// withdraw cancels every message that the daemon still keeps, and has Claude
// Code give back those that wait there for the turn that runs.
func (s *step) withdraw() {
	for i := range s.m.messages {
		switch {
		case s.m.messages[i].State == api.MessageQueued:
			s.setMessage(i, api.MessageCancelled, "")
		case s.m.behind(i):
			s.request(control{Message: s.m.messages[i].ID})
		}
	}
}

// behind reports whether a message waits behind a turn, here or in Claude Code.
func (m *machine) behind(i int) bool {
	state := m.messages[i].State
	return state == api.MessageQueued || state == api.MessageSent && m.eng.Turn && i != m.begun()
}

// failMessages is for a process that is gone: nothing is sent a second time.
func (s *step) failMessages() {
	begun := s.m.begun()
	for i := range s.m.messages {
		switch state := s.m.messages[i].State; {
		case state == api.MessageStarted, i == begun:
			s.setMessage(i, api.MessageFailed, api.MessageProcessDied)
		case !state.Final():
			s.setMessage(i, api.MessageFailed, api.MessageNotStarted)
		}
	}
}

// begun is the index of the message that a turn seems to be for although it was
// not acknowledged, -1 if there is none: 2.1.197 does that with its answer only.
func (m *machine) begun() int {
	if !m.eng.Turn || m.indexOf(api.MessageStarted) >= 0 {
		return -1
	}
	return m.indexOf(api.MessageSent)
}

// line is the control request that asks for the switch.
func (c control) line(requestID string) []byte {
	switch {
	case c.Message != "":
		return claude.CancelMessage(requestID, c.Message)
	case c.Model != "":
		return claude.SetModel(requestID, c.Model)
	default:
		return claude.SetPermissionMode(requestID, c.Mode)
	}
}

// message is the index of a message that is not final, -1 if there is none.
func (m *machine) message(id string) int {
	return slices.IndexFunc(m.messages, func(msg api.Message) bool { return msg.ID == id && !msg.State.Final() })
}

// indexOf is the index of the first message in a state, -1 if there is none.
func (m *machine) indexOf(state api.MessageState) int {
	return slices.IndexFunc(m.messages, func(msg api.Message) bool { return msg.State == state })
}

// forget drops what is final: the store has it.
func (m *machine) forget() {
	m.messages = slices.DeleteFunc(m.messages, func(msg api.Message) bool { return msg.State.Final() })
}
