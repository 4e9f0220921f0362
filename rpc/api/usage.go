package api

// UsageBy is what usage is told by.
type UsageBy string

// What usage can be told by.
const (
	UsageBySession   UsageBy = "session"
	UsageByDirectory UsageBy = "directory"
	UsageByDay       UsageBy = "day"
)

// UsageBys lists all of them.
var UsageBys = []UsageBy{UsageBySession, UsageByDirectory, UsageByDay}

// Usage is what was used: by turns that have ended, all models and subagents.
type Usage struct {
	CostUSD                  float64 `json:"cost_usd" jsonschema:"US dollars"`
	InputTokens              int64   `json:"input_tokens" jsonschema:"tokens that were read"`
	OutputTokens             int64   `json:"output_tokens" jsonschema:"tokens that were written"`
	CacheCreationInputTokens int64   `json:"cache_creation_input_tokens" jsonschema:"tokens that were written to the cache"`
	CacheReadInputTokens     int64   `json:"cache_read_input_tokens" jsonschema:"tokens that were read from the cache"`
}

// IsZero reports whether nothing was used.
func (u Usage) IsZero() bool { return u == Usage{} }

// GetUsageParams are the params of getUsage.
type GetUsageParams struct {
	By        UsageBy `json:"by,omitempty" jsonschema:"what groups tell: session, directory or day; default: there are no groups"`
	SessionID string  `json:"session_id,omitempty" jsonschema:"with by session: only this one"`
	Limit     *int    `json:"limit,omitempty" jsonschema:"1 to 500; default 50"`
	Cursor    string  `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

// GetUsageResult says what was used, and what the daemon is at.
type GetUsageResult struct {
	Total          Usage        `json:"total" jsonschema:"by all sessions, those that were deleted too"`
	Summaries      Usage        `json:"summaries" jsonschema:"by summaries, beside the total"`
	ActiveSessions int          `json:"active_sessions" jsonschema:"sessions that are not final"`
	Queue          JobsHealth   `json:"queue" jsonschema:"the queue of jobs"`
	Processing     bool         `json:"processing" jsonschema:"whether a turn or a job is under way at this moment"`
	Groups         []UsageGroup `json:"groups" jsonschema:"sessions and directories, those that have cost most first; or days, the newest first"`
	NextCursor     string       `json:"next_cursor,omitempty" jsonschema:"cursor of the next page; absent at the end"`
}

// UsageGroup is what a session, a directory or a day has used. Directories and days
// count deleted sessions too.
type UsageGroup struct {
	SessionID  string `json:"session_id,omitempty" jsonschema:"by session: its UUID"`
	Title      string `json:"title,omitempty" jsonschema:"by session: its title, else its first prompt, cut"`
	WorkingDir string `json:"working_dir,omitempty" jsonschema:"by session and by directory: absolute path"`
	Day        string `json:"day,omitempty" jsonschema:"by day: in UTC, like 2026-01-31"`
	Sessions   int    `json:"sessions,omitempty" jsonschema:"by directory: how many sessions there have used anything"`
	QueuedJobs int    `json:"queued_jobs,omitempty" jsonschema:"by session: its jobs that are queued or running"`
	Usage
	SummariesCostUSD float64 `json:"summaries_cost_usd,omitempty" jsonschema:"by day: what summaries have cost beside that, in US dollars"`
}
