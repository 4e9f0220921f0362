package main

import (
	"context"
	"errors"
	"html"
	"runtime"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// findDesktop returns how a notification is shown on this desktop: the command for a
// title and a text. It is nil where there is none: no desktop, or no such program.
func findDesktop(getenv func(string) string, look func(string) (string, error)) func(title, text string) []string {
	switch {
	case runtime.GOOS == "darwin":
		if path, err := look("osascript"); err == nil {
			return appleNotification(path)
		}
	case getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != "":
		if path, err := look("notify-send"); err == nil {
			return freeNotification(path)
		}
	}
	return nil
}

// appleNotification hands the texts over as arguments of the script, not in it.
func appleNotification(osascript string) func(title, text string) []string {
	return func(title, text string) []string {
		return []string{osascript, "-e", "on run argv", "-e", `display notification (item 2 of argv) with title "sessiond" subtitle (item 1 of argv)`,
			"-e", "end run", "--", title, text}
	}
}

// freeNotification is that of the desktops of free systems. Their servers take the
// text, not the title, for markup.
func freeNotification(send string) func(title, text string) []string {
	return func(title, text string) []string {
		return []string{send, "--app-name=sessiond", "--", title, html.EscapeString(text)}
	}
}

// person tells a person of an event, unless there is nothing to do any more.
func (n *notifier) person(ctx context.Context, note notice) error {
	over, err := n.settled(ctx, note)
	if err != nil || over {
		return err
	}
	title, text := note.title(), cut(note.text, 200)
	if n.desktop == nil {
		n.ring(title + " " + text)
	} else if err := n.runCommand(ctx, n.desktop(title, text), n.env, nil); err != nil {
		n.complainOf("the desktop shows nothing: %v", err)
		n.ring(title + " " + text)
	}
	when := note.event.Timestamp.String()
	if n.out.terminal {
		when = note.event.Timestamp.Local().Format(time.TimeOnly)
	}
	n.out.printf("%s  %s  %s\n", n.out.style(styleDim, when), n.out.style(styleBold, title), text)
	n.out.printf("  %s\n", n.out.style(styleDim, note.remedy()))
	return n.out.Flush()
}

// ring rings the bell of the terminal, with the sequence by which many of them show
// a notification (OSC 9); the others ignore it. The text is fit for a terminal.
func (n *notifier) ring(text string) {
	if n.errs.terminal {
		n.errs.printf("\x1b]9;%s\a\a", text)
		_ = n.errs.Flush()
	}
}

// settled reports whether what an event asked for was done, by the time that it is
// told of: by somebody else, or while nobody was listening.
func (n *notifier) settled(ctx context.Context, note notice) (bool, error) {
	switch {
	case note.event.Type == api.EventNewApproval:
		var r api.ApprovalResult
		err := patiently(ctx, func() (err error) {
			r, err = n.client.GetApproval(ctx, api.ApprovalParams{ApprovalID: note.approval.ID})
			return err
		})
		if answered, ok := errors.AsType[*api.Error](err); ok { // a damaged record, say: rather tell too much
			return answered.Reason == api.ReasonApprovalNotFound, nil
		}
		return r.Approval.Status != api.ApprovalPending, err
	case note.word == string(api.WaitingForMessage):
		return note.session.WaitingFor != api.WaitingForMessage, nil
	}
	return false, nil
}
