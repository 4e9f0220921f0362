package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newContinue(a *app) *cobra.Command {
	var (
		flags *launchFlags
		fork  bool
		atSeq int64
	)
	cmd := &cobra.Command{
		Use:   "continue SESSION [PROMPT...|-]",
		Short: "Go on from a session, and follow that",
		Long: `Start a session that goes on from the conversation of one that has ended, and
follow it. It inherits directory, model, mode, tools, prompts and MCP servers; a
flag replaces what would be inherited, and an empty list empties it.

With --fork, a branch begins at the session's last answer, and with --at-seq at
an event of its conversation (the numbers are in 'sessiond log --json'). With --wait,
print only the result when it is there.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIDs,
	}
	cmd.Flags().BoolVar(&fork, "fork", false, "make a branch: a new conversation that begins as a copy")
	cmd.Flags().Int64Var(&atSeq, "at-seq", 0, "make the branch at this event of the conversation")
	flags = newLaunchFlags(cmd.Flags())
	a.completeModes(cmd)
	a.jsonFlag(cmd, launchJSONUsage)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query, err := a.prompt(args[1:])
		if err != nil {
			return err
		}
		options, err := flags.options()
		if err != nil {
			return err
		}
		p := api.ContinueSessionParams{
			Query: query, Fork: fork, AtSeq: given(flags, "at-seq", atSeq), LaunchOptions: options,
			Env: a.environment(), IdempotencyKey: flags.idempotencyKey,
		}
		return a.withClient(func(ctx context.Context, c *client.Client, _ []string) error {
			if p.SessionID, err = resolve(ctx, c, args[0]); err != nil {
				return err
			}
			return a.start(ctx, c, flags, func(ctx context.Context) (api.LaunchSessionResult, error) { return c.ContinueSession(ctx, p) })
		})(cmd, nil)
	}
	return cmd
}
