package session

import (
	"context"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
)

// ListJobs reads a page of the queue of jobs, newest first.
func (m *Manager) ListJobs(ctx context.Context, p api.ListJobsParams) (api.ListJobsResult, error) {
	none := api.ListJobsResult{Jobs: []api.Job{}}
	limit, err := checkLimit(p.Limit, defaultList, maxList)
	if err != nil {
		return none, err
	}
	p.Limit = &limit
	if err := checkAny("state", p.State, api.JobStates); err != nil {
		return none, err
	}
	if err := checkAny("kind", p.Kind, api.JobKinds); err != nil {
		return none, err
	}
	if p.SessionID != "" {
		if p.SessionID, err = api.ParseID("session_id", p.SessionID); err != nil {
			return none, err
		}
		if _, err := m.row(ctx, p.SessionID); err != nil {
			return none, err
		}
	}
	result, err := m.store.ListJobs(ctx, p)
	return result, wrapf(err, "list of jobs")
}

// RetryJob queues a job again that is dead or was cancelled; one that waits is begun
// as soon as may be.
func (m *Manager) RetryJob(ctx context.Context, p api.JobParams) (api.JobResult, error) {
	id, err := api.ParseID("job_id", p.JobID)
	if err != nil {
		return api.JobResult{}, err
	}
	defer m.workers.look()
	row, err := m.workers.queue.Retry(ctx, id)
	if err != nil {
		return api.JobResult{}, m.closing(wrapf(err, "job %s", id))
	}
	crashpoint.Reach(crashpoint.JobRetried)
	m.workers.moves()
	return api.JobResult{Job: row.Job}, nil
}

// CancelJob takes a job out of the queue. If it is at work, that is broken off.
func (m *Manager) CancelJob(ctx context.Context, p api.JobParams) (api.JobResult, error) {
	id, err := api.ParseID("job_id", p.JobID)
	if err != nil {
		return api.JobResult{}, err
	}
	row, err := m.workers.queue.Cancel(ctx, id, clientOf(ctx))
	if err != nil {
		return api.JobResult{}, m.closing(wrapf(err, "job %s", id))
	}
	crashpoint.Reach(crashpoint.JobCancelled)
	m.workers.moves()
	m.workers.stop(func(w claimed) bool { return w.job == id }, errUnwanted)
	return api.JobResult{Job: row.Job}, nil
}

// GetUsage tells what was used, and what the daemon is at.
func (m *Manager) GetUsage(ctx context.Context, p api.GetUsageParams) (api.GetUsageResult, error) {
	none := api.GetUsageResult{Groups: []api.UsageGroup{}}
	limit, err := checkLimit(p.Limit, defaultList, maxList)
	if err != nil {
		return none, err
	}
	p.Limit = &limit
	if p.By != "" {
		if err := checkAny("by", []api.UsageBy{p.By}, api.UsageBys); err != nil {
			return none, err
		}
	}
	if p.SessionID != "" {
		if p.By != api.UsageBySession {
			return none, api.InvalidParams("session_id", "it goes with by session")
		}
		if p.SessionID, err = api.ParseID("session_id", p.SessionID); err != nil {
			return none, err
		}
		if _, err := m.row(ctx, p.SessionID); err != nil {
			return none, err
		}
	}
	if p.Cursor != "" && p.By == "" {
		return none, api.InvalidParams("cursor", "it goes with by")
	}
	result, err := m.store.Usage(ctx, p)
	if err != nil {
		return none, wrapf(err, "usage")
	}
	counts, err := m.store.StatusCounts(ctx)
	if err != nil {
		return none, wrapf(err, "number of sessions")
	}
	for status, n := range counts {
		if !status.Final() {
			result.ActiveSessions += n
		}
	}
	if result.Queue, _, err = m.workers.figures(ctx); err != nil {
		return none, wrapf(err, "queue of jobs")
	}
	atWork := counts[api.StatusStarting] + counts[api.StatusRunning] + counts[api.StatusInterrupting]
	result.Processing = atWork > 0 || result.Queue.Running > 0
	return result, nil
}
