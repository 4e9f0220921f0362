package api

// HealthStatus says how the daemon is.
type HealthStatus string

// How the daemon can be.
const (
	HealthOK       HealthStatus = "ok"
	HealthDegraded HealthStatus = "degraded" // it works, but not as it should: see Problems
)

// Health is the result of the method health.
type Health struct {
	Status          HealthStatus      `json:"status" jsonschema:"ok or degraded"`
	Problems        []string          `json:"problems,omitempty" jsonschema:"with degraded: what is wrong, in words"`
	Version         string            `json:"version" jsonschema:"the daemon's version"`
	ProtocolVersion int               `json:"protocol_version" jsonschema:"version of this protocol"`
	PID             int               `json:"pid" jsonschema:"the daemon's process id"`
	StartedAt       Time              `json:"started_at" jsonschema:"when the daemon started"`
	StateDir        string            `json:"state_dir" jsonschema:"where the daemon keeps its files"`
	Settings        map[string]string `json:"settings" jsonschema:"what the daemon was configured with, by key of the configuration file: what is not the default"`
	Claude          ClaudeHealth      `json:"claude" jsonschema:"the claude that new sessions get"`
	Sessions        map[Status]int    `json:"sessions" jsonschema:"number of sessions by status"`
	Inbox           InboxHealth       `json:"inbox" jsonschema:"messages that have not started"`
	Budget          BudgetHealth      `json:"budget" jsonschema:"what today's sessions have cost"`
	Events          EventsHealth      `json:"events" jsonschema:"extent of the log"`
}

// ClaudeHealth describes the claude that new sessions get.
type ClaudeHealth struct {
	Path      string `json:"path,omitempty" jsonschema:"where it is"`
	Version   string `json:"version,omitempty" jsonschema:"what it says of itself"`
	Available bool   `json:"available" jsonschema:"whether it can be run"`
	Hint      string `json:"hint,omitempty" jsonschema:"where it cannot: what to do"`
}

// InboxHealth describes the messages that have not started.
type InboxHealth struct {
	Depth       int   `json:"depth" jsonschema:"how many"`
	OldestAgeMS int64 `json:"oldest_age_ms" jsonschema:"age of the oldest in milliseconds"`
}

// EventsHealth describes the extent of the log.
type EventsHealth struct {
	HeadSeq   int64 `json:"head_seq" jsonschema:"the newest seq, 0 in an empty log"`
	OldestSeq int64 `json:"oldest_seq" jsonschema:"the log is whole from this seq on"`
}

// BudgetHealth tells what the sessions of today (in UTC) have cost.
type BudgetHealth struct {
	SpentTodayUSD float64 `json:"spent_today_usd" jsonschema:"cost of all turns that ended today, in US dollars"`
	DailyLimitUSD float64 `json:"daily_limit_usd,omitempty" jsonschema:"over it nothing new is launched or sent; absent: no limit"`
}
