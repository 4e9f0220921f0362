package api

// JobKind is what a job does.
type JobKind string

// The kinds of jobs.
const (
	JobSummarize JobKind = "summarize" // writes a Summary of a session
)

// JobKinds lists every kind.
var JobKinds = []JobKind{JobSummarize}

// JobState is where a job stands.
type JobState string

// The states of a job; done is final, dead and cancelled are left by retryJob only.
const (
	JobQueued    JobState = "queued"    // waits to be claimed, see RetryAt
	JobRunning   JobState = "running"   // claimed, with a lease
	JobDone      JobState = "done"      // it has done what it was for
	JobDead      JobState = "dead"      // it has failed too often: see Reason
	JobCancelled JobState = "cancelled" // a client wanted it no more
)

// JobStates lists every state, in the order of a job's life.
var JobStates = []JobState{JobQueued, JobRunning, JobDone, JobDead, JobCancelled}

// Open reports whether a job in this state will still be worked on by itself.
func (s JobState) Open() bool { return s == JobQueued || s == JobRunning }

// Job is work that the daemon does by itself, for a session as it was at an event.
// There is one of each kind for a session and such an event.
type Job struct {
	ID          string   `json:"id" jsonschema:"UUID of the job"`
	Kind        JobKind  `json:"kind" jsonschema:"what it does: summarize"`
	SessionID   string   `json:"session_id" jsonschema:"the session that it is about"`
	LastSeq     int64    `json:"last_seq" jsonschema:"the session's conversation event up to which it goes"`
	State       JobState `json:"state" jsonschema:"queued, running, done, dead or cancelled"`
	Attempts    int      `json:"attempts" jsonschema:"how often it was begun since it was queued, or last retried by a client"`
	MaxAttempts int      `json:"max_attempts" jsonschema:"after so many that fail it is dead"`
	Reason      string   `json:"reason,omitempty" jsonschema:"why the last attempt failed, or what ended it, in words"`
	RetryAt     Time     `json:"retry_at,omitzero" jsonschema:"with queued: not before this moment, as the time of day when it was set had it"`
	LeaseUntil  Time     `json:"lease_until,omitzero" jsonschema:"with running: when it is taken from whoever works on it"`
	CreatedAt   Time     `json:"created_at" jsonschema:"when it was queued first"`
	UpdatedAt   Time     `json:"updated_at" jsonschema:"when it last changed"`
}

// ListJobsParams are the params of listJobs. Filters are joined by "and"; the
// values of one by "or".
type ListJobsParams struct {
	State     []JobState `json:"state,omitempty" jsonschema:"any of these; default all"`
	Kind      []JobKind  `json:"kind,omitempty" jsonschema:"any of these; default all"`
	SessionID string     `json:"session_id,omitempty" jsonschema:"only this session's"`
	Limit     *int       `json:"limit,omitempty" jsonschema:"1 to 500; default 50"`
	Cursor    string     `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

// ListJobsResult is one page, newest first.
type ListJobsResult struct {
	Jobs       []Job  `json:"jobs" jsonschema:"newest first"`
	NextCursor string `json:"next_cursor,omitempty" jsonschema:"absent on the last page"`
}

// JobParams name one job.
type JobParams struct {
	JobID string `json:"job_id" jsonschema:"UUID of the job"`
}

// JobResult holds one job.
type JobResult struct {
	Job Job `json:"job" jsonschema:"the job as it is now"`
}

// JobsHealth describes the queue of jobs. Whether it moves is what counts: one that
// stands still is a problem of Health.
type JobsHealth struct {
	Depth       int   `json:"depth" jsonschema:"jobs that are queued or running"`
	OldestAgeMS int64 `json:"oldest_age_ms" jsonschema:"age of the oldest of them in milliseconds"`
	Running     int   `json:"running" jsonschema:"jobs that are being worked on"`
	Failed      int   `json:"failed" jsonschema:"dead jobs: retryJob queues one again, cancelJob puts it away"`
	ProgressAt  Time  `json:"progress_at,omitzero" jsonschema:"when a job last came to something, done or failed, since the daemon started"`
}
