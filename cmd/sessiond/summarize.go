package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func newSummarize(a *app) *cobra.Command {
	var detach bool
	cmd := &cobra.Command{
		Use:   "summarize SESSION",
		Short: "Have a session summarised, and print the summary",
		Long: `Have Claude Code summarise what is new in a session, wait for it, and print the
summary of the whole session. If nothing was said since the newest summary, that is
printed. Text between <private> and </private>, and what redact_patterns fit, is not
given to the summariser. See docs/observe.md.`,
		Example: `  sessiond summarize 0198c2aa-41f7
  sessiond summarize --json 0198c2aa-41f7 | jq -r .next_steps
  sessiond summarize --detach 0198c2aa-41f7`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: a.withClient(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := resolve(ctx, c, args[0])
			if err != nil {
				return err
			}
			r, err := c.SummarizeSession(ctx, api.SessionParams{SessionID: id})
			if err != nil {
				return err
			}
			switch {
			case r.Job == nil && r.Summary == nil:
				return errors.New("nothing was said in this session: there is nothing to summarise")
			case detach && r.Job != nil:
				return a.printJobs([]api.Job{*r.Job})
			case r.Job != nil:
				if err := a.awaitJob(ctx, c, *r.Job); err != nil {
					return err
				}
			}
			return a.showSummary(ctx, c, id)
		}),
	}
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "do not wait: print the job")
	a.jsonFlag(cmd, "print the summary as JSON")
	return cmd
}

// awaitJob waits until a job has ended.
func (a *app) awaitJob(ctx context.Context, c *client.Client, job api.Job) error {
	id := job.ID
	events := api.SubscribeParams{SessionID: job.SessionID, EventTypes: []api.EventType{api.EventJobUpdated, api.EventSessionDeleted}}
	if job.State.Open() {
		events.AfterSeq = new(job.LastSeq) // the job is younger than what it is for
		for ev, err := range c.Events(ctx, events) {
			if err != nil {
				return err
			}
			a.lost = false
			if ev.Type == api.EventSessionDeleted {
				return api.NotFound(api.ReasonSessionNotFound, job.SessionID)
			}
			now, err := decode[api.Job](ev)
			if err != nil {
				return err
			}
			if now.ID == id && now.State == api.JobQueued && now.Attempts > job.Attempts {
				job.Attempts = now.Attempts
				a.errs.printf("attempt %d of %d has failed: %s; the next is at %s, whether this waits for it or not\n",
					now.Attempts, now.MaxAttempts, cleanLine(now.Reason), now.RetryAt.Local().Format("15:04:05"))
				if err := a.errs.Flush(); err != nil {
					return err
				}
			}
			if now.ID == id && !now.UpdatedAt.Before(job.UpdatedAt.Time) && !now.State.Open() {
				job = now
				break
			}
		}
	}
	if job.State != api.JobDone {
		return fmt.Errorf("the session could not be summarised (job %s is %s): %s; queue it again with: sessiond jobs retry %s",
			cleanLine(id), word(job.State), cleanLine(job.Reason), cleanLine(id))
	}
	return nil
}

// showSummary prints the newest summary of a session.
func (a *app) showSummary(ctx context.Context, c *client.Client, id string) error {
	r, err := c.GetSummary(ctx, api.GetSummaryParams{SessionID: id})
	switch {
	case err != nil:
		return err
	case r.Summary == nil:
		return errors.New("there is nothing in this session to summarise")
	case a.json:
		return a.out.object(r.Summary)
	}
	a.fields(append(summaryFields(r.Summary), field{"up to event", fmt.Sprint(r.Summary.ToSeq)}, field{"cost", costText(r.Summary.CostUSD)}))
	return nil
}

// summaryFields are what a summary says.
func summaryFields(s *api.Summary) []field {
	if s == nil {
		return nil
	}
	return []field{
		{"summary", clean(s.Title)},
		{"request", clean(s.Request)},
		{"investigated", clean(s.Investigated)},
		{"learned", clean(s.Learned)},
		{"completed", clean(s.Completed)},
		{"next steps", clean(s.NextSteps)},
	}
}
