package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newInbox(a *app) *cobra.Command {
	var states []string
	cmd := &cobra.Command{
		Use:   "inbox SESSION",
		Short: "List what was said to a session, and what became of it",
		Example: `  sessiond inbox 0198c2aa-41f7 --state queued
  sessiond inbox cancel 0198c2aa-41f7`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := resolve(ctx, c, args[0])
			if err != nil {
				return err
			}
			p := api.ListMessagesParams{SessionID: id}
			for _, s := range states {
				p.State = append(p.State, api.MessageState(s))
			}
			messages, err := c.AllMessages(ctx, p)
			if err != nil {
				return err
			}
			return a.printMessages(messages)
		}),
	}
	cmd.Flags().StringSliceVar(&states, "state", nil, "only these: queued, sent, started, completed, cancelled, failed")
	a.jsonFlag(cmd, "print each message as a line of JSON")
	cmd.AddCommand(newInboxCancel(a))
	return cmd
}

func newInboxCancel(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel MESSAGE...",
		Short: "Withdraw messages that have not started",
		Args:  cobra.MinimumNArgs(1),
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			for _, prefix := range args {
				id, err := resolveMessage(ctx, c, prefix)
				if err != nil {
					return err
				}
				r, err := c.CancelMessage(ctx, api.MessageParams{MessageID: id})
				if err != nil {
					return err
				}
				if err := a.printMessage(r.Message); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	a.jsonFlag(cmd, "print each message as a line of JSON")
	return cmd
}

// printMessage prints one message that was just changed.
func (a *app) printMessage(m api.Message) error {
	if a.json {
		return a.out.line(m)
	}
	a.out.printf("%s  %s\n", cleanLine(m.ID), a.out.style(messageStyle(m.State), word(m.State)))
	return nil
}

func (a *app) printMessages(messages []api.Message) error {
	ids := make([]string, len(messages))
	for i, m := range messages {
		ids[i] = m.ID
	}
	short := shortest(ids)
	rows := make([][]cell, len(messages))
	for i, m := range messages {
		if a.json {
			if err := a.out.line(m); err != nil {
				return err
			}
		}
		state := string(m.State)
		if m.Reason != "" {
			state += ": " + m.Reason
		}
		rows[i] = []cell{
			{cleanLine(short[m.ID]), ""},
			{cleanLine(state), messageStyle(m.State)},
			{word(m.Delivery), styleDim},
			{a.moment(m.CreatedAt), styleDim},
			{cleanLine(m.Content.Text()), ""},
		}
	}
	if !a.json && len(rows) > 0 {
		a.out.table([]string{"MESSAGE", "STATE", "DELIVERY", "SENT", "TEXT"}, rows)
	}
	return nil
}

func messageStyle(s api.MessageState) style {
	switch s {
	case api.MessageStarted:
		return styleCyan
	case api.MessageQueued, api.MessageSent:
		return styleYellow
	case api.MessageFailed:
		return styleRed
	}
	return styleDim
}
