package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newPrune(a *app) *cobra.Command {
	var olderThan string
	var p api.PruneSessionsParams
	cmd := &cobra.Command{
		Use:   "prune --older-than AGE",
		Short: "Archive sessions that ended long ago, and delete them",
		Long: `Archive sessions in which nothing has happened for so long (30d, 2w, 12h; 0: all that
have ended), and delete them. Each is written to a file of its own, which is read
back before anything is deleted: 'sessiond log --archive FILE' shows it again. A
session stays while one that stays goes on from it.`,
		Example: `  sessiond prune --older-than 90d --dry-run
  sessiond prune --older-than 2w --tag nightly --archive-dir /backup/sessions`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&olderThan, "older-than", "", "`age` such as 30d, 2w or 12h")
	cmd.Flags().StringVar(&p.Tag, "tag", "", "only sessions with this `label`")
	cmd.Flags().StringVar(&p.ArchiveDir, "archive-dir", "", "`directory` of the archives (default: the daemon's, archive in the state directory)")
	cmd.Flags().BoolVar(&p.DryRun, "dry-run", false, "change nothing, only print what would go")
	a.jsonFlag(cmd, "print a line of JSON for each session")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if olderThan == "" {
			return usagef("--older-than is missing: say how old sessions must be to go, such as 90d")
		}
		age, err := daemon.ParseAge(olderThan)
		if err != nil {
			return usagef("--older-than: %w", err)
		}
		p.Before = api.At(time.Now().Add(-age))
		if p.ArchiveDir != "" {
			if err := makeAbsolute(&p.ArchiveDir); err != nil {
				return err
			}
		}
		return a.withClient(func(ctx context.Context, c *client.Client, _ []string) error {
			return a.prune(ctx, c, p)
		})(cmd, args)
	}
	return cmd
}

// pruned is what a pruning has come to.
type pruned struct {
	sessions, failed, held int
	events                 int
	bytes                  int64
}

// prune asks for page after page, and says what becomes of each session.
func (a *app) prune(ctx context.Context, c *client.Client, p api.PruneSessionsParams) error {
	bar := a.newProgress()
	defer bar.end()
	bar.step(pruneVerbs[p.DryRun].doing, "sessions")
	var sum pruned
	for {
		page, err := c.PruneSessions(ctx, p)
		bar.hide()
		if err != nil {
			return err
		}
		if err := a.printPruned(page); err != nil {
			return err
		}
		sum.add(page)
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			break
		}
		done := int64(sum.sessions + sum.failed)
		bar.set(done, done+int64(page.Remaining))
		bar.remark("%s", size(sum.bytes))
	}
	bar.end()
	if !a.json {
		a.sayPruned(sum, p.DryRun)
	}
	if sum.failed > 0 {
		return &silentError{exitError}
	}
	return nil
}

func (s *pruned) add(page api.PruneSessionsResult) {
	for _, one := range page.Pruned {
		s.sessions++
		s.events += one.Events
		s.bytes += one.Bytes
	}
	s.failed += len(page.Failed)
	s.held = page.Held
}

func (s *pruned) text() string {
	return fmt.Sprintf("%s, %s events, %s", counted(s.sessions, "session"), humanize.Comma(int64(s.events)), size(s.bytes))
}

// counted is a number of things, in words.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return humanize.Comma(int64(n)) + " " + thing + "s"
}

// printPruned prints what became of each session of a page.
func (a *app) printPruned(page api.PruneSessionsResult) error {
	for _, one := range page.Pruned {
		if a.json {
			if err := a.out.line(one); err != nil {
				return err
			}
			continue
		}
		a.out.printf("%s  %s  %s  %6s  %s\n", cleanLine(one.SessionID), a.out.style(statusStyle(one.Status), pad(word(one.Status), 11)),
			one.LastActivityAt.Format(time.DateOnly), size(one.Bytes), cut(cleanLine(one.Title), 60))
	}
	for _, one := range page.Failed {
		if a.json {
			if err := a.out.line(one); err != nil {
				return err
			}
		}
		a.errs.printf("%s  %s\n", cleanLine(one.SessionID), a.errs.style(styleRed, "stays: "+cleanLine(one.Error)))
	}
	_ = a.errs.Flush()
	return a.out.Flush()
}

// pruneVerbs says what is done, and was done, without and with --dry-run.
var pruneVerbs = map[bool]struct{ doing, done string }{
	false: {"archiving and deleting", "archived and deleted"},
	true:  {"looking for old sessions", "would archive and delete"},
}

// sayPruned sums it up.
func (a *app) sayPruned(sum pruned, dryRun bool) {
	if sum.sessions == 0 {
		a.out.printf("nothing to prune\n")
	} else {
		a.out.printf("%s %s\n", pruneVerbs[dryRun].done, sum.text())
	}
	if sum.held > 0 {
		a.out.printf("%s stay, old as they are, because newer ones go on from them\n", counted(sum.held, "more session"))
	}
}
