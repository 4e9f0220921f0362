package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newDeny(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "deny APPROVAL REASON",
		Short:             "Say no to a question of Claude Code's, which reads the reason",
		Example:           `  sessiond deny 0198c2aa-41f7 "not on main: make a branch first"`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: a.completeApprovals,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			q, err := findApproval(ctx, c, args[0])
			if err != nil {
				return err
			}
			return a.decide(ctx, c, api.SendDecisionParams{
				ApprovalID: q.ID, Decision: api.DecisionDeny, Comment: strings.Join(args[1:], " "),
			})
		}),
	}
	a.jsonFlag(cmd, "print the approval as JSON")
	return cmd
}
