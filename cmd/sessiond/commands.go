package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

// slash is a command on the line of a conversation.
type slash struct {
	name, takes, help string
	needs             bool // what it takes
	run               func(t *talk, ctx context.Context, arg string) error
}

// slashes are all of them.
func slashes() []slash {
	return []slash{
		{"/interrupt", "", "end what the session works on (Ctrl-C)", false, (*talk).slashInterrupt},
		{"/now", "TEXT", "say it in the middle of the turn", true, (*talk).slashNow},
		{"/queue", "", "list what waits to be said", false, (*talk).slashQueue},
		{"/cancel", "N", "withdraw the Nth of them", true, (*talk).slashCancel},
		{"/model", "MODEL", "switch the model", true, (*talk).slashModel},
		{"/mode", "MODE", "switch the permission mode", true, (*talk).slashMode},
		{"/deny", "REASON", "say no to what is asked", true, (*talk).slashDeny},
		{"/end", "", "end the session", false, (*talk).slashEnd},
		{"/detach", "", "leave it; it goes on (Ctrl-D)", false, func(*talk, context.Context, string) error { return errDetached }},
		{"//…", "", "say something that begins with a slash, such as //compact", false, (*talk).slashHelp},
		{"/help", "", "this", false, (*talk).slashHelp},
	}
}

// command runs a command that was typed.
func (t *talk) command(ctx context.Context, text string) error {
	name, arg, _ := strings.Cut(text, " ")
	arg = strings.TrimSpace(arg)
	for _, s := range slashes() {
		if s.name != name {
			continue
		}
		if s.needs && arg == "" {
			t.complain(fmt.Errorf("%s %s: it is missing", s.name, s.takes))
			return nil
		}
		return s.run(t, ctx, arg)
	}
	t.complain(fmt.Errorf("%s is no command here: /help lists them; /%s says it to Claude Code", cleanLine(name), cleanLine(name)))
	return nil
}

func (t *talk) slashHelp(context.Context, string) error {
	for _, s := range slashes() {
		t.view.note("  " + pad(s.name+" "+s.takes, 16) + "  " + s.help)
	}
	return nil
}

func (t *talk) slashInterrupt(ctx context.Context, _ string) error {
	t.stopTurn(ctx)
	return nil
}

func (t *talk) slashNow(ctx context.Context, text string) error {
	t.send(ctx, text, api.DeliveryNow)
	return nil
}

// queue reads the messages that wait, in their order.
func (t *talk) queue(ctx context.Context) (messages []api.Message, ok bool) {
	ok = t.call(ctx, func(ctx context.Context) (err error) {
		messages, err = t.client.AllMessages(ctx, api.ListMessagesParams{SessionID: t.id, State: waitingMessage})
		return err
	})
	return messages, ok
}

func (t *talk) slashQueue(ctx context.Context, _ string) error {
	messages, ok := t.queue(ctx)
	for i, m := range messages {
		t.out.printf("  %d  %s  %s\n", i+1, t.out.style(messageStyle(m.State), word(m.State)), t.view.fit(m.Content.Text(), 14))
	}
	if ok && len(messages) == 0 {
		t.view.note("  nothing waits")
	}
	return nil
}

func (t *talk) slashCancel(ctx context.Context, arg string) error {
	messages, ok := t.queue(ctx)
	if !ok {
		return nil
	}
	n, _ := strconv.Atoi(arg) // what is no number is 0
	if n < 1 || n > len(messages) {
		t.complain(fmt.Errorf("/cancel %s: %d messages wait, numbered from 1", cleanLine(arg), len(messages)))
		return nil
	}
	if t.call(ctx, func(ctx context.Context) error {
		_, err := t.client.CancelMessage(ctx, api.MessageParams{MessageID: messages[n-1].ID})
		return err
	}) {
		t.view.note("  withdrawn: " + cleanLine(messages[n-1].Content.Text()))
	}
	return nil
}

func (t *talk) slashModel(ctx context.Context, model string) error {
	t.update(ctx, api.UpdateSessionParams{Model: &model})
	return nil
}

func (t *talk) slashMode(ctx context.Context, mode string) error {
	t.update(ctx, api.UpdateSessionParams{PermissionMode: &mode})
	return nil
}

// update changes the session, and says what Claude Code has confirmed.
func (t *talk) update(ctx context.Context, p api.UpdateSessionParams) {
	p.SessionID = t.id
	var r api.SessionResult
	switch done := t.call(ctx, func(ctx context.Context) (err error) {
		r, err = t.client.UpdateSession(ctx, p)
		return err
	}); {
	case done && p.Model != nil:
		t.session.Model = r.Session.Model // its event need not say so again
		t.view.note("  model: " + cleanLine(r.Session.Model))
	case done:
		t.session.PermissionMode = r.Session.PermissionMode
		t.view.note("  permission mode: " + cleanLine(r.Session.PermissionMode))
	}
}

func (t *talk) slashDeny(ctx context.Context, reason string) error {
	if len(t.open) == 0 {
		t.view.note("  nothing is asked")
		return nil
	}
	t.decide(ctx, api.SendDecisionParams{ApprovalID: t.open[0].ID, Decision: api.DecisionDeny, Comment: reason})
	return nil
}

func (t *talk) slashEnd(ctx context.Context, _ string) error {
	t.call(ctx, func(ctx context.Context) error {
		_, err := t.client.EndSession(ctx, api.EndSessionParams{SessionID: t.id})
		return err
	})
	return nil
}
