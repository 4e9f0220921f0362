package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newWatch(a *app) *cobra.Command {
	var (
		p       api.SubscribeParams
		types   []string
		after   int64
		session string
	)
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Follow the events of all sessions, or of one",
		Long: `Follow the log of events until Ctrl-C: from now on, or behind the event --after.
When the daemon goes away, the watch waits for it, and misses nothing. It ends, with
exit code 0, when nobody reads any more what it prints.

With --json, each event is a line, and its "seq" the cursor: whoever comes again with
the last one that he has worked through as --after gets the next one, and each once.
Where the log does not have these any more, because a backup was restored, the exit
code is 10: read what there is with 'sessiond list --json', and watch from now on.`,
		Example: `  sessiond watch
  sessiond watch --json --types new_approval,approval_resolved
  sessiond watch --json --after 4711 --session 01a1fc81`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().Int64Var(&after, "after", 0, "begin behind this seq; 0 is the beginning of the log")
	cmd.Flags().StringVar(&session, "session", "", "only this session")
	cmd.Flags().StringSliceVar(&types, "types", nil, "only these types of events, such as session_status_changed")
	cmd.Flags().BoolVar(&p.IncludePartial, "partial", false, "also deltas of messages that are being written")
	a.jsonFlag(cmd, "print each event as a line of JSON")
	a.completeFlag(cmd, "session", a.completeIDs)
	a.completeFlag(cmd, "types", cobra.FixedCompletions(words(api.EventTypes), cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = a.withClient(func(ctx context.Context, c *client.Client, _ []string) error {
		if cmd.Flags().Changed("after") {
			p.AfterSeq = &after
		}
		for _, t := range types {
			p.EventTypes = append(p.EventTypes, api.EventType(t))
		}
		if session != "" {
			id, err := resolve(ctx, c, session)
			if err != nil {
				return err
			}
			p.SessionID = id
		}
		ctx, stop := a.whileRead(ctx)
		defer stop()
		return a.unread(ctx, a.watch(ctx, c, p))
	})
	return cmd
}

// watchHint says what to do about a cursor that the log does not have any more.
const watchHint = "a backup was restored: read what there is ('sessiond list --json'), and watch from now on, without --after"

func (a *app) watch(ctx context.Context, c *client.Client, p api.SubscribeParams) error {
	for ev, err := range c.Events(ctx, p) {
		if expired, ok := errors.AsType[*api.Error](err); ok && expired.Reason == api.ReasonCursorExpired {
			return expired.With("hint", watchHint)
		}
		if err != nil {
			return err
		}
		a.lost = false
		if a.json {
			err = a.out.line(ev)
		} else {
			err = a.printEvent(ev)
		}
		if err == nil {
			err = a.out.Flush()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// printEvent prints an event on one line: seq, time, session, type, gist.
func (a *app) printEvent(ev api.Event) error {
	gist, err := gistOf(ev)
	if err != nil {
		return err
	}
	when := ev.Timestamp.String()
	if a.out.terminal {
		when = ev.Timestamp.Local().Format("15:04:05")
	}
	head := fmt.Sprintf("%6d  %s  %s  %-22s  ", ev.Seq, when, cut(cleanLine(ev.SessionID), 14), cleanLine(string(ev.Type)))
	gist = cleanLine(gist)
	if a.out.width > 0 {
		gist = cut(gist, max(a.out.width-columns(head), 16))
	} else {
		gist = cut(gist, 200)
	}
	a.out.printf("%s%s\n", a.out.style(styleDim, head), gist)
	return nil
}

// gistOf says in a few words what an event tells.
func gistOf(ev api.Event) (string, error) {
	switch ev.Type {
	case api.EventSessionCreated, api.EventSessionUpdated:
		s, err := decode[api.Session](ev)
		return string(s.Status) + "  " + name(s), err
	case api.EventSessionStatusChanged:
		c, err := decode[api.StatusChange](ev)
		return fmt.Sprintf("%s → %s  %s %s", c.OldStatus, c.NewStatus, c.WaitingFor, c.ErrorMessage), err
	case api.EventConversationUpdated:
		ce, err := decode[api.ConversationEvent](ev)
		return fmt.Sprintf("%s %s  %s %s", ce.Role, ce.EventType, ce.ToolName, ce.Content+inputText(ce.ToolInput)), err
	case api.EventNewApproval, api.EventApprovalResolved:
		q, err := decode[api.Approval](ev)
		return fmt.Sprintf("%s  %s %s", q.Status, q.ToolName, inputText(q.ToolInput)), err
	case api.EventMessageUpdated:
		m, err := decode[api.Message](ev)
		return fmt.Sprintf("%s  %s", m.State, m.Content.Text()), err
	case api.EventSessionSummarized:
		s, err := decode[api.Summary](ev)
		return s.Title + "  " + s.Completed, err
	case api.EventJobUpdated:
		j, err := decode[api.Job](ev)
		return fmt.Sprintf("%s  %s  %s", j.Kind, j.State, j.Reason), err
	case api.EventSessionDeleted:
		d, err := decode[api.SessionDeletion](ev)
		return strings.TrimSpace(fmt.Sprintf("%s  %s", d.DeletedBy, d.Archive)), err
	}
	return string(ev.Data), nil
}
