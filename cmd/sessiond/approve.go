package main

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newApprove(a *app) *cobra.Command {
	var (
		input, comment string
		remember       []string
	)
	cmd := &cobra.Command{
		Use:   "approve APPROVAL",
		Short: "Say yes to a question of Claude Code's",
		Long: `Let a tool run. With --input, it runs with that input instead of its own. With
--remember, a suggestion of Claude Code's holds from now on: its number, from 0
('sessiond approvals --json' has them in "suggestions"), or "all".`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeApprovals,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			p := api.SendDecisionParams{Decision: api.DecisionApprove, Comment: comment}
			var err error
			if input != "" {
				if p.UpdatedInput, err = readInput(input); err != nil {
					return err
				}
			}
			q, err := findApproval(ctx, c, args[0])
			if err != nil {
				return err
			}
			p.ApprovalID = q.ID
			if p.Remember, err = suggestionsOf(q, remember); err != nil {
				return err
			}
			return a.decide(ctx, c, p)
		}),
	}
	cmd.Flags().StringVar(&input, "input", "", "whole input to run with instead: a `JSON` object, or @file")
	cmd.Flags().StringVar(&comment, "comment", "", "`text` that is kept with the answer")
	cmd.Flags().StringArrayVar(&remember, "remember", nil, "`number` of a suggestion that holds from now on, or all; may be repeated")
	a.jsonFlag(cmd, "print the approval as JSON")
	return cmd
}

// readInput takes a JSON object as it is, or from @file.
func readInput(value string) (json.RawMessage, error) {
	b := []byte(value)
	if name, isFile := strings.CutPrefix(value, "@"); isFile {
		var err error
		if b, err = os.ReadFile(name); err != nil {
			return nil, usagef("--input: %w", err)
		}
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(b, &object) != nil || object == nil {
		return nil, usagef("--input: not a JSON object")
	}
	return b, nil
}

// suggestionsOf makes indexes out of what --remember was given.
func suggestionsOf(q api.Approval, values []string) ([]int, error) {
	var indexes []int
	for _, v := range values {
		n, err := strconv.Atoi(v)
		switch {
		case v == "all":
			for i := range q.Suggestions {
				indexes = append(indexes, i)
			}
		case err != nil || n < 0 || n >= len(q.Suggestions):
			return nil, usagef("--remember %s: Claude Code has made %d suggestions, numbered from 0", v, len(q.Suggestions))
		default:
			indexes = append(indexes, n)
		}
	}
	slices.Sort(indexes)
	return slices.Compact(indexes), nil
}

// decide sends a decision, and prints what has become of the question.
func (a *app) decide(ctx context.Context, c *client.Client, p api.SendDecisionParams) error {
	r, err := c.SendDecision(ctx, p)
	if err != nil {
		return err
	}
	if a.json {
		return a.out.object(r.Approval)
	}
	a.out.printf("%s  %s\n", cleanLine(r.Approval.ID), a.out.style(approvalStyle(r.Approval.Status), word(r.Approval.Status)))
	return nil
}

// completeApprovals completes the ids of questions that are open. It starts no daemon.
func (a *app) completeApprovals(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := a.running(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	r, err := c.FetchApprovals(cmd.Context(), api.FetchApprovalsParams{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, q := range r.Approvals {
		out = append(out, cobra.CompletionWithDesc(cleanLine(q.ID), cut(cleanLine(q.ToolName)+" "+gistOfApproval(q), 60)))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
