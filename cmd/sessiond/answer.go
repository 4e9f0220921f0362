package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newAnswer(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "answer APPROVAL ANSWER...",
		Short: "Answer what Claude Code asks the user",
		Long: `Answer a question that Claude Code puts to the user. An answer is the number of an
option, the beginning of its label, or any text. Where several questions are
asked together, each takes one answer; where several options may be chosen,
commas stand between them.`,
		Example: `  sessiond answer 0198c2aa-41f7 2
  sessiond answer 0198c2aa-41f7 postgres 1,3 "neither: use the old one"`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: a.completeApprovals,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			q, err := findApproval(ctx, c, args[0])
			if err != nil {
				return err
			}
			input, err := answered(q, args[1:])
			if err != nil {
				return err
			}
			return a.decide(ctx, c, api.SendDecisionParams{ApprovalID: q.ID, Decision: api.DecisionApprove, UpdatedInput: input})
		}),
	}
	a.jsonFlag(cmd, "print the approval as JSON")
	return cmd
}
