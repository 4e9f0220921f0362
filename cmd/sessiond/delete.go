package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newDelete(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "delete SESSION...",
		Aliases:           []string{"rm"},
		Short:             "Delete sessions that have ended, and their conversations",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			ids, err := resolveAll(ctx, c, args)
			if err != nil {
				return err
			}
			for _, id := range ids {
				r, err := c.DeleteSession(ctx, api.SessionParams{SessionID: id})
				if err != nil {
					return err
				}
				if !a.json {
					a.out.printf("%s  deleted\n", cleanLine(id))
				} else if err := a.out.line(deleted{id, r.Deleted}); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	a.jsonFlag(cmd, "print a line of JSON for each session")
	return cmd
}

// deleted is what `sessiond delete --json` prints for each session.
type deleted struct {
	SessionID string `json:"session_id"`
	Deleted   bool   `json:"deleted"`
}
