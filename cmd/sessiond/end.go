package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newEnd(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "end SESSION",
		Short: "End the process of a session",
		Long: `End the process of a session: it is asked to end, after 5 seconds told to, and
after 5 more killed with everything that it has started.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := resolve(ctx, c, args[0])
			if err != nil {
				return err
			}
			r, err := c.EndSession(ctx, api.EndSessionParams{SessionID: id, Force: force})
			if err == nil && !a.json && !r.Status.Final() {
				a.out.printf("%s  %s\n", cleanLine(r.SessionID), a.out.style(styleYellow, "ending"))
				return nil
			}
			return a.printStatus(r, r, err)
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "kill it at once")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}
