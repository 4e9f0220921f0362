package session

import (
	"context"
	"errors"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// The defaults of the bounds of inboxes, and of the queue of sessions that wait
// for a slot.
const (
	DefaultMaxInbox          = 1000
	DefaultMaxInboxBytes     = 64 << 20
	DefaultMaxQueuedSessions = 1000
)

// maxMessage is the size of the largest content that fits a line for Claude Code,
// with what the line has around it.
const maxMessage = shim.MaxLine - 1<<10

// SendMessage puts a message into a live session's inbox. It returns once that
// is on disk; how the message fares is told by message_updated events.
func (m *Manager) SendMessage(ctx context.Context, p api.SendMessageParams) (api.MessageResult, error) {
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return api.MessageResult{}, err
	}
	if err := m.ours(ctx, id); err != nil {
		return api.MessageResult{}, err
	}
	if err := checkQuery("content", p.Content); err != nil {
		return api.MessageResult{}, err
	}
	switch p.Delivery {
	case "":
		p.Delivery = api.DeliveryQueue
	case api.DeliveryQueue, api.DeliveryNow:
	default:
		return api.MessageResult{}, api.InvalidParams("delivery", "%q is neither queue nor now", p.Delivery)
	}
	messageID := newID()
	if p.MessageID != "" {
		if messageID, err = api.ParseID("message_id", p.MessageID); err != nil {
			return api.MessageResult{}, err
		}
		defer m.messageIDs.lock(messageID)() // two calls with one id: the second finds the first's
		if known, err := m.knownMessage(ctx, id, messageID, p); known != nil || err != nil {
			return deref(known), err
		}
	}
	if err := m.checkBudget(ctx); err != nil {
		return api.MessageResult{}, err
	}
	var msg api.Message
	_, err = m.change(ctx, id, func(_ *actor, s *step) error {
		if err := s.m.mayTake(); err != nil {
			return err
		}
		if err := m.mayWait(s.m.messages, p.Content); err != nil {
			return err
		}
		msg = *s.addMessage(messageID, p.Content, p.Delivery)
		return nil
	})
	return api.MessageResult{Message: msg}, err
}

// mayTake refuses a message that the session could never deliver.
func (m *machine) mayTake() error {
	ses := &m.row.Session
	switch {
	case ses.Status.Final():
		return errFinal(ses)
	case m.eng.End != "" || m.eng.InputClosed:
		return api.InvalidState(ses.Status, "wait for its end, then continueSession", "session %s is ending", ses.ID)
	case ses.MaxBudgetUSD > 0 && ses.CostUSD >= ses.MaxBudgetUSD:
		return api.Errorf(api.ReasonLimitExceeded, "session %s has spent its budget of $%v; continueSession with another max_budget_usd goes on", ses.ID, ses.MaxBudgetUSD).
			With("limit", ses.MaxBudgetUSD).With("hint", "continueSession with another max_budget_usd")
	}
	return nil
}

// mayWait refuses what an inbox that holds these messages has no room for.
func (m *Manager) mayWait(messages []api.Message, content api.Content) error {
	count, size := 1, int64(content.Size())
	for i := range messages {
		if messages[i].State.Waits() {
			count++
			size += int64(messages[i].Content.Size())
		}
	}
	if count > m.cfg.MaxInbox {
		return api.Errorf(api.ReasonLimitExceeded, "%d messages wait in this session already", count-1).AtBound("max_inbox", m.cfg.MaxInbox)
	}
	if size > m.cfg.MaxInboxBytes {
		return api.Errorf(api.ReasonLimitExceeded, "with this one, messages of %d bytes would wait in this session", size).
			AtBound("max_inbox_bytes", m.cfg.MaxInboxBytes)
	}
	return nil
}

// knownMessage answers a call that came before with the same message id.
func (m *Manager) knownMessage(ctx context.Context, sessionID, messageID string, p api.SendMessageParams) (*api.MessageResult, error) {
	msg, err := m.store.Message(ctx, messageID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, wrapf(err, "message %s", messageID)
	}
	if msg.SessionID != sessionID || !msg.Content.Equal(p.Content) || msg.Delivery != p.Delivery {
		return nil, api.Errorf(api.ReasonConflict, "the message id %s was used with other params", messageID).With("message_id", messageID)
	}
	return &api.MessageResult{Message: msg}, nil
}

// ListMessages reads a page of a session's messages, in their order.
func (m *Manager) ListMessages(ctx context.Context, p api.ListMessagesParams) (api.ListMessagesResult, error) {
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return api.ListMessagesResult{}, err
	}
	if err := checkAny("state", p.State, api.MessageStates); err != nil {
		return api.ListMessagesResult{}, err
	}
	if p.FromPosition < 0 {
		return api.ListMessagesResult{}, api.InvalidParams("from_position", "%d is negative", p.FromPosition)
	}
	if _, err := m.row(ctx, id); err != nil {
		return api.ListMessagesResult{}, err
	}
	messages, next, err := m.store.MessagesFrom(ctx, id, p.State, p.FromPosition, maxPageBytes)
	return api.ListMessagesResult{Messages: messages, NextPosition: next}, wrapf(err, "messages of session %s", id)
}

// CancelMessage withdraws a message that has not started. One that was written
// already is Claude Code's to give back: the call returns when it has said so.
func (m *Manager) CancelMessage(ctx context.Context, p api.MessageParams) (api.MessageResult, error) {
	id, err := api.ParseID("message_id", p.MessageID)
	if err != nil {
		return api.MessageResult{}, err
	}
	msg, err := m.message(ctx, id)
	if err != nil {
		return api.MessageResult{}, err
	}
	if !msg.State.Final() {
		_, err := m.ask(ctx, msg.SessionID, func(s *step) (string, error) { return s.cancel(id), nil })
		if err != nil {
			return api.MessageResult{}, err
		}
		if msg, err = m.message(ctx, id); err != nil {
			return api.MessageResult{}, err
		}
	}
	if msg.State == api.MessageCancelled {
		return api.MessageResult{Message: msg}, nil
	}
	ses, err := m.row(ctx, msg.SessionID)
	if err != nil {
		return api.MessageResult{}, err
	}
	return api.MessageResult{}, api.InvalidState(ses.Session.Status, "interruptSession ends the turn that it started",
		"message %s cannot be withdrawn any more (%s)", id, msg.State).With("message_state", msg.State)
}

// cancel withdraws a message, or asks Claude Code to give it back. Whoever waits
// for the answer to the request has it at once where nothing is to be asked.
func (s *step) cancel(id string) (request string) {
	if i := s.m.message(id); i >= 0 {
		switch s.m.messages[i].State {
		case api.MessageSent:
			return s.request(control{Message: id})
		case api.MessageQueued:
			s.setMessage(i, api.MessageCancelled, "")
			s.withdrawn()
		}
	}
	request = newID()
	s.answered = append(s.answered, answer{requestID: request})
	return request
}

// withdrawn ends a session that has nothing to begin with any more: at once if
// it waits for a slot, else by the end of its input.
func (s *step) withdrawn() {
	if s.m.eng.HasResult || s.m.busy() || s.m.waiting() > 0 {
		return
	}
	s.m.eng.Withdrawn = true
	if s.m.row.Session.Status == api.StatusQueued {
		s.close(api.StatusInterrupted, reasonWithdrawn)
	}
}

func (m *Manager) message(ctx context.Context, id string) (api.Message, error) {
	msg, err := m.store.Message(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return msg, api.NotFound(api.ReasonMessageNotFound, id)
	}
	return msg, wrapf(err, "message %s", id)
}
