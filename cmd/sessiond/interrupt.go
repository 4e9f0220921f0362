package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newInterrupt(a *app) *cobra.Command {
	var cancelQueued bool
	cmd := &cobra.Command{
		Use:   "interrupt SESSION",
		Short: "Interrupt what a session works on",
		Long: `End the turn of a session. What is queued behind it goes on, unless --cancel-queued
is given. A session without --interactive and with nothing queued ends.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := resolve(ctx, c, args[0])
			if err != nil {
				return err
			}
			p := api.InterruptSessionParams{SessionID: id}
			if cancelQueued {
				p.Queued = api.QueuedCancel
			}
			r, err := c.InterruptSession(ctx, p)
			return a.printStatus(api.StatusResult{SessionID: r.SessionID, Status: r.Status}, r, err)
		}),
	}
	cmd.Flags().BoolVar(&cancelQueued, "cancel-queued", false, "withdraw the messages that wait, too")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

// printStatus prints what interruptSession and endSession have in common, or,
// as JSON, the whole answer.
func (a *app) printStatus(r api.StatusResult, whole any, err error) error {
	if err != nil {
		return err
	}
	if a.json {
		return a.out.object(whole)
	}
	a.out.printf("%s  %s\n", cleanLine(r.SessionID), a.out.style(statusStyle(r.Status), word(r.Status)))
	return nil
}
