package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// talk is a conversation with a session on a terminal. All of it belongs to the
// one loop of hold.
type talk struct {
	app     *app
	client  *client.Client
	console *console
	id      string
	view    *view
	out     *printer      // of the view: into the buffer
	buffer  *bytes.Buffer // what goes above the line with the next draw

	session api.Session
	printed int64             // seq up to which the conversation is on the screen
	waiting map[string]string // messages that have not started, and their texts
	typed   map[string]bool   // messages whose text stands on the screen, where it was typed
	asking
	interrupted time.Time // when Ctrl-C came last
}

func newTalk(a *app, c *client.Client, con *console, id string) *talk {
	t := &talk{
		app: a, client: c, console: con, id: id, buffer: &bytes.Buffer{},
		waiting: map[string]string{}, typed: map[string]bool{}, asking: newAsking(),
	}
	t.out = &printer{Writer: bufio.NewWriter(t.buffer), terminal: true, color: a.out.color, width: a.out.width}
	t.view = &view{printer: t.out, id: id}
	return t
}

// complaints prints what the app has to say to the same screen; it is safe
// beside the loop.
func (t *talk) complaints() *printer {
	return &printer{Writer: bufio.NewWriter(t.console.term), terminal: true, color: t.out.color}
}

// draw puts what was printed above the line, all at once.
func (t *talk) draw() {
	_ = t.out.Flush() // into a buffer
	t.console.show(t.buffer.Bytes(), t.prompt())
	t.buffer.Reset()
}

// complain says what went wrong, and what to do about it.
func (t *talk) complain(err error) {
	if err == nil {
		return
	}
	t.out.printf("%s\n", t.out.style(styleRed, "  "+clean(err.Error())))
	var answered *api.Error
	if errors.As(err, &answered) {
		if hint, ok := answered.Data["hint"].(string); ok && hint != "" {
			t.view.note("  " + clean(hint))
		}
	}
}

// catchUp shows how the session stands: the end of its conversation, what it
// asks, and what waits.
func (t *talk) catchUp(ctx context.Context, history int) error {
	r, err := t.client.GetSessionState(ctx, api.SessionParams{SessionID: t.id})
	if err != nil {
		return err
	}
	t.session = r.Session
	if history > 0 {
		if err := t.showHistory(ctx, history); err != nil {
			return err
		}
	}
	if t.session.Status.Final() {
		t.view.note("  it has ended; to go on: sessiond continue " + cleanLine(t.id))
		return errFinal
	}
	messages, err := t.client.AllMessages(ctx, api.ListMessagesParams{SessionID: t.id, State: waitingMessage})
	if err != nil {
		return err
	}
	for _, m := range messages {
		t.message(m)
	}
	open, err := t.client.FetchApprovals(ctx, api.FetchApprovalsParams{SessionID: t.id})
	if err != nil {
		return err
	}
	for _, q := range open.Approvals {
		t.asked(q)
	}
	t.view.note("  /help tells what can be done here")
	return nil
}

// showHistory shows the last events of the conversation.
func (t *talk) showHistory(ctx context.Context, count int) error {
	var last []api.ConversationEvent
	more := false
	for ev, err := range t.client.Conversation(ctx, api.GetConversationParams{SessionID: t.id}) {
		if err != nil {
			return err
		}
		if !t.view.shows(ev) {
			continue
		}
		if last = append(last, ev); len(last) > count {
			last, more = last[1:], true
		}
	}
	if more {
		t.view.note("… what was before: sessiond log " + cleanLine(t.id))
	}
	for _, ev := range last {
		t.view.conversation(ev)
		t.printed = max(t.printed, ev.Seq)
	}
	return nil
}

// event takes an event in, and shows what is to be seen of it.
func (t *talk) event(ev api.Event) (err error) {
	switch ev.Type {
	case api.EventConversationUpdated:
		ce, err := decode[api.ConversationEvent](ev)
		if err == nil && ev.Seq > t.printed && !t.typed[ce.MessageID] {
			t.view.conversation(ce)
		}
		return err
	case api.EventSessionStatusChanged:
		change, err := decode[api.StatusChange](ev)
		t.session.Status, t.session.WaitingFor = change.NewStatus, change.WaitingFor
		if err == nil && change.NewStatus.Final() {
			return errFinal
		}
		return err
	case api.EventSessionCreated, api.EventSessionUpdated:
		s, err := decode[api.Session](ev)
		if err == nil {
			t.changed(s)
		}
		return err
	case api.EventMessageUpdated:
		m, err := decode[api.Message](ev)
		t.message(m)
		return err
	case api.EventNewApproval, api.EventApprovalResolved:
		q, err := decode[api.Approval](ev)
		if err == nil && q.Status == api.ApprovalPending {
			t.asked(q)
		} else if err == nil {
			t.resolved(q)
		}
		return err
	case api.EventSessionDeleted:
		return api.NotFound(api.ReasonSessionNotFound, t.id)
	}
	return nil
}

// changed says what is different about the session.
func (t *talk) changed(s api.Session) {
	before := t.session
	t.session = s
	if s.Model != before.Model && before.Model != "" && s.Model != "" {
		t.view.note("  model: " + cleanLine(s.Model))
	}
	if s.PermissionMode != before.PermissionMode && before.PermissionMode != "" && s.PermissionMode != "" {
		t.view.note("  permission mode: " + cleanLine(s.PermissionMode))
	}
	if text := rateLimitText(s.RateLimit); text != rateLimitText(before.RateLimit) {
		t.view.note("  rate limit: " + text)
	}
	if text := retryText(s.APIRetry); text != "" && text != retryText(before.APIRetry) {
		t.view.note("  API: " + text)
	}
}

// message remembers which messages wait.
func (t *talk) message(m api.Message) {
	switch m.State {
	case api.MessageQueued, api.MessageSent:
		t.waiting[m.ID] = m.Content.Text()
	case api.MessageFailed:
		t.complain(fmt.Errorf("not done (%s): %s", m.Reason, cleanLine(m.Content.Text())))
		delete(t.waiting, m.ID)
	default:
		delete(t.waiting, m.ID)
	}
}

// prompt is what stands before the line: what keys do, or how the session is.
func (t *talk) prompt() string {
	text := t.keysPrompt()
	if text == "" && t.session.WaitingFor != api.WaitingForMessage {
		text = word(t.session.Status)
		if t.session.WaitingFor != "" {
			text = statusText(t.session)
		}
		if n := len(t.waiting); n > 0 && t.session.Status == api.StatusRunning {
			text += fmt.Sprintf(", %d queued", n)
		}
	}
	if text != "" {
		text = t.out.style(styleDim, text) + " "
	}
	return text + t.out.style(styleBold, "›") + " "
}

// entered takes a line that was typed: a command, the answer to a question, or
// something to say.
func (t *talk) entered(ctx context.Context, typed entry) error {
	text := strings.TrimSpace(typed.text)
	switch {
	case typed.err != nil:
		return errDetached
	case t.denying != nil:
		t.deny(ctx, text)
	case text == "":
		return nil
	case strings.HasPrefix(text, "//"):
		t.send(ctx, text[1:], api.DeliveryQueue)
	case strings.HasPrefix(text, "/"):
		return t.command(ctx, text)
	case t.takesWords():
		t.answer(ctx, text)
	default:
		t.send(ctx, typed.text, api.DeliveryQueue)
	}
	return nil
}

// send says something to the session; the id makes repeating it harmless. What
// has to wait is shown when it starts, and the rest stands where it was typed.
func (t *talk) send(ctx context.Context, text string, delivery api.Delivery) {
	p := api.SendMessageParams{SessionID: t.id, Content: api.Text(text), MessageID: uuid.NewString(), Delivery: delivery}
	idle := t.session.WaitingFor == api.WaitingForMessage && len(t.waiting) == 0
	sent := t.call(ctx, func(ctx context.Context) error {
		_, err := t.client.SendMessage(ctx, p)
		return err
	})
	switch {
	case sent && idle:
		t.typed[p.MessageID] = true
	case sent && delivery == api.DeliveryNow:
		t.view.note("  comes with the next result of a tool")
	case sent:
		t.view.note("  queued; /queue lists what waits")
	}
}

// interrupt is Ctrl-C. What counts is when it was typed: what the one before does
// may take its time.
func (t *talk) interrupt(ctx context.Context, at time.Time) error {
	if at.Sub(t.interrupted) < time.Second {
		return errLeft
	}
	t.interrupted = at
	t.stopTurn(ctx)
	return nil
}

// stopTurn interrupts what the session works on.
func (t *talk) stopTurn(ctx context.Context) {
	if t.session.WaitingFor == api.WaitingForMessage {
		t.view.note("  nothing to interrupt; Ctrl-D leaves the session, /end ends it")
		return
	}
	t.call(ctx, func(ctx context.Context) error {
		_, err := t.client.InterruptSession(ctx, api.InterruptSessionParams{SessionID: t.id})
		return err
	})
}
