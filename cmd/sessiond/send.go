package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newSend(a *app) *cobra.Command {
	var (
		now       bool
		messageID string
	)
	cmd := &cobra.Command{
		Use:   "send SESSION [TEXT...|-]",
		Short: "Say something more to a session",
		Long: `Say something more to a session that lives, and print the message's id. It waits
until the turn before it has ended; with --now, Claude Code takes it in at the
next result of a tool. To a session that waits, it starts the next turn.`,
		Example: `  sessiond send 0198c2aa-41f7 "and the tests?"
  git diff | sessiond send 0198c2aa-41f7 -`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			content, err := a.prompt(args[1:])
			if err != nil {
				return err
			}
			p := api.SendMessageParams{Content: content, MessageID: messageID, Delivery: api.DeliveryQueue}
			if now {
				p.Delivery = api.DeliveryNow
			}
			if p.SessionID, err = resolve(ctx, c, args[0]); err != nil {
				return err
			}
			r, err := c.SendMessage(ctx, p)
			if err != nil {
				return err
			}
			if a.json {
				return a.out.object(r.Message)
			}
			a.out.printf("%s\n", cleanLine(r.Message.ID))
			return nil
		}),
	}
	cmd.Flags().BoolVar(&now, "now", false, "do not wait for the end of the turn")
	cmd.Flags().StringVar(&messageID, "message-id", "", "`UUID` of the message; a second call with it sends nothing")
	a.jsonFlag(cmd, "print the message as JSON")
	return cmd
}
