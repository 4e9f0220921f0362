package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// reading is what `sessiond log` was asked for.
type reading struct {
	raw, follow, verbose, noAncestors bool
	after, around                     int64
}

func newLog(a *app) *cobra.Command {
	var r reading
	var archive string
	cmd := &cobra.Command{
		Use:   "log SESSION",
		Short: "Read a conversation",
		Long: `Read the conversation of a session, with what it continues before it.

With --raw, exactly what Claude Code printed, byte for byte. With --follow, go on
until the session ends, with the exit code of 'launch'; Ctrl-C stops the following.
With --around SEQ, an event that 'sessiond search' has found, and those before and
behind it. With --archive FILE, of a session that was pruned.`,
		ValidArgsFunction: a.completeIDs,
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if archive != "" {
			return cobra.NoArgs(cmd, args)
		}
		return cobra.ExactArgs(1)(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if r.raw && a.json {
			return usagef("--raw and --json exclude each other")
		}
		if r.around < 0 || cmd.Flags().Changed("around") && r.around == 0 {
			return usagef("--around must be the seq of an event")
		}
		if r.around > 0 && (r.follow || archive != "" || r.after > 0) {
			return usagef("--around excludes --follow, --after and --archive")
		}
		if archive != "" {
			if r.follow {
				return usagef("--archive and --follow exclude each other")
			}
			return a.logArchive(archive, r)
		}
		return a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := resolve(ctx, c, args[0])
			if err != nil {
				return err
			}
			return a.log(ctx, c, id, r)
		})(cmd, args)
	}
	cmd.Flags().BoolVar(&r.raw, "raw", false, "print lines as Claude Code printed them")
	cmd.Flags().BoolVarP(&r.follow, "follow", "f", false, "go on until the session ends")
	cmd.Flags().BoolVarP(&r.verbose, "verbose", "v", false, "also what Claude Code says to programs")
	cmd.Flags().BoolVar(&r.noAncestors, "no-ancestors", false, "without what this session continues")
	cmd.Flags().Int64Var(&r.after, "after", 0, "only events behind this seq")
	cmd.Flags().Int64Var(&r.around, "around", 0, "only this `seq`, and what is around it")
	cmd.Flags().StringVar(&archive, "archive", "", "read this `file`, which 'sessiond prune' has written")
	a.jsonFlag(cmd, "print each conversation event as a line of JSON")
	return cmd
}

// log reads a conversation, and follows it if it is to. It asks for the status
// before it reads: what a session in a final status has said is all there.
func (a *app) log(ctx context.Context, c *client.Client, id string, r reading) error {
	l := &logger{app: a, client: c, id: id, reading: r, view: a.newView(id)}
	l.view.verbose = r.verbose
	if r.around > 0 {
		return l.printAround(ctx, r.around)
	}
	state, err := c.GetSessionState(ctx, api.SessionParams{SessionID: id})
	if err != nil {
		return err
	}
	if err := l.catchUp(ctx); err != nil || !r.follow {
		return err
	}
	if !state.Session.Status.Final() {
		if state, err = l.live(ctx); err != nil {
			return a.stopped(ctx, id, err)
		}
	}
	if !r.raw {
		l.view.end(state.Session)
	}
	return exitCodeOfSession(state.Session.Status)
}

// logger prints a conversation; after is the seq of what it has printed last.
type logger struct {
	*app
	reading
	client *client.Client
	view   *view
	id     string
}

// catchUp prints what the conversation holds by now.
func (l *logger) catchUp(ctx context.Context) error {
	p := api.GetConversationParams{SessionID: l.id, AfterSeq: l.after, IncludeRaw: l.raw, IncludeAncestors: new(!l.noAncestors)}
	for ev, err := range l.client.Conversation(ctx, p) {
		if err == nil {
			err = l.print(ev)
		}
		if err != nil {
			return err
		}
		l.after = ev.Seq
	}
	return l.out.Flush()
}

// live goes on until the session is final. Events of the log say when there is
// more; what was said is read from the conversation again only where the log
// has it in another form.
func (l *logger) live(ctx context.Context) (state api.SessionResult, err error) {
	for ev, err := range l.client.Events(ctx, api.SubscribeParams{SessionID: l.id, AfterSeq: new(l.after)}) {
		if err != nil {
			return state, err
		}
		l.lost = false
		if err := patiently(ctx, func() error { return l.show(ctx, ev) }); err != nil {
			return state, err
		}
		if err := l.out.Flush(); err != nil {
			return state, err
		}
		if becameFinal(ev) {
			break
		}
	}
	return finalState(ctx, l.client, l.id)
}

func (l *logger) show(ctx context.Context, ev api.Event) error {
	switch {
	case ev.Type == api.EventSessionDeleted:
		return api.NotFound(api.ReasonSessionNotFound, l.id)
	case ev.Type == api.EventConversationUpdated && ev.Seq <= l.after:
		return nil
	case ev.Type == api.EventConversationUpdated && l.raw:
		return l.catchUp(ctx)
	case ev.Type == api.EventConversationUpdated:
		ce, err := decode[api.ConversationEvent](ev)
		if err != nil {
			return err
		}
		l.after = ev.Seq
		return l.print(ce)
	case l.raw || l.json:
		return nil
	}
	return l.view.event(ev)
}

// print prints one event in the form that was asked for.
func (l *logger) print(ev api.ConversationEvent) error {
	switch {
	case l.json:
		return l.out.line(ev)
	case l.raw:
		l.printRaw(ev)
	default:
		l.view.conversation(ev)
	}
	return nil
}

// printRaw prints a line as it came; on a terminal it is made harmless.
func (l *logger) printRaw(ev api.ConversationEvent) {
	line, _ := rawLine(ev)
	if l.out.terminal {
		line = clean(line)
	}
	_, _ = l.out.WriteString(line)
}

// rawLine is the line of Claude Code's that begins with an event, with its newline;
// none for a further part of a line, or a prompt.
func rawLine(ev api.ConversationEvent) (line string, ok bool) {
	switch {
	case ev.Raw != nil:
		line = *ev.Raw
	case ev.RawBase64 != nil:
		line = string(ev.RawBase64)
	default:
		return "", false
	}
	if !ev.RawUnterminated {
		line += "\n"
	}
	return line, true
}
