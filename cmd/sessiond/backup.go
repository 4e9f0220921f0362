package main

import (
	"context"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newBackup(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the database to a file, while everything goes on",
		Long: `Copy the database, with all sessions and all they have printed, to a file that
does not exist yet. The copy is checked before it gets its name. Sessions and
clients go on meanwhile. 'sessiond restore' puts it back.`,
		Example: `  sessiond backup ~/backup/sessiond-$(date +%F).db`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := args[0]
			if err := makeAbsolute(&path); err != nil {
				return err
			}
			return a.withClient(func(ctx context.Context, c *client.Client, _ []string) error {
				return a.backup(ctx, c, path)
			})(cmd, args)
		},
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

func (a *app) backup(ctx context.Context, c *client.Client, path string) error {
	var r api.BackupResult
	err := a.whileWorking(ctx, c, "copying the database", func(w api.Work) bool { return w.Kind == api.WorkBackup && w.Subject == path },
		func() (err error) {
			r, err = c.Backup(ctx, api.BackupParams{Path: path})
			return err
		})
	if err != nil {
		return err
	}
	if a.json {
		return a.out.object(r)
	}
	a.out.printf("%s: %s, every event up to %s, checked\n", cleanLine(r.Path), size(r.Bytes), humanize.Comma(r.HeadSeq))
	return nil
}
