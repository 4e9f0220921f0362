package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newUsage(a *app) *cobra.Command {
	var (
		by    string
		limit int
		all   bool
	)
	cmd := &cobra.Command{
		Use:   "usage",
		Short: "Show what was used: tokens and US dollars, in all or by session, directory or day",
		Long: `Show what the turns that have ended have used, in all, and what the daemon is at. With
--by it is a table: of sessions or directories, those that have cost most first, or
of days in UTC, the newest first. Sessions that were deleted count in directories,
days and the total. What summaries have cost is told beside that.`,
		Example: `  sessiond usage
  sessiond usage --by day --limit 7
  sessiond usage --by session --all --json`,
		Args: cobra.NoArgs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, _ []string) error {
			limit, err := atMost(limit, all)
			if err != nil {
				return err
			}
			if by == "" {
				r, err := c.GetUsage(ctx, api.GetUsageParams{})
				if err != nil {
					return err
				}
				return a.printUsage(r)
			}
			if !slices.Contains(api.UsageBys, api.UsageBy(by)) {
				return usagef("--by: %q is not session, directory or day", by)
			}
			return a.printUsageBy(ctx, c, api.UsageBy(by), limit)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&by, "by", "", "a table by session, directory or day")
	f.IntVar(&limit, "limit", 50, "with --by: at most so many")
	f.BoolVar(&all, "all", false, "with --by: without a limit")
	a.jsonFlag(cmd, "print it as JSON; with --by each line of the table as a line of JSON")
	return cmd
}

func (a *app) printUsage(r api.GetUsageResult) error {
	if a.json {
		return a.out.object(r)
	}
	atWork := "no"
	if r.Processing {
		atWork = "yes"
	}
	a.fields([]field{
		{"cost", orDash(costText(r.Total.CostUSD))},
		{"tokens", usageText(r.Total)},
		{"summaries", summariesText(r.Summaries)},
		{"active sessions", fmt.Sprint(r.ActiveSessions)},
		{"jobs", jobsText(r.Queue)},
		{"at work", atWork},
	})
	return nil
}

// usageText is what was used, without the cost.
func usageText(u api.Usage) string {
	return fmt.Sprintf("%s in, %s out, %s read from cache, %s written to it", humanize.Comma(u.InputTokens), humanize.Comma(u.OutputTokens),
		humanize.Comma(u.CacheReadInputTokens), humanize.Comma(u.CacheCreationInputTokens))
}

func summariesText(u api.Usage) string {
	if u.IsZero() {
		return ""
	}
	return costText(u.CostUSD) + ", " + usageText(u)
}

// jobsText is the queue of jobs in short.
func jobsText(j api.JobsHealth) string {
	text := "none waiting"
	if j.Depth > 0 {
		text = fmt.Sprintf("%d waiting or at work, the oldest for %s; %d at work", j.Depth, durationText(j.OldestAgeMS), j.Running)
	}
	if j.Failed > 0 {
		text += fmt.Sprintf("; %d have failed: sessiond jobs list --state dead", j.Failed)
	}
	return text
}

// printUsageBy prints up to limit groups; 0: all.
func (a *app) printUsageBy(ctx context.Context, c *client.Client, by api.UsageBy, limit int) error {
	var groups []api.UsageGroup
	for p := (api.GetUsageParams{By: by}); ; {
		p.Limit = new(pageSize)
		if limit > 0 {
			p.Limit = new(min(limit-len(groups), pageSize))
		}
		page, err := c.GetUsage(ctx, p)
		if err != nil {
			return err
		}
		groups = append(groups, page.Groups...)
		if p.Cursor = page.NextCursor; p.Cursor == "" || limit > 0 && len(groups) >= limit {
			break
		}
	}
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.SessionID
		if a.json {
			if err := a.out.line(g); err != nil {
				return err
			}
		}
	}
	if a.json || len(groups) == 0 {
		return nil
	}
	short := shortest(ids)
	header := map[api.UsageBy][]string{
		api.UsageBySession:   {"COST", "IN", "OUT", "CACHE READ", "CACHE WRITTEN", "SESSION", "JOBS", "NAME"},
		api.UsageByDirectory: {"COST", "IN", "OUT", "CACHE READ", "CACHE WRITTEN", "SESSIONS", "DIRECTORY"},
		api.UsageByDay:       {"COST", "IN", "OUT", "CACHE READ", "CACHE WRITTEN", "SUMMARIES", "DAY"},
	}[by]
	rows := make([][]cell, len(groups))
	for i, g := range groups {
		row := []cell{{orDash(costText(g.CostUSD)), ""}}
		for _, tokens := range []int64{g.InputTokens, g.OutputTokens, g.CacheReadInputTokens, g.CacheCreationInputTokens} {
			row = append(row, cell{humanize.Comma(tokens), styleDim})
		}
		switch by {
		case api.UsageBySession:
			row = append(row, cell{cleanLine(short[g.SessionID]), ""}, cell{fmt.Sprint(g.QueuedJobs), styleDim}, cell{cleanLine(g.Title), ""})
		case api.UsageByDirectory:
			row = append(row, cell{fmt.Sprint(g.Sessions), styleDim}, cell{cleanLine(g.WorkingDir), ""})
		case api.UsageByDay:
			row = append(row, cell{orDash(costText(g.SummariesCostUSD)), styleDim}, cell{cleanLine(g.Day), ""})
		}
		rows[i] = row
	}
	a.out.table(header, rows)
	return nil
}
