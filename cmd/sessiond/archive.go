package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newArchive(a *app) *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use:               "archive SESSION...",
		Short:             "Hide sessions from the list, or show them again",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			ids, err := resolveAll(ctx, c, args)
			if err != nil {
				return err
			}
			r, err := c.ArchiveSessions(ctx, api.ArchiveSessionsParams{SessionIDs: ids, Archived: !undo})
			if err != nil {
				return err
			}
			return a.printArchived(r, undo)
		}),
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "show them again")
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

// printArchived says what became of each session; the first failure decides the exit code.
func (a *app) printArchived(r api.ArchiveSessionsResult, undo bool) error {
	if a.json {
		if err := a.out.object(r); err != nil {
			return err
		}
	} else {
		word := "archived"
		if undo {
			word = "shown again"
		}
		for _, id := range r.Archived {
			a.out.printf("%s  %s\n", cleanLine(id), word)
		}
		for _, f := range r.Failed {
			a.errs.printf("%s  %s\n", cleanLine(f.SessionID), a.errs.style(styleRed, cleanLine(string(f.Reason))))
		}
	}
	if len(r.Failed) > 0 {
		_ = a.errs.Flush()
		return &silentError{exitCodeOf(r.Failed[0].Reason)}
	}
	return nil
}
