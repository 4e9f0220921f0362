package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newAttach(a *app) *cobra.Command {
	var history int
	cmd := &cobra.Command{
		Use:   "attach SESSION",
		Short: "Talk to a session on this terminal",
		Long: `Talk to a session: see what it does, say something more to it, and answer what it
asks, with a key. '/help' on its line tells the rest. Ctrl-C interrupts what the
session works on; Ctrl-D, or a second Ctrl-C within a second, leaves it, and it
goes on. When the session ends, so does this, with the exit code of 'launch'.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeIDs,
	}
	cmd.Flags().IntVar(&history, "history", 20, "begin with so many `events` of the conversation")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if history < 0 {
			return usagef("--history must not be negative")
		}
		if !a.onTerminal() {
			return usagef("attach is for a terminal; use 'sessiond send' and 'sessiond log --follow' instead")
		}
		return a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := resolve(ctx, c, args[0])
			if err != nil {
				return err
			}
			h, err := c.Health(ctx) // before anything is read: what is newer comes as events
			if err != nil {
				return err
			}
			return a.attach(ctx, c, id, h.Events.HeadSeq, history)
		})(cmd, args)
	}
	return cmd
}

// attach talks to a session: it shows its last events up to now, and its events
// behind seq as they come.
func (a *app) attach(ctx context.Context, c *client.Client, id string, seq int64, history int) error {
	if err := a.out.Flush(); err != nil {
		return err
	}
	in, _ := a.stdin.(*os.File)
	con, err := openConsole(in, a.out.file)
	if err != nil {
		return err
	}
	t := newTalk(a, c, con, id)
	err = t.hold(ctx, seq, history)
	err = errors.Join(err, con.close())
	return a.afterTalk(ctx, c, id, err)
}

// What a conversation can end with, beside an error.
var (
	errDetached = errors.New("detached")
	errFinal    = errors.New("the session has ended")
	errLeft     = errors.New("left with Ctrl-C")
)

// afterTalk says the last word on the terminal, which is as it was.
func (a *app) afterTalk(ctx context.Context, c *client.Client, id string, err error) error {
	if errors.Is(err, errFinal) {
		r, err := finalState(ctx, c, id)
		if err != nil {
			return err
		}
		a.newView(id).end(r.Session)
		return exitCodeOfSession(r.Session.Status)
	}
	left := errors.Is(err, errLeft) || ctx.Err() != nil
	if !left && !errors.Is(err, errDetached) {
		return err
	}
	a.errs.printf("detached; the session goes on. Come back with:\n  sessiond attach %s\n", cleanLine(id))
	_ = a.errs.Flush()
	if left {
		return &silentError{exitStopped}
	}
	return nil
}

// hold is the conversation. Everything happens in its one loop, but for reading
// the terminal and the events, which wait for it.
func (t *talk) hold(ctx context.Context, seq int64, history int) error {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	t.out.width = t.console.fit()

	errs := t.app.errs // complaints go above the line, too
	t.app.errs = t.complaints()
	defer func() { t.app.errs = errs }()
	if err := t.catchUp(ctx, history); err != nil {
		t.draw()
		return err
	}
	events, stop := t.events(ctx, seq)
	defer stop()
	t.draw() // before the reading begins, which shows the prompt
	t.console.start()
	for {
		t.draw()
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-resized:
			t.out.width = t.console.fit()
		case <-t.settled.C:
			t.arm()
		case at := <-t.console.interrupts:
			err = t.interrupt(ctx, at)
		case ev := <-events:
			if err = ev.err; err == nil {
				err = t.event(ev.Event)
			}
		case typed := <-t.console.entries:
			err = t.entered(ctx, typed)
			t.reply(err)
		case key := <-t.console.presses:
			err = t.pressed(ctx, key)
			t.reply(err)
		}
		if err != nil {
			t.draw()
			return err
		}
	}
}

// reply lets the console read on, unless this was the end.
func (t *talk) reply(err error) {
	if err == nil {
		t.draw()
		t.console.handled <- struct{}{}
	}
}

// followed is an event, or why there are no more.
type followed struct {
	api.Event
	err error
}

// events follows the session behind seq, across restarts of the daemon. Who
// calls stop does not take from the channel any more.
func (t *talk) events(ctx context.Context, seq int64) (<-chan followed, func()) {
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan followed)
	var reading sync.WaitGroup
	reading.Go(func() {
		for ev, err := range t.client.Events(ctx, api.SubscribeParams{SessionID: t.id, AfterSeq: &seq}) {
			t.app.lost = false
			select {
			case events <- followed{ev, err}:
			case <-ctx.Done():
				return
			}
		}
	})
	return events, func() { cancel(); reading.Wait() }
}

// tryAgain bounds how long a call is repeated while the daemon is away.
const tryAgain = 5 * time.Second

// call repeats a call that may be repeated while the daemon is away, for a
// while. What goes wrong is said, and not the end of the conversation.
func (t *talk) call(ctx context.Context, f func(ctx context.Context) error) bool {
	limited, cancel := context.WithTimeout(ctx, tryAgain)
	defer cancel()
	err := patiently(limited, func() error { return f(limited) })
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = errors.New("the daemon does not answer; try again later")
	}
	t.complain(err)
	return err == nil
}
