package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/jobs"
	"github.com/sessiond/sessiond/session/redact"
	"github.com/sessiond/sessiond/session/summary"
	"github.com/sessiond/sessiond/store"
)

// Summaries say what is summarised by itself, and how summaries are made.
type Summaries struct {
	Auto      bool             // sessions are summarised when they end, and when they are idle
	MinEvents int              // if there is more than so much new in them
	Idle      time.Duration    // after so long; 0: DefaultSummaryIdle, and so on
	Model     string           // that summarises
	BudgetUSD float64          // of one attempt
	Timeout   time.Duration    // of one attempt
	Parallel  int              // summarisers at a time
	Redactor  *redact.Redactor // of what they are given, and of what hooks and transcripts of terminals tell; nil: only what is tagged is removed
}

// Defaults of Summaries.
const (
	DefaultSummaryIdle    = 10 * time.Minute
	DefaultSummaryModel   = "haiku"
	DefaultSummaryBudget  = 0.25
	DefaultSummaryTimeout = 3 * time.Minute
	DefaultSummarizers    = 1
)

func (s Summaries) withDefaults() Summaries {
	s.Idle = cmp.Or(s.Idle, DefaultSummaryIdle)
	s.Model = cmp.Or(s.Model, DefaultSummaryModel)
	s.BudgetUSD = cmp.Or(s.BudgetUSD, DefaultSummaryBudget)
	s.Timeout = cmp.Or(s.Timeout, DefaultSummaryTimeout)
	s.Parallel = cmp.Or(s.Parallel, DefaultSummarizers)
	return s
}

// SummarizeSession queues a summary of what is new in a session, and returns what
// there is so far. There is one job for a session as it stands: asked again, it is
// the same; one that is dead, or was cancelled, is queued again.
func (m *Manager) SummarizeSession(ctx context.Context, p api.SessionParams) (api.SummarizeSessionResult, error) {
	var result api.SummarizeSessionResult
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return result, err
	}
	row, err := m.row(ctx, id)
	if err != nil {
		return result, err
	}
	if result.Summary, err = m.newestSummary(ctx, id, math.MaxInt64); err != nil {
		return result, err
	}
	extent, err := m.store.Extent(ctx, row.N, 1)
	if err != nil || extent.New == 0 {
		return result, wrapf(err, "session %s", id)
	}
	defer m.workers.look()
	job, err := m.queueSummary(ctx, row, extent.Last)
	if err == nil && (job.Job.State == api.JobDead || job.Job.State == api.JobCancelled) {
		job, err = m.workers.queue.Retry(ctx, job.Job.ID)
	}
	if err != nil {
		return result, m.closing(wrapf(err, "session %s", id))
	}
	result.Job = &job.Job
	return result, nil
}

// queueSummary queues a job that summarises a session up to a seq.
func (m *Manager) queueSummary(ctx context.Context, row store.SessionRow, last int64) (store.JobRow, error) {
	job, added, err := m.workers.queue.Add(ctx, row, api.JobSummarize, last)
	if added {
		crashpoint.Reach(crashpoint.JobQueued)
		m.workers.moves()
	}
	return job, err
}

// GetSummary reads a summary of a session's.
func (m *Manager) GetSummary(ctx context.Context, p api.GetSummaryParams) (api.GetSummaryResult, error) {
	var result api.GetSummaryResult
	id, err := api.ParseID("session_id", p.SessionID)
	if err != nil {
		return result, err
	}
	before := int64(math.MaxInt64)
	if p.BeforeSeq != nil {
		if before = *p.BeforeSeq; before < 0 {
			return result, api.InvalidParams("before_seq", "%d is negative", before)
		}
	}
	if _, err := m.row(ctx, id); err != nil {
		return result, err
	}
	result.Summary, err = m.newestSummary(ctx, id, before)
	return result, err
}

// newestSummary is the newest of a session's that ends before a seq; nil if there is none.
func (m *Manager) newestSummary(ctx context.Context, id string, before int64) (*api.Summary, error) {
	s, err := m.store.Summary(ctx, id, before)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &s, wrapf(err, "summary of session %s", id)
}

// summarize does a job: it makes a summary of what is new in a session up to the
// job's seq, and stores it with all that follows, in one transaction. The session
// is not touched by anything that goes wrong. It returns what was used.
func (m *Manager) summarize(ctx context.Context, job store.JobRow) (api.Usage, error) {
	id := job.Job.SessionID
	row, err := m.row(ctx, id)
	if err != nil {
		return api.Usage{}, err
	}
	before, err := m.newestSummary(ctx, id, math.MaxInt64)
	if err != nil {
		return api.Usage{}, err
	}
	made := store.NewSummary{Summary: api.Summary{SessionID: id, ToSeq: job.Job.LastSeq, JobID: job.Job.ID}}
	var so *api.SummaryText
	if before != nil {
		made.After, so = before.ToSeq, &before.SummaryText
	}
	if made.After >= job.Job.LastSeq {
		return api.Usage{}, m.workers.queue.Finish(ctx, job, "a summary that was made meanwhile covers it")
	}
	extract, first, err := m.extract(ctx, row.N, made.After, job.Job.LastSeq)
	if err != nil {
		return api.Usage{}, err
	}
	if extract.Steps() == 0 {
		return api.Usage{}, m.workers.queue.Finish(ctx, job, "there is nothing in it to be summarised")
	}
	prompt, err := summary.Prompt(so, extract.String())
	if err != nil {
		return api.Usage{}, err
	}
	answer, err := m.runSummarizer(ctx, job.Lease, prompt)
	crashpoint.Reach(crashpoint.JobCleared)
	if err == nil {
		made.Summary.SummaryText, err = summary.Parse(answer.text)
	}
	if err != nil {
		return answer.used, err
	}
	made.Summary.FromSeq, made.Summary.Model = first, answer.model
	used := &made.Summary
	used.CostUSD, used.InputTokens, used.OutputTokens = answer.used.CostUSD, answer.used.InputTokens, answer.used.OutputTokens
	used.CacheCreationInputTokens, used.CacheReadInputTokens = answer.used.CacheCreationInputTokens, answer.used.CacheReadInputTokens
	return answer.used, m.storeSummary(ctx, job, &made, answer.used)
}

// extract makes the extract of session number n behind after and up to a seq, and
// returns the first event that says something.
func (m *Manager) extract(ctx context.Context, n, after, upTo int64) (x *summary.Extract, first int64, err error) {
	x = summary.NewExtract(m.cfg.Summaries.Redactor)
	for more := true; more && err == nil; {
		more, err = m.store.ReadConversation(ctx, []store.Segment{{N: n, UpTo: upTo}}, after, defaultConversation, extractBytes, func(events []store.Event) {
			for i := range events {
				after = events[i].Seq
				shown := m.shown(&events[i])
				if x.Add(&shown); first == 0 && x.Steps() > 0 {
					first = events[i].Seq
				}
			}
		})
	}
	return x, first, wrapf(err, "session number %d", n)
}

// extractBytes is how much of a conversation is read at once for an extract.
const extractBytes = 1 << 20

// storeSummary stores a summary: with it the job is done, the session says so, and
// has a title if it had none.
func (m *Manager) storeSummary(ctx context.Context, job store.JobRow, made *store.NewSummary, used api.Usage) error {
	_, err := m.change(ctx, job.Job.SessionID, func(_ *actor, s *step) error {
		done, err := m.workers.queue.Done(job, "")
		if err != nil {
			return err
		}
		s.quiet = true
		sum, ses := &made.Summary, &s.m.row.Session
		sum.CreatedAt = s.now
		ses.Summary = &api.SummaryNote{Title: sum.Title, ToSeq: sum.ToSeq, CreatedAt: sum.CreatedAt}
		if strings.TrimSpace(ses.Title) == "" {
			ses.Title = sum.Title
		}
		s.updated = true
		s.batch.Summary, s.batch.Jobs = made, append(s.batch.Jobs, done)
		s.batch.Wrote, s.batch.UsedAt = used, s.now
		s.event(api.EventSessionSummarized, sum)
		s.batch.Events = append(s.batch.Events, jobs.Event(done.Row))
		return nil
	})
	return err
}

// usageOf puts what a process has used into the protocol's terms.
func usageOf(t claude.Totals) api.Usage {
	return api.Usage{CostUSD: t.CostUSD, InputTokens: t.InputTokens, OutputTokens: t.OutputTokens,
		CacheCreationInputTokens: t.CacheCreationInputTokens, CacheReadInputTokens: t.CacheReadInputTokens}
}

// cutReason bounds what is said of a failure.
func cutReason(text string) string {
	if len(text) <= maxReason {
		return text
	}
	return fmt.Sprintf("%s…", summary.Cut(text, maxReason))
}
