package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newApprovals(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "approvals [SESSION]",
		Short: "List what Claude Code asks, oldest first",
		Long: `List the questions of Claude Code's that wait for an answer, oldest first, of one
session or of all. 'approve', 'deny' and 'answer' take the id or the beginning of it.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			var p api.FetchApprovalsParams
			if all {
				p.Status = everyApproval
			}
			if len(args) > 0 {
				id, err := resolve(ctx, c, args[0])
				if err != nil {
					return err
				}
				p.SessionID = id
			}
			r, err := c.FetchApprovals(ctx, p)
			if err != nil {
				return err
			}
			return a.printApprovals(r.Approvals, all)
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that are answered, or void")
	a.jsonFlag(cmd, "print each question as a line of JSON")
	return cmd
}

func (a *app) printApprovals(list []api.Approval, all bool) error {
	var ids, sessions []string
	for _, q := range list {
		ids, sessions = append(ids, q.ID), append(sessions, q.SessionID)
		if a.json {
			if err := a.out.line(q); err != nil {
				return err
			}
		}
	}
	switch {
	case a.json:
		return nil
	case len(list) == 0:
		if a.out.terminal {
			a.out.printf("%s\n", a.out.style(styleDim, "no questions are open"))
		}
		return nil
	}
	short, shortSession := shortest(ids), shortest(sessions)
	header := []string{"APPROVAL", "SESSION", "ASKED", "TOOL", "INPUT"}
	if all {
		header = []string{"APPROVAL", "SESSION", "ASKED", "STATUS", "TOOL", "INPUT"}
	}
	rows := make([][]cell, len(list))
	for i, q := range list {
		row := []cell{{cleanLine(short[q.ID]), ""}, {cleanLine(shortSession[q.SessionID]), styleDim}, {a.moment(q.CreatedAt), styleDim}}
		if all {
			row = append(row, cell{word(q.Status), approvalStyle(q.Status)})
		}
		rows[i] = append(row, cell{cleanLine(q.ToolName), styleCyan}, cell{gistOfApproval(q), ""})
	}
	a.out.table(header, rows)
	return nil
}

func approvalStyle(s api.ApprovalStatus) style {
	switch s {
	case api.ApprovalPending:
		return styleYellow
	case api.ApprovalApproved:
		return styleGreen
	case api.ApprovalDenied:
		return styleRed
	}
	return styleDim
}
