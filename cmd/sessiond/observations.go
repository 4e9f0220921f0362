package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newObservations(a *app) *cobra.Command {
	var p api.ListObservationsParams
	var since string
	var most int
	cmd := &cobra.Command{
		Use:   "observations [SESSION]",
		Short: "List which tools were used, with what and to what end",
		Long: `List the uses of tools in all sessions, or in one: those that sessiond launched and
those of your own terminals ('sessiond hooks install'), the oldest first.`,
		Example: `  sessiond observations 0198c2aa-41f7
  sessiond observations --tool 'mcp__*' --since 2d
  sessiond observations --unprocessed --json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeIDs,
	}
	cmd.Flags().StringVar(&p.ToolName, "tool", "", "only this `tool`; * stands for any text")
	cmd.Flags().StringVar(&since, "since", "", "only those of the last `age`, such as 2d or 12h")
	cmd.Flags().BoolVar(&p.Unprocessed, "unprocessed", false, "only those that no summary of their session covers")
	cmd.Flags().IntVar(&most, "limit", 0, "at most so many, from the oldest on (default: all)")
	a.jsonFlag(cmd, "print each as a line of JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if since != "" {
			age, err := daemon.ParseAge(since)
			if err != nil {
				return usagef("--since: %w", err)
			}
			p.Since = api.At(time.Now().Add(-age))
		}
		if most < 0 {
			return usagef("--limit: %d is negative", most)
		}
		return a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			if len(args) > 0 {
				id, err := resolve(ctx, c, args[0])
				if err != nil {
					return err
				}
				p.SessionID = id
			}
			return a.observations(ctx, c, p, most)
		})(cmd, args)
	}
	return cmd
}

// observations prints page after page, most of them at most; 0: all.
func (a *app) observations(ctx context.Context, c *client.Client, p api.ListObservationsParams, most int) error {
	for printed := 0; ; {
		page, err := c.ListObservations(ctx, p)
		if err != nil {
			return err
		}
		for i := range page.Observations {
			if most > 0 && printed == most {
				return nil
			}
			printed++
			if err := a.printObservation(&page.Observations[i]); err != nil {
				return err
			}
		}
		if err := a.out.Flush(); err != nil || page.NextAfterSeq == nil {
			return err
		}
		p.AfterSeq = *page.NextAfterSeq
	}
}

func (a *app) printObservation(o *api.Observation) error {
	if a.json {
		return a.out.line(o)
	}
	outcome, st := "", styleRed
	switch {
	case o.ResponseSeq == 0:
		outcome, st = "no answer yet", styleDim
	case o.IsError:
		outcome = cut(cleanLine(o.Response), 60)
	}
	a.out.printf("%s  %s  %s  %s", a.out.style(styleDim, a.moment(o.CreatedAt)), a.out.style(styleDim, cleanLine(o.SessionID)),
		pad(cut(cleanLine(o.ToolName), 16), 16), cut(cleanLine(plain.Gist(o.ToolInput)), 80))
	if outcome != "" {
		a.out.printf("  %s", a.out.style(st, outcome))
	}
	a.out.printf("\n")
	return nil
}
