package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newList(a *app) *cobra.Command {
	var (
		p      api.ListSessionsParams
		status []string
		limit  int
		all    bool
		fields []string
	)
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List sessions, newest activity first",
		Long: `List sessions, newest activity first. For scripts there are --json, and --fields, which
prints a line of values with tabs between them; in these, tabs, newlines and
backslashes are \t, \n and \\.`,
		Example: `  sessiond list --status failed --dir .
  sessiond list --all --fields id,status,cost_usd,title`,
		Args: cobra.NoArgs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, _ []string) error {
			for _, s := range status {
				p.Status = append(p.Status, api.Status(s))
			}
			if p.WorkingDir != "" {
				if err := makeAbsolute(&p.WorkingDir); err != nil {
					return err
				}
			}
			limit, err := atMost(limit, all)
			if err != nil {
				return err
			}
			if a.json && len(fields) > 0 {
				return usagef("--json and --fields exclude each other")
			}
			if err := checkFields("fields", fields); err != nil {
				return err
			}
			return a.list(ctx, c, p, limit, fields)
		}),
	}
	f := cmd.Flags()
	f.StringSliceVar(&status, "status", nil, "only these: queued, starting, running, waiting_input, interrupting, completed, failed, interrupted")
	f.StringVar(&p.WorkingDir, "dir", "", "only sessions in this directory")
	f.StringVar(&p.ParentSessionID, "parent", "", "only children of this session")
	f.StringVar(&p.Tag, "tag", "", "only sessions with this tag")
	f.StringVar(&p.Text, "text", "", "only sessions with this in their title or first prompt")
	f.BoolVar(&p.Archived, "archived", false, "the archived sessions instead of the others")
	f.BoolVar(&p.LeavesOnly, "leaves", false, "only sessions that nothing continues")
	f.IntVar(&limit, "limit", 50, "at most so many")
	f.BoolVar(&all, "all", false, "without a limit")
	f.StringSliceVar(&fields, "fields", nil, "print only these `fields` of each session, such as id,status,cost_usd")
	a.jsonFlag(cmd, "print each session as a line of JSON")
	a.completeFlag(cmd, "fields", completeFields)
	a.completeFlag(cmd, "parent", a.completeIDs)
	a.completeFlag(cmd, "status", cobra.FixedCompletions(words(api.Statuses), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// list prints up to limit sessions, 0: all, or only fields of them.
func (a *app) list(ctx context.Context, c *client.Client, p api.ListSessionsParams, limit int, fields []string) error {
	if p.ParentSessionID != "" {
		id, err := resolve(ctx, c, p.ParentSessionID)
		if err != nil {
			return err
		}
		p.ParentSessionID = id
	}
	if limit > 0 {
		p.Limit = new(min(limit+1, pageSize)) // one more tells whether there are more
	}
	var sessions []api.Session
	more := false
	err := eachSession(ctx, c, []api.ListSessionsParams{p}, func(s api.Session) bool {
		more = limit > 0 && len(sessions) == limit
		if !more {
			sessions = append(sessions, s)
		}
		return !more
	})
	if err != nil {
		return err
	}
	if a.json {
		for _, s := range sessions {
			if err := a.out.line(s); err != nil {
				return err
			}
		}
		return nil
	}
	if len(fields) > 0 {
		return a.printColumns(sessions, fields)
	}
	a.listTable(sessions)
	if a.out.terminal && more {
		a.out.printf("%s\n", a.out.style(styleDim, "and more: --limit N, or --all"))
	}
	if a.out.terminal && len(sessions) == 0 {
		a.out.printf("%s\n", a.out.style(styleDim, "no sessions; start one with: sessiond launch \"…\""))
	}
	return nil
}

func (a *app) listTable(sessions []api.Session) {
	if len(sessions) == 0 {
		return
	}
	ids := make([]string, len(sessions))
	for i, s := range sessions {
		ids[i] = s.ID
	}
	short := shortest(ids)
	rows := make([][]cell, len(sessions))
	for i, s := range sessions {
		rows[i] = []cell{
			{cleanLine(short[s.ID]), ""},
			{statusText(s), statusStyle(s.Status)},
			{a.moment(s.LastActivityAt), styleDim},
			{orDash(costText(s.CostUSD)), styleDim},
			{name(s), ""},
		}
	}
	a.out.table([]string{"SESSION", "STATUS", "ACTIVE", "COST", "NAME"}, rows)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
