package main

import (
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
)

func newRestore(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the place of the database",
		Long: `Check a backup, and put it in the place of the database. No daemon may run, and no
session live: 'sessiond stop --all' sees to both. The database that was there is
kept beside the new one, and is named.

Clients that were ahead of the backup get cursor_expired, and read anew.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := a.config(cmd)
			if err != nil {
				return err
			}
			bar := a.newProgress()
			bar.step("looking at the backup", "")
			r, err := daemon.Restore(cmd.Context(), config, args[0], bar.copying)
			bar.end()
			if err != nil {
				return err
			}
			if a.json {
				return a.out.object(r)
			}
			a.printRestored(args[0], r)
			return nil
		},
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

func (a *app) printRestored(file string, r daemon.Restored) {
	a.out.printf("restored %s: %s, every event up to %s\n", cleanLine(file), counted(r.Sessions, "session"), humanize.Comma(r.HeadSeq))
	if r.Failing > 0 {
		a.out.printf("%s lived when it was made, and will be failed\n", counted(r.Failing, "session"))
	}
	if r.Aside != "" {
		a.out.printf("the database before is %s\n", cleanLine(r.Aside))
	}
	if r.Files != "" {
		a.out.printf("files of its sessions that are no part of the backup are in %s\n", cleanLine(r.Files))
	}
}
