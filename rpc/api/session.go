package api

import "encoding/json"

// Status is where a session stands.
type Status string

// The statuses of a session; the last three are final.
const (
	StatusQueued       Status = "queued"        // waits for a free slot
	StatusStarting     Status = "starting"      // its process is being started
	StatusRunning      Status = "running"       // works on a turn, or ends
	StatusWaitingInput Status = "waiting_input" // see WaitingFor
	StatusInterrupting Status = "interrupting"  // its turn is being interrupted
	StatusCompleted    Status = "completed"
	StatusFailed       Status = "failed"
	StatusInterrupted  Status = "interrupted"
)

// Statuses lists every status, in the order of a session's life.
var Statuses = []Status{StatusQueued, StatusStarting, StatusRunning, StatusWaitingInput,
	StatusInterrupting, StatusCompleted, StatusFailed, StatusInterrupted}

// Final reports whether a session in this status never changes status again.
func (s Status) Final() bool {
	return s == StatusCompleted || s == StatusFailed || s == StatusInterrupted
}

// Origin is where a session comes from.
type Origin string

// The origins of sessions.
const (
	OriginLaunched Origin = "launched" // by this daemon
	OriginImported Origin = "imported" // from a transcript of Claude Code's
	OriginExternal Origin = "external" // started by the user in a terminal of theirs, and watched
)

// Origins lists every origin.
var Origins = []Origin{OriginLaunched, OriginImported, OriginExternal}

// WaitingFor says what a session in StatusWaitingInput waits for.
type WaitingFor string

// What a session can wait for.
const (
	WaitingForApproval WaitingFor = "approval"
	WaitingForMessage  WaitingFor = "message"
)

// Session is one run of Claude Code in a working directory. Environment
// values, and the environment and headers of MCP servers, are never part of it.
type Session struct {
	ID              string     `json:"id" jsonschema:"UUID of the session"`
	RunID           string     `json:"run_id" jsonschema:"UUID of this run, new for each session"`
	ClaudeSessionID string     `json:"claude_session_id" jsonschema:"Claude Code's id of the conversation"`
	ParentSessionID string     `json:"parent_session_id,omitempty" jsonschema:"the session that this one continues"`
	Status          Status     `json:"status" jsonschema:"queued, starting, running, waiting_input, interrupting, completed, failed or interrupted"`
	WaitingFor      WaitingFor `json:"waiting_for,omitempty" jsonschema:"with waiting_input: approval or message"`

	Origin Origin `json:"origin" jsonschema:"launched, imported or external"`

	Paused string `json:"paused,omitempty" jsonschema:"why its process stands still for now, as on a full disk; told by getSessionState only"`

	Title          string   `json:"title,omitempty" jsonschema:"a name given by the user"`
	Query          string   `json:"query" jsonschema:"the first prompt, as text"`
	Model          string   `json:"model,omitempty" jsonschema:"the model as Claude Code reported it, else as asked for"`
	PermissionMode string   `json:"permission_mode,omitempty" jsonschema:"the mode as Claude Code reported it, else as asked for"`
	WorkingDir     string   `json:"working_dir" jsonschema:"absolute path"`
	Interactive    bool     `json:"interactive" jsonschema:"whether the session stays alive between turns"`
	Unattended     bool     `json:"unattended" jsonschema:"whether nothing is asked because nobody answers"`
	Tags           []string `json:"tags" jsonschema:"labels given by the user"`
	Archived       bool     `json:"archived" jsonschema:"whether the session is hidden from lists by default"`

	CreatedAt      Time `json:"created_at" jsonschema:"when it was launched; of an imported one, when its conversation began"`
	StartedAt      Time `json:"started_at,omitzero" jsonschema:"when its process was started"`
	LastActivityAt Time `json:"last_activity_at" jsonschema:"when something last happened in it; exact to a second while it prints"`
	CompletedAt    Time `json:"completed_at,omitzero" jsonschema:"when it became final"`

	ErrorMessage string `json:"error_message,omitempty" jsonschema:"why it failed, in words"`
	Result       string `json:"result,omitempty" jsonschema:"the text of the last turn's result"`

	NumTurns                 int     `json:"num_turns" jsonschema:"turns that have ended"`
	DurationMS               int64   `json:"duration_ms" jsonschema:"milliseconds spent in turns that have ended"`
	CostUSD                  float64 `json:"cost_usd" jsonschema:"cost so far in US dollars, known when a turn ends"`
	InputTokens              int64   `json:"input_tokens" jsonschema:"over all models and subagents"`
	OutputTokens             int64   `json:"output_tokens" jsonschema:"over all models and subagents"`
	CacheCreationInputTokens int64   `json:"cache_creation_input_tokens" jsonschema:"over all models and subagents"`
	CacheReadInputTokens     int64   `json:"cache_read_input_tokens" jsonschema:"over all models and subagents"`

	Rules                   []Rule     `json:"rules" jsonschema:"questions that the daemon answers itself"`
	PermissionModeExpiresAt Time       `json:"permission_mode_expires_at,omitzero" jsonschema:"when the permission mode falls back to default"`
	MaxBudgetUSD            float64    `json:"max_budget_usd,omitempty" jsonschema:"limit of the session's cost in US dollars"`
	RateLimit               *RateLimit `json:"rate_limit,omitempty" jsonschema:"what Claude Code said last of its rate limit"`
	APIRetry                *Retry     `json:"api_retry,omitempty" jsonschema:"while a request to the API is being tried again"`

	Summary *SummaryNote `json:"summary,omitempty" jsonschema:"its newest summary in short; getSummary has all of it"`

	PendingApprovals int `json:"pending_approvals" jsonschema:"questions that wait for a decision"`
	QueuedMessages   int `json:"queued_messages" jsonschema:"messages that have not started"`

	ExitCode   *int   `json:"exit_code,omitempty" jsonschema:"exit code of the process; absent where it is unknown or a signal ended it"`
	ExitSignal string `json:"exit_signal,omitempty" jsonschema:"the signal that ended the process"`
	StderrTail string `json:"stderr_tail,omitempty" jsonschema:"the end of what the process wrote to standard error"`
	PID        int    `json:"pid,omitempty" jsonschema:"process id of Claude Code while it lives"`
}

// Rule answers questions of the kind tool that match it, in the place of a
// person. Tool is a tool's name, or a name with a pattern for its input:
// "Edit", "Bash(git log *)", "mcp__*"; a star stands for any text. The pattern
// is for the command of Bash, the path of the file tools, the url of WebFetch,
// and the whole input as JSON of any other tool.
type Rule struct {
	Tool     string   `json:"tool" jsonschema:"tool name, or name(pattern); * stands for any text"`
	Decision Decision `json:"decision" jsonschema:"approve or deny"`
	Comment  string   `json:"comment,omitempty" jsonschema:"why; with deny, Claude Code reads it"`
}

// RateLimit is what Claude Code printed last as rate_limit_event.
type RateLimit struct {
	Status   string `json:"status" jsonschema:"allowed, allowed_warning or rejected"`
	Type     string `json:"type,omitempty" jsonschema:"which limit, such as five_hour"`
	ResetsAt Time   `json:"resets_at,omitzero" jsonschema:"when it ends"`
}

// Retry says that a request to the API failed and is tried again.
type Retry struct {
	Attempt      int   `json:"attempt" jsonschema:"from 1"`
	MaxRetries   int   `json:"max_retries,omitempty" jsonschema:"after so many the turn fails"`
	RetryDelayMS int64 `json:"retry_delay_ms" jsonschema:"wait before the next attempt"`
	ErrorStatus  int   `json:"error_status,omitempty" jsonschema:"HTTP status of the failure"`
}

// LaunchOptions are what Claude Code is started with, beside the prompt. In
// launchSession an absent one takes the default. In continueSession an absent
// one is inherited from the parent, and a present one replaces what is
// inherited; only interactive, unattended and include_partial_messages, which
// say how this one session is run, are false unless given.
type LaunchOptions struct {
	WorkingDir            *string         `json:"working_dir,omitempty" jsonschema:"absolute path of an existing directory; default: the user's home, or the parent's directory"`
	Title                 *string         `json:"title,omitempty" jsonschema:"a name for lists"`
	Model                 *string         `json:"model,omitempty" jsonschema:"model name or alias, passed to Claude Code"`
	PermissionMode        *string         `json:"permission_mode,omitempty" jsonschema:"default, manual, acceptEdits, plan, auto, dontAsk or bypassPermissions"`
	AllowedTools          *[]string       `json:"allowed_tools,omitempty" jsonschema:"tool rules that are allowed without asking"`
	DisallowedTools       *[]string       `json:"disallowed_tools,omitempty" jsonschema:"tool rules that are refused without asking"`
	AdditionalDirectories *[]string       `json:"additional_directories,omitempty" jsonschema:"absolute paths of more directories that Claude Code may use"`
	SystemPrompt          *string         `json:"system_prompt,omitempty" jsonschema:"replaces Claude Code's own system prompt"`
	AppendSystemPrompt    *string         `json:"append_system_prompt,omitempty" jsonschema:"is added to the system prompt"`
	MCPConfig             json.RawMessage `json:"mcp_config,omitempty" jsonschema:"{mcpServers: {name: {command, args, env} or {type, url, headers}}}"`
	MaxTurns              *int            `json:"max_turns,omitempty" jsonschema:"limit of agent turns for each prompt, 1 or more"`
	MaxBudgetUSD          *float64        `json:"max_budget_usd,omitempty" jsonschema:"limit of the session's cost in US dollars, more than 0"`
	Tags                  *[]string       `json:"tags,omitempty" jsonschema:"labels"`
	Rules                 *[]Rule         `json:"rules,omitempty" jsonschema:"questions that the daemon answers itself; the first that matches counts"`
	// PermissionModeTimeoutMS bounds a mode that asks less than default does.
	PermissionModeTimeoutMS *int64 `json:"permission_mode_timeout_ms,omitempty" jsonschema:"milliseconds after which permission_mode falls back to default; 1 or more"`
	Interactive             *bool  `json:"interactive,omitempty" jsonschema:"stay alive between turns and wait for messages; default false"`
	Unattended              *bool  `json:"unattended,omitempty" jsonschema:"nobody will answer: ask nothing, let Claude Code refuse; default false"`
	IncludePartialMessages  *bool  `json:"include_partial_messages,omitempty" jsonschema:"have Claude Code print deltas, for subscribers with include_partial; default false"`
}

// LaunchSessionParams are the params of launchSession.
type LaunchSessionParams struct {
	Query Content `json:"query" jsonschema:"the first prompt: a text, or content blocks"`
	LaunchOptions
	Env            map[string]string `json:"env,omitzero" jsonschema:"the child's whole environment; absent: the daemon's own. Never stored in the database, never answered"`
	IdempotencyKey string            `json:"idempotency_key,omitempty" jsonschema:"a second call with the same key and params answers what the first did"`
}

// LaunchSessionResult is the result of launchSession and continueSession.
type LaunchSessionResult struct {
	SessionID       string `json:"session_id" jsonschema:"the new session"`
	RunID           string `json:"run_id" jsonschema:"its run id"`
	MessageID       string `json:"message_id" jsonschema:"the message that carries the first prompt"`
	ParentSessionID string `json:"parent_session_id,omitempty" jsonschema:"the session that is continued"`
	Status          Status `json:"status" jsonschema:"queued or starting"`
}

// ContinueSessionParams are the params of continueSession.
type ContinueSessionParams struct {
	SessionID string  `json:"session_id" jsonschema:"the session to continue"`
	Query     Content `json:"query" jsonschema:"the next prompt: a text, or content blocks"`
	Fork      bool    `json:"fork,omitempty" jsonschema:"make a branch: a new conversation that begins as a copy"`
	AtSeq     *int64  `json:"at_seq,omitempty" jsonschema:"fork at this event of the conversation; implies fork"`
	LaunchOptions
	Env            map[string]string `json:"env,omitzero" jsonschema:"the child's whole environment; absent: the daemon's own. Never stored in the database, never answered"`
	IdempotencyKey string            `json:"idempotency_key,omitempty" jsonschema:"a second call with the same key and params answers what the first did"`
}

// ListSessionsParams are the params of listSessions. Filters are joined by
// "and"; the values of status by "or".
type ListSessionsParams struct {
	Status          []Status `json:"status,omitempty" jsonschema:"any of these"`
	WorkingDir      string   `json:"working_dir,omitempty" jsonschema:"exactly this directory"`
	ParentSessionID string   `json:"parent_session_id,omitempty" jsonschema:"children of this session"`
	Tag             string   `json:"tag,omitempty" jsonschema:"has this tag"`
	Archived        bool     `json:"archived,omitempty" jsonschema:"the archived ones instead of the others"`
	LeavesOnly      bool     `json:"leaves_only,omitempty" jsonschema:"only sessions that nothing continues"`
	Text            string   `json:"text,omitempty" jsonschema:"is in the title or the query, in any case"`
	Limit           *int     `json:"limit,omitempty" jsonschema:"1 to 500; default 50"`
	Cursor          string   `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

// ListSessionsResult is one page, newest activity first.
type ListSessionsResult struct {
	Sessions   []Session `json:"sessions" jsonschema:"newest activity first"`
	NextCursor string    `json:"next_cursor,omitempty" jsonschema:"absent on the last page"`
}

// SessionParams name one session.
type SessionParams struct {
	SessionID string `json:"session_id" jsonschema:"UUID of the session"`
}

// SessionResult holds one session.
type SessionResult struct {
	Session Session `json:"session" jsonschema:"the session as it is now"`
}

// UpdateSessionParams are the params of updateSession; absent fields stay.
type UpdateSessionParams struct {
	SessionID      string    `json:"session_id" jsonschema:"UUID of the session"`
	Title          *string   `json:"title,omitempty" jsonschema:"new title"`
	Archived       *bool     `json:"archived,omitempty" jsonschema:"hide from lists, or show again"`
	Tags           *[]string `json:"tags,omitempty" jsonschema:"all tags from now on"`
	Model          *string   `json:"model,omitempty" jsonschema:"switch the live process to this model"`
	PermissionMode *string   `json:"permission_mode,omitempty" jsonschema:"switch the live process to this mode"`
	// PermissionModeTimeoutMS goes with PermissionMode.
	PermissionModeTimeoutMS *int64  `json:"permission_mode_timeout_ms,omitempty" jsonschema:"with permission_mode: milliseconds after which it falls back to default; 1 or more"`
	Rules                   *[]Rule `json:"rules,omitempty" jsonschema:"all rules from now on"`
}

// ArchiveSessionsParams are the params of archiveSessions.
type ArchiveSessionsParams struct {
	SessionIDs []string `json:"session_ids" jsonschema:"the sessions"`
	Archived   bool     `json:"archived" jsonschema:"true hides them from lists, false shows them again"`
}

// ArchiveSessionsResult says what became of each session.
type ArchiveSessionsResult struct {
	Archived []string         `json:"archived" jsonschema:"those that are as asked now"`
	Failed   []ArchiveFailure `json:"failed" jsonschema:"the others"`
}

// ArchiveFailure says why one session was not archived.
type ArchiveFailure struct {
	SessionID string `json:"session_id" jsonschema:"as it was given"`
	Reason    Reason `json:"reason" jsonschema:"the error's word"`
}

// DeleteSessionResult is the result of deleteSession.
type DeleteSessionResult struct {
	Deleted bool `json:"deleted" jsonschema:"always true; what cannot be deleted is an error"`
}

// InterruptSessionParams are the params of interruptSession.
type InterruptSessionParams struct {
	SessionID string      `json:"session_id" jsonschema:"UUID of the session"`
	Queued    QueuedAfter `json:"queued,omitempty" jsonschema:"what becomes of queued messages: keep (default) or cancel"`
}

// QueuedAfter says what an interrupt does with the messages that wait.
type QueuedAfter string

// What an interrupt can do with the messages that wait.
const (
	QueuedKeep   QueuedAfter = "keep"
	QueuedCancel QueuedAfter = "cancel"
)

// EndSessionParams are the params of endSession.
type EndSessionParams struct {
	SessionID string `json:"session_id" jsonschema:"UUID of the session"`
	Force     bool   `json:"force,omitempty" jsonschema:"kill at once instead of asking first"`
}

// InterruptSessionResult is the result of interruptSession, which returns before
// Claude Code has done what it was told.
type InterruptSessionResult struct {
	SessionID      string   `json:"session_id" jsonschema:"UUID of the session"`
	Status         Status   `json:"status" jsonschema:"status right after the call"`
	QueuedMessages []string `json:"queued_messages" jsonschema:"ids of the messages that still wait, in their order"`
}

// StatusResult is the result of endSession: the status right after the call,
// which returns before the process has done what it was told.
type StatusResult struct {
	SessionID string `json:"session_id" jsonschema:"UUID of the session"`
	Status    Status `json:"status" jsonschema:"status right after the call"`
}
