package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newLaunch(a *app) *cobra.Command {
	var flags *launchFlags
	cmd := &cobra.Command{
		Use:   "launch [PROMPT...|-]",
		Short: "Start a session and follow it",
		Long: `Start a session in this directory, with this environment, and follow it until it
ends. Ctrl-C stops the following, and not the session, once it is known which one
that is; a second one does not wait for that. The exit code is that of the session:
'sessiond help exit-codes'. With --interactive on a terminal, you talk to it, as
with 'sessiond attach'.

With --wait, print only the result when it is there, and with --json one object
with status, result and session; of an --interactive one after its first turn.`,
		Example: `  sessiond launch "fix the failing test"
  (cat review.md; git diff) | sessiond launch --title review -
  id=$(sessiond launch -d --permission-mode acceptEdits - < task.md)
  summary=$(sessiond launch --wait "what was changed since yesterday?")`,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags = newLaunchFlags(cmd.Flags())
	a.completeModes(cmd)
	a.jsonFlag(cmd, launchJSONUsage)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query, err := a.prompt(args) // what is wrong here is said before a daemon is started
		if err != nil {
			return err
		}
		options, err := flags.options()
		if err != nil {
			return err
		}
		if options.Tags != nil && len(*options.Tags) == 0 {
			return usagef("--tag: a label must not be empty")
		}
		if options.WorkingDir == nil {
			options.WorkingDir = new(".")
			if err := makeAbsolute(options.WorkingDir); err != nil {
				return err
			}
		}
		p := api.LaunchSessionParams{
			Query: query, LaunchOptions: options,
			Env: a.environment(), IdempotencyKey: flags.idempotencyKey,
		}
		return a.withClient(func(ctx context.Context, c *client.Client, _ []string) error {
			return a.start(ctx, c, flags, func(ctx context.Context) (api.LaunchSessionResult, error) { return c.LaunchSession(ctx, p) })
		})(cmd, nil)
	}
	return cmd
}

const launchJSONUsage = "print the session's events as lines of JSON; with --wait, one object at the end; with -d, the answer"

// start starts a session by begin, and prints what it answered, talks to the
// session, or follows it.
func (a *app) start(ctx context.Context, c *client.Client, flags *launchFlags, begin func(context.Context) (api.LaunchSessionResult, error)) error {
	h, err := c.Health(ctx) // its head is where the session's events begin
	if err != nil {
		return err
	}
	r, err := begin(context.WithoutCancel(ctx)) // Ctrl-C would leave a session of which nobody is told
	if err != nil {
		return err
	}
	switch {
	case flags.detach && a.json:
		return a.out.object(r)
	case flags.detach:
		a.out.printf("%s\n", cleanLine(r.SessionID))
		return nil
	case flags.wait:
		return a.waitForResult(ctx, c, r.SessionID, flags.timeout)
	}
	v := a.newView(r.SessionID)
	v.begin(r)
	if flags.interactive && !a.json && a.onTerminal() {
		return a.attach(ctx, c, r.SessionID, h.Events.HeadSeq, 0)
	}
	return a.follow(ctx, c, r.SessionID, h.Events.HeadSeq, v)
}
