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
	Jobs            JobsHealth        `json:"jobs" jsonschema:"work that the daemon does by itself"`
	Budget          BudgetHealth      `json:"budget" jsonschema:"what today's sessions have cost"`
	Events          EventsHealth      `json:"events" jsonschema:"extent of the log"`
	Search          SearchHealth      `json:"search" jsonschema:"the index of texts"`
	Work            []Work            `json:"work,omitempty" jsonschema:"long work of the daemon's that is under way, the oldest first: ask again to see how it goes on"`
}

// WorkKind says what long work is about.
type WorkKind string

// What the daemon may have to do that takes long.
const (
	WorkBackup WorkKind = "backup" // the database is copied, and the copy checked
	WorkPrune  WorkKind = "prune"  // old sessions are archived and deleted
	WorkImport WorkKind = "import" // transcripts of Claude Code's are taken in
	WorkIndex  WorkKind = "index"  // what searches ask is made of a log that is there already
)

// WorkKinds are all of them.
var WorkKinds = []WorkKind{WorkBackup, WorkPrune, WorkImport, WorkIndex}

// Work is long work that is under way.
type Work struct {
	Kind      WorkKind `json:"kind" jsonschema:"what it is"`
	Subject   string   `json:"subject,omitempty" jsonschema:"what it is done to: with backup, the path of the copy"`
	Step      string   `json:"step" jsonschema:"what it is at, in words, such as copying the database"`
	Done      int64    `json:"done" jsonschema:"how much of this step is done"`
	Total     int64    `json:"total,omitempty" jsonschema:"of how much; absent where that is not known"`
	Unit      string   `json:"unit,omitempty" jsonschema:"in what both are counted, such as sessions or bytes; absent where only the share of it says something"`
	StartedAt Time     `json:"started_at" jsonschema:"when the work began"`
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
