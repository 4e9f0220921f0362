package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newJobs(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "The work that the daemon does by itself, such as summaries",
		Long: `List the jobs of the daemon's queue, newest first: what it does by itself, for a
session as it was at an event. A job that fails is tried again behind a growing pause;
one that has failed too often is dead, and says why.`,
		Example: `  sessiond jobs
  sessiond jobs list --state dead --json
  sessiond jobs retry 01a222bb-805c`,
		Args: cobra.NoArgs,
	}
	list := newJobsList(a)
	cmd.RunE = list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list,
		newJobsChange(a, "retry", "Queue jobs again that are dead or were cancelled", (*client.Client).RetryJob),
		newJobsChange(a, "cancel", "Take jobs out of the queue, and break them off", (*client.Client).CancelJob))
	return cmd
}

func newJobsList(a *app) *cobra.Command {
	var (
		states  []string
		session string
		limit   int
		all     bool
	)
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List jobs, newest first",
		Example: `  sessiond jobs list --state queued,running
  sessiond jobs list --session 0198c2aa-41f7 --all`,
		Args: cobra.NoArgs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, _ []string) error {
			limit, err := atMost(limit, all)
			if err != nil {
				return err
			}
			p := api.ListJobsParams{}
			for _, s := range states {
				p.State = append(p.State, api.JobState(s))
			}
			if session != "" {
				id, err := resolve(ctx, c, session)
				if err != nil {
					return err
				}
				p.SessionID = id
			}
			jobs, err := listJobs(ctx, c, p, limit)
			if err != nil {
				return err
			}
			return a.printJobs(jobs)
		}),
	}
	f := cmd.Flags()
	f.StringSliceVar(&states, "state", nil, "only these: queued, running, done, dead, cancelled")
	f.StringVar(&session, "session", "", "only those of this `session`")
	f.IntVar(&limit, "limit", 50, "at most so many")
	f.BoolVar(&all, "all", false, "without a limit")
	a.jsonFlag(cmd, "print each job as a line of JSON")
	return cmd
}

// newJobsChange is a command that changes jobs.
func newJobsChange(a *app, verb, short string, change func(*client.Client, context.Context, api.JobParams) (api.JobResult, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:     verb + " JOB...",
		Short:   short,
		Example: fmt.Sprintf("  sessiond jobs %s 01a222bb-805c", verb),
		Args:    cobra.MinimumNArgs(1),
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			for _, prefix := range args {
				id, err := resolveJob(ctx, c, prefix)
				if err != nil {
					return err
				}
				r, err := change(c, ctx, api.JobParams{JobID: id})
				if err != nil {
					return err
				}
				if a.json {
					err = a.out.line(r.Job)
				} else {
					a.out.printf("%s  %s\n", cleanLine(r.Job.ID), a.out.style(jobStyle(r.Job.State), word(r.Job.State)))
				}
				if err != nil {
					return err
				}
			}
			return nil
		}),
	}
	a.jsonFlag(cmd, "print each job as a line of JSON")
	return cmd
}

// listJobs reads up to limit jobs; 0: all.
func listJobs(ctx context.Context, c *client.Client, p api.ListJobsParams, limit int) ([]api.Job, error) {
	var jobs []api.Job
	for {
		p.Limit = new(pageSize)
		if limit > 0 {
			p.Limit = new(min(limit-len(jobs), pageSize))
		}
		page, err := c.ListJobs(ctx, p)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, page.Jobs...)
		if p.Cursor = page.NextCursor; p.Cursor == "" || limit > 0 && len(jobs) >= limit {
			return jobs, nil
		}
	}
}

// resolveJob finds the job whose id begins with prefix.
func resolveJob(ctx context.Context, c *client.Client, prefix string) (string, error) {
	prefix = strings.ToLower(prefix)
	switch len(prefix) {
	case idLength:
		return prefix, nil
	case 0:
		return "", usagef("the id of a job must not be empty")
	}
	jobs, err := listJobs(ctx, c, api.ListJobsParams{}, 0)
	if err != nil {
		return "", err
	}
	all := make([]found, len(jobs))
	for i, j := range jobs {
		all[i] = found{j.ID, fmt.Sprintf("%s  %s of session %s", j.State, j.Kind, j.SessionID)}
	}
	return only(api.ReasonJobNotFound, "job", prefix, all)
}

func (a *app) printJobs(jobs []api.Job) error {
	var ids, sessions []string
	for _, j := range jobs {
		ids, sessions = append(ids, j.ID), append(sessions, j.SessionID)
		if a.json {
			if err := a.out.line(j); err != nil {
				return err
			}
		}
	}
	switch {
	case a.json:
		return nil
	case len(jobs) == 0:
		if a.out.terminal {
			a.out.printf("%s\n", a.out.style(styleDim, "no jobs; have a session summarised with: sessiond summarize SESSION"))
		}
		return nil
	}
	short, shortSession := shortest(ids), shortest(sessions)
	rows := make([][]cell, len(jobs))
	for i, j := range jobs {
		rows[i] = []cell{
			{cleanLine(short[j.ID]), ""},
			{word(j.Kind), ""},
			{cleanLine(shortSession[j.SessionID]), styleDim},
			{word(j.State), jobStyle(j.State)},
			{fmt.Sprintf("%d of %d", j.Attempts, j.MaxAttempts), styleDim},
			{a.moment(j.UpdatedAt), styleDim},
			{cleanLine(j.Reason), ""},
		}
	}
	a.out.table([]string{"JOB", "KIND", "SESSION", "STATE", "ATTEMPTS", "CHANGED", "REASON"}, rows)
	return nil
}

func jobStyle(s api.JobState) style {
	switch s {
	case api.JobDone:
		return styleGreen
	case api.JobRunning:
		return styleCyan
	case api.JobQueued:
		return styleYellow
	case api.JobDead:
		return styleRed
	}
	return styleDim
}
