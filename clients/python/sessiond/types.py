# Generated from the OpenRPC document by internal/clientgen: `make generate` renews it.
"""The types of the protocol."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, Union

ApprovalKind: TypeAlias = Literal[
    "tool",  # may this tool run?
    "question",  # Claude Code asks the user something: the answer goes into updated_input
]
"""What sort of question an approval is."""

ApprovalStatus: TypeAlias = Literal[
    "pending",  # it waits for a decision
    "approved",  # final: the tool may run
    "denied",  # final: it may not
    "cancelled",  # final: nobody can answer it any more
]
"""Where an approval stands."""

ConversationType: TypeAlias = Literal[
    "message",  # something that the assistant or the user said
    "thinking",  # what the assistant thought
    "tool_call",  # the use of a tool
    "tool_result",  # what came of it
    "system",  # everything else, also what this version of the daemon does not know
    "result",  # the end of a turn
    "unparsed",  # a line that is not JSON
]
"""What a conversation event is."""

Decision: TypeAlias = Literal[
    "approve",  # go on
    "deny",  # do not; the comment says why
]
"""An answer to a question."""

DeletedBy: TypeAlias = Literal[
    "client",  # somebody called deleteSession or pruneSessions
    "retention",  # the daemon pruned it by itself: prune_after or max_database_bytes
]
"""Who deleted a session."""

Delivery: TypeAlias = Literal[
    "queue",  # when the turn before it has ended: one message, one turn
    "now",  # at once; it is taken in at the next tool result, or as the next turn, and aborts nothing
]
"""When a message is written to Claude Code."""

EventType: TypeAlias = Literal[
    "session_created",  # a session was launched
    "session_updated",  # something about a session changed that is not its status
    "session_status_changed",  # a session's status changed
    "conversation_updated",  # a step was added to a conversation
    "new_approval",  # Claude Code asks something
    "approval_resolved",  # a question was answered, or became void
    "message_updated",  # a message was taken, or its state changed
    "session_summarized",  # a session has a new summary
    "job_updated",  # a job was queued, or its state changed
    "session_deleted",  # a session was deleted, and its events with it
    "partial_message",  # Claude Code printed a delta; only with include_partial, and never stored
]
"""What an event tells."""

HealthStatus: TypeAlias = Literal[
    "ok",  # as it should be
    "degraded",  # it works, but not as it should: see problems
]
"""How the daemon is."""

ImportOutcome: TypeAlias = Literal[
    "new",  # a session was made of it
    "grown",  # its session has more lines than before
    "unchanged",  # there was nothing new in it
    "skipped",  # it was left alone; see reason
]
"""What became of a transcript."""

ImportReason: TypeAlias = Literal[
    "launched",  # a session of this daemon's has the conversation already
    "continued",  # a session of this daemon's goes on with the imported one, and has what follows
    "deleted",  # its session was deleted; again brings it back
    "older",  # it has not changed since the moment that was given
    "empty",  # nothing was said in it yet
    "not_a_transcript",  # it has not the name, or not the lines, of one
    "not_regular",  # it is a symbolic link, a pipe or a directory
    "not_owned",  # it belongs to another user
    "changed",  # what was imported of it is not there any more: it was written anew
    "unreadable",  # it cannot be read; see message
    "record_damaged",  # what the database holds about it cannot be read
]
"""Why a transcript was skipped."""

JobKind: TypeAlias = Literal[
    "summarize",  # it writes a summary of a session
]
"""What a job does."""

JobState: TypeAlias = Literal[
    "queued",  # it waits for its turn, or for the pause behind an attempt that failed
    "running",  # somebody works on it, and has a lease
    "done",  # final: it has done what it was for
    "dead",  # it has failed too often, see reason; retryJob queues it again
    "cancelled",  # a client wants it no more; retryJob queues it again
]
"""Where a job stands."""

MessageState: TypeAlias = Literal[
    "queued",  # the daemon keeps it
    "sent",  # it was written to Claude Code, which has not begun with it
    "started",  # Claude Code works on it
    "completed",  # final: its turn has ended, in whatever way
    "cancelled",  # final: it was withdrawn before it started
    "failed",  # final: it never started, or the process died in its turn; see reason
]
"""Where a message stands."""

Origin: TypeAlias = Literal[
    "launched",  # the daemon launched it
    "imported",  # it was made of a transcript of Claude Code's; its status is how the conversation stands where that ends, and changes if that grows
    "external",  # someone started it in a terminal of their own
]
"""Where a session comes from."""

QueuedAfter: TypeAlias = Literal[
    "keep",  # they go on afterwards
    "cancel",  # they are cancelled
]
"""What an interrupt does with the messages that wait."""

Reason: TypeAlias = Literal[
    "parse_error",  # the line is not UTF-8 JSON, or too long; the connection is closed
    "invalid_request",  # the line is JSON, but not a request
    "method_not_found",  # there is no such method
    "invalid_params",  # a param is unknown, missing, or wrong
    "internal_error",  # the daemon's fault; its log has the details
    "session_not_found",  # no session has this id
    "approval_not_found",  # no approval has this id
    "message_not_found",  # no message has this id
    "subscription_not_found",  # this connection has no subscription with this id
    "job_not_found",  # no job has this id
    "invalid_state",  # the call does not fit the session's status, or the job's state
    "cursor_expired",  # events after the cursor are gone, or the cursor is ahead of the log
    "limit_exceeded",  # a configured limit is reached
    "already_resolved",  # the approval has been answered
    "claude_unavailable",  # there is no usable `claude`
    "conflict",  # an idempotency key or a message id came again with other params
    "shutting_down",  # the daemon is stopping; ask its successor
    "search_unavailable",  # there is no index of texts: the daemon was built without, or it is being made anew
]
"""By which a program tells errors apart."""

Role: TypeAlias = Literal[
    "user",  # the user: prompts, and those that a subagent was given
    "assistant",  # Claude: messages, thoughts, and the input of tools
    "tool",  # a tool: its results
    "system",  # Claude Code: errors that end a turn, and lines that are no JSON
]
"""Who said something."""

SearchOrder: TypeAlias = Literal[
    "rank",  # the best match first; among equals the newest
    "newest",  # the newest first, by their place in the log
]
"""In which order things are found."""

Status: TypeAlias = Literal[
    "queued",  # waits for a free slot
    "starting",  # its process is being started
    "running",  # works on a turn, or is ending
    "waiting_input",  # waits for someone: see waiting_for
    "interrupting",  # its turn is being interrupted
    "completed",  # final: it has done what it was told
    "failed",  # final: it ended with an error, or nobody knows how
    "interrupted",  # final: its last turn was interrupted, or it was ended in mid-turn
]
"""Where a session stands."""

UsageBy: TypeAlias = Literal[
    "session",  # each session, those that have cost most first
    "directory",  # each working directory, likewise
    "day",  # each day in UTC, the newest first
]
"""What usage is told by."""

WaitingFor: TypeAlias = Literal[
    "approval",  # a decision on a question of its own
    "message",  # the next message
]
"""What a session in waiting_input waits for."""

WorkKind: TypeAlias = Literal[
    "backup",  # the database is copied, and the copy checked
    "prune",  # old sessions are archived and deleted
    "import",  # transcripts of Claude Code's are taken in
    "index",  # what searches ask is made of a log that is there already
]
"""What long work of the daemon's is about."""


class Approval(TypedDict):
    """A question of Claude Code's to the user."""

    id: str
    """UUID of the approval"""
    session_id: str
    """the session that asks"""
    kind: ApprovalKind
    """tool or question"""
    tool_use_id: NotRequired[str]
    """the tool_call that waits for the answer"""
    tool_name: str
    """name of the tool"""
    tool_input: Any
    """the whole input"""
    suggestions: list[Any]
    """permission updates that can be remembered with the answer"""
    status: ApprovalStatus
    """pending, approved, denied or cancelled"""
    comment: NotRequired[str]
    """what was said with the answer"""
    resolved_by: NotRequired[str]
    """the client that answered, or what voided it"""
    created_at: Time
    """when it was asked"""
    resolved_at: NotRequired[Time]
    """when it was answered or became void"""


class ArchiveFailure(TypedDict):
    """A session that was not archived."""

    session_id: str
    """as it was given"""
    reason: Reason
    """the error's word"""


class BudgetHealth(TypedDict):
    """What the sessions of today (in UTC) have cost."""

    spent_today_usd: float
    """cost of all turns that ended today, in US dollars"""
    daily_limit_usd: NotRequired[float]
    """over it nothing new is launched or sent; absent: no limit"""


class ClaudeHealth(TypedDict):
    """The claude that new sessions get."""

    path: NotRequired[str]
    """where it is"""
    version: NotRequired[str]
    """what it says of itself"""
    available: bool
    """whether it can be run"""
    hint: NotRequired[str]
    """where it cannot: what to do"""

Content: TypeAlias = Union[str, list[dict[str, Any]]]
"""What a user says: a text, or content blocks as the Messages API knows them."""


class ConversationEvent(TypedDict):
    """One step of a conversation: a block of a line that Claude Code printed, or a prompt of the user's."""

    seq: int
    """place in the log"""
    session_id: str
    """the session it belongs to"""
    claude_session_id: NotRequired[str]
    """Claude Code's id of the conversation"""
    event_type: ConversationType
    """message, thinking, tool_call, tool_result, system, result or unparsed"""
    role: NotRequired[str]
    """user, assistant or system"""
    content: NotRequired[str]
    """the text"""
    message_id: NotRequired[str]
    """on the user's prompts: the message"""
    tool_id: NotRequired[str]
    """on tool_call: id of the call"""
    tool_name: NotRequired[str]
    """on tool_call: name of the tool"""
    tool_input: NotRequired[Any]
    """on tool_call: the input"""
    tool_result_for_id: NotRequired[str]
    """on tool_result: id of the call"""
    is_error: NotRequired[bool]
    """on tool_result and result: whether it is an error"""
    parent_tool_use_id: NotRequired[str]
    """inside a subagent: the call that started it"""
    is_completed: NotRequired[bool]
    """on tool_call: whether its result is there; computed when read"""
    approval_id: NotRequired[str]
    """on tool_call: the question about it; computed when read"""
    approval_status: NotRequired[ApprovalStatus]
    """on tool_call: how that question stands; computed when read"""
    created_at: Time
    """when the daemon recorded it; of imported lines, the time that they name"""
    raw: NotRequired[str]
    """on request: the line as printed, without its newline"""
    raw_base64: NotRequired[str]
    """in place of raw where the line is not valid UTF-8"""
    raw_unterminated: NotRequired[bool]
    """with raw: the line ended without a newline"""


class EventsHealth(TypedDict):
    """The extent of the log."""

    head_seq: int
    """the newest seq, 0 in an empty log"""
    oldest_seq: int
    """the log is whole from this seq on"""


class InboxHealth(TypedDict):
    """The messages that have not started."""

    depth: int
    """how many"""
    oldest_age_ms: int
    """age of the oldest in milliseconds"""


class Job(TypedDict):
    """Work that the daemon does by itself, for a session as it was at an event."""

    id: str
    """UUID of the job"""
    kind: JobKind
    """what it does: summarize"""
    session_id: str
    """the session that it is about"""
    last_seq: int
    """the session's conversation event up to which it goes"""
    state: JobState
    """queued, running, done, dead or cancelled"""
    attempts: int
    """how often it was begun since it was queued, or last retried by a client"""
    max_attempts: int
    """after so many that fail it is dead"""
    reason: NotRequired[str]
    """why the last attempt failed, or what ended it, in words"""
    retry_at: NotRequired[Time]
    """with queued: not before this moment, as the time of day when it was set had it"""
    lease_until: NotRequired[Time]
    """with running: when it is taken from whoever works on it"""
    created_at: Time
    """when it was queued first"""
    updated_at: Time
    """when it last changed"""


class JobsHealth(TypedDict):
    """The queue of jobs: whether it moves is what counts."""

    depth: int
    """jobs that are queued or running"""
    oldest_age_ms: int
    """age of the oldest of them in milliseconds"""
    running: int
    """jobs that are being worked on"""
    failed: int
    """dead jobs: retryJob queues one again, cancelJob puts it away"""
    progress_at: NotRequired[Time]
    """when a job last came to something, done or failed, since the daemon started"""


class Message(TypedDict):
    """Something a user says to a session; the first prompt is one too."""

    id: str
    """UUID of the message"""
    session_id: str
    """the session it is for"""
    content: Content
    """a text, or content blocks, as given"""
    delivery: Delivery
    """queue or now"""
    state: MessageState
    """queued, sent, started, completed, cancelled or failed"""
    reason: NotRequired[str]
    """why it failed: not_started or process_died"""
    position: int
    """place in the session's order of messages, from 0"""
    created_at: Time
    """when the daemon took it"""
    updated_at: Time
    """when its state last changed"""


class PruneFailure(TypedDict):
    """A session that was to be pruned and was not."""

    session_id: str
    """UUID of the session"""
    error: str
    """why, in words"""


class PrunedSession(TypedDict):
    """A session that was pruned."""

    session_id: str
    """UUID of the session"""
    title: NotRequired[str]
    """its title, else its first prompt, cut"""
    status: Status
    """completed, failed or interrupted"""
    last_activity_at: Time
    """when something last happened in it"""
    events: int
    """how many events it had"""
    bytes: int
    """what their lines and data took in the database"""
    archive: NotRequired[str]
    """the file that holds it now; absent with dry_run"""


class RateLimit(TypedDict):
    """What Claude Code said last of its rate limit."""

    status: str
    """allowed, allowed_warning or rejected"""
    type: NotRequired[str]
    """which limit, such as five_hour"""
    resets_at: NotRequired[Time]
    """when it ends"""


class Retry(TypedDict):
    """A request to the API that failed and is tried again."""

    attempt: int
    """from 1"""
    max_retries: NotRequired[int]
    """after so many the turn fails"""
    retry_delay_ms: int
    """wait before the next attempt"""
    error_status: NotRequired[int]
    """HTTP status of the failure"""


class Rule(TypedDict):
    """Answers questions of the kind tool that match it, in the place of a person."""

    tool: str
    """tool name, or name(pattern); * stands for any text"""
    decision: Decision
    """approve or deny"""
    comment: NotRequired[str]
    """why; with deny, Claude Code reads it"""


class SearchHealth(TypedDict):
    """The index of texts, which searchConversations asks."""

    available: bool
    """whether searchConversations answers"""
    indexed_seq: int
    """events up to this seq can be found"""
    behind: int
    """how many numbers of the log that is behind head_seq; where these are many, work tells how far it is"""
    problem: NotRequired[str]
    """what is wrong with it, and what is done or to be done about it, in words"""


class SearchMatch(TypedDict):
    """An event that was found."""

    session_id: str
    """the session it belongs to"""
    seq: int
    """its place in the log: getConversation has it"""
    event_type: ConversationType
    """what it is"""
    role: Role
    """who said it: user, assistant, tool or system"""
    tool_name: NotRequired[str]
    """the tool that was called, or whose result it is"""
    created_at: Time
    """when the daemon recorded it"""
    title: NotRequired[str]
    """the session's title, else its first prompt, cut"""
    working_dir: str
    """the session's directory"""
    snippet: str
    """the part of its text where most of the words are, in one line; … where it is cut"""
    highlights: list[TextRange]
    """where in the snippet the words are, in their order"""
    score: float
    """how well it matches, more is better; to be compared within one answer only. 0 with order newest"""


class Session(TypedDict):
    """One run of Claude Code in a working directory."""

    id: str
    """UUID of the session"""
    run_id: str
    """UUID of this run, new for each session"""
    claude_session_id: str
    """Claude Code's id of the conversation"""
    parent_session_id: NotRequired[str]
    """the session that this one continues"""
    status: Status
    """queued, starting, running, waiting_input, interrupting, completed, failed or interrupted"""
    waiting_for: NotRequired[WaitingFor]
    """with waiting_input: approval or message"""
    origin: Origin
    """launched, imported or external"""
    paused: NotRequired[str]
    """why its process stands still for now, as on a full disk; told by getSessionState only"""
    title: NotRequired[str]
    """a name given by the user"""
    query: str
    """the first prompt, as text"""
    model: NotRequired[str]
    """the model as Claude Code reported it, else as asked for"""
    permission_mode: NotRequired[str]
    """the mode as Claude Code reported it, else as asked for"""
    working_dir: str
    """absolute path"""
    interactive: bool
    """whether the session stays alive between turns"""
    unattended: bool
    """whether nothing is asked because nobody answers"""
    tags: list[str]
    """labels given by the user"""
    archived: bool
    """whether the session is hidden from lists by default"""
    created_at: Time
    """when it was launched; of an imported one, when its conversation began"""
    started_at: NotRequired[Time]
    """when its process was started"""
    last_activity_at: Time
    """when something last happened in it; exact to a second while it prints"""
    completed_at: NotRequired[Time]
    """when it became final"""
    error_message: NotRequired[str]
    """why it failed, in words"""
    result: NotRequired[str]
    """the text of the last turn's result"""
    num_turns: int
    """turns that have ended"""
    duration_ms: int
    """milliseconds spent in turns that have ended"""
    cost_usd: float
    """cost so far in US dollars, known when a turn ends"""
    input_tokens: int
    """over all models and subagents"""
    output_tokens: int
    """over all models and subagents"""
    cache_creation_input_tokens: int
    """over all models and subagents"""
    cache_read_input_tokens: int
    """over all models and subagents"""
    rules: list[Rule]
    """questions that the daemon answers itself"""
    permission_mode_expires_at: NotRequired[Time]
    """when the permission mode falls back to default"""
    max_budget_usd: NotRequired[float]
    """limit of the session's cost in US dollars"""
    rate_limit: NotRequired[RateLimit]
    """what Claude Code said last of its rate limit"""
    api_retry: NotRequired[Retry]
    """while a request to the API is being tried again"""
    summary: NotRequired[SummaryNote]
    """its newest summary in short; getSummary has all of it"""
    pending_approvals: int
    """questions that wait for a decision"""
    queued_messages: int
    """messages that have not started"""
    exit_code: NotRequired[int]
    """exit code of the process; absent where it is unknown or a signal ended it"""
    exit_signal: NotRequired[str]
    """the signal that ended the process"""
    stderr_tail: NotRequired[str]
    """the end of what the process wrote to standard error"""
    pid: NotRequired[int]
    """process id of Claude Code while it lives"""


class SessionDeletion(TypedDict):
    """Who deleted a session."""

    deleted_by: NotRequired[DeletedBy]
    """client or retention; absent if it was deleted before this was recorded"""
    archive: NotRequired[str]
    """path of the archive that was made of it; absent after deleteSession"""


class StatusChange(TypedDict):
    """A session's status before and after."""

    old_status: Status
    """before"""
    new_status: Status
    """after"""
    waiting_for: NotRequired[WaitingFor]
    """with waiting_input: approval or message"""
    reason: NotRequired[str]
    """what caused the change, a word"""
    parent_session_id: NotRequired[str]
    """the session that this one continues"""
    error_message: NotRequired[str]
    """with failed: why, in words"""


class Summary(TypedDict):
    """What a session was about, in short."""

    session_id: str
    """the session that it is about"""
    from_seq: int
    """the first conversation event that was read for it; what came before is in the summary before it"""
    to_seq: int
    """the last one; what comes behind it is for the next summary"""
    title: str
    """a name for the session, in a few words"""
    request: str
    """what the user wants"""
    investigated: str
    """what was looked at"""
    learned: str
    """what was found out"""
    completed: str
    """what was done"""
    next_steps: str
    """what is left to do"""
    model: NotRequired[str]
    """the model that wrote it"""
    cost_usd: float
    """what it has cost in US dollars, without attempts that failed"""
    input_tokens: int
    """tokens that were read for it"""
    output_tokens: int
    """tokens that were written for it"""
    cache_creation_input_tokens: int
    """tokens that were written to the cache"""
    cache_read_input_tokens: int
    """tokens that were read from the cache"""
    job_id: str
    """the job that made it"""
    created_at: Time
    """when it was stored"""


class SummaryNote(TypedDict):
    """What a session object tells of its newest summary."""

    title: str
    """the summary's title"""
    to_seq: int
    """the last conversation event that it covers"""
    created_at: Time
    """when it was stored"""


class TextRange(TypedDict):
    """A part of a text, in characters (Unicode code points)."""

    start: int
    """the first character, from 0"""
    end: int
    """the one behind the last"""

Time: TypeAlias = str
"""RFC 3339, UTC, with milliseconds."""


class UsageGroup(TypedDict):
    """What a session, a directory or a day has used."""

    session_id: NotRequired[str]
    """by session: its UUID"""
    title: NotRequired[str]
    """by session: its title, else its first prompt, cut"""
    working_dir: NotRequired[str]
    """by session and by directory: absolute path"""
    day: NotRequired[str]
    """by day: in UTC, like 2026-01-31"""
    sessions: NotRequired[int]
    """by directory: how many sessions there have used anything"""
    queued_jobs: NotRequired[int]
    """by session: its jobs that are queued or running"""
    cost_usd: float
    """US dollars"""
    input_tokens: int
    """tokens that were read"""
    output_tokens: int
    """tokens that were written"""
    cache_creation_input_tokens: int
    """tokens that were written to the cache"""
    cache_read_input_tokens: int
    """tokens that were read from the cache"""
    summaries_cost_usd: NotRequired[float]
    """by day: what summaries have cost beside that, in US dollars"""


class HealthResult(TypedDict):
    """Answer of `health`: how the daemon is."""

    status: HealthStatus
    """ok or degraded"""
    problems: NotRequired[list[str]]
    """with degraded: what is wrong, in words"""
    version: str
    """the daemon's version"""
    protocol_version: int
    """version of this protocol"""
    pid: int
    """the daemon's process id"""
    started_at: Time
    """when the daemon started"""
    state_dir: str
    """where the daemon keeps its files"""
    settings: dict[str, str]
    """what the daemon was configured with, by key of the configuration file: what is not the default"""
    claude: ClaudeHealth
    """the claude that new sessions get"""
    sessions: dict[str, int]
    """number of sessions by status"""
    inbox: InboxHealth
    """messages that have not started"""
    jobs: JobsHealth
    """work that the daemon does by itself"""
    budget: BudgetHealth
    """what today's sessions have cost"""
    events: EventsHealth
    """extent of the log"""
    search: SearchHealth
    """the index of texts"""
    work: NotRequired[list[dict[str, Any]]]
    """long work of the daemon's that is under way, the oldest first: ask again to see how it goes on"""


class LaunchSessionResult(TypedDict):
    """Answer of `launchSession`: the new session, which starts by itself."""

    session_id: str
    """the new session"""
    run_id: str
    """its run id"""
    message_id: str
    """the message that carries the first prompt"""
    parent_session_id: NotRequired[str]
    """the session that is continued"""
    status: Status
    """queued or starting"""


class ContinueSessionResult(TypedDict):
    """Answer of `continueSession`: the new session, which starts by itself."""

    session_id: str
    """the new session"""
    run_id: str
    """its run id"""
    message_id: str
    """the message that carries the first prompt"""
    parent_session_id: NotRequired[str]
    """the session that is continued"""
    status: Status
    """queued or starting"""


class ListSessionsResult(TypedDict):
    """Answer of `listSessions`: a page of sessions."""

    sessions: list[Session]
    """newest activity first"""
    next_cursor: NotRequired[str]
    """absent on the last page"""


class GetSessionStateResult(TypedDict):
    """Answer of `getSessionState`: the session."""

    session: Session
    """the session as it is now"""


class GetConversationResult(TypedDict):
    """Answer of `getConversation`: a page of the conversation."""

    next_after_seq: int | None
    """after_seq of the next page; null at the end"""
    head_seq: int
    """the newest seq of the whole log"""
    events: list[ConversationEvent]
    """in the order of seq"""


class SearchConversationsResult(TypedDict):
    """Answer of `searchConversations`: a page of what is found."""

    matches: list[SearchMatch]
    """in the order that was asked for; fewer than the limit, even none, where next_cursor says that there may be more"""
    next_cursor: NotRequired[str]
    """cursor of the next page; absent at the end"""
    total: int
    """how many events match among those that were looked at"""
    partial: NotRequired[bool]
    """older events were not looked at yet, because enough were found or the time was over: total is of the newer ones, and next_cursor comes to the others"""
    indexed_seq: int
    """events up to this seq can be found; behind head_seq where the index is being built, or is a moment late"""
    head_seq: int
    """the newest seq of the whole log"""


class UpdateSessionResult(TypedDict):
    """Answer of `updateSession`: the session, changed."""

    session: Session
    """the session as it is now"""


class ArchiveSessionsResult(TypedDict):
    """Answer of `archiveSessions`: what became of each session."""

    archived: list[str]
    """those that are as asked now"""
    failed: list[ArchiveFailure]
    """the others"""


class DeleteSessionResult(TypedDict):
    """Answer of `deleteSession`: that it is deleted."""

    deleted: bool
    """always true; what cannot be deleted is an error"""


class PruneSessionsResult(TypedDict):
    """Answer of `pruneSessions`: what this page of the work came to."""

    pruned: list[PrunedSession]
    """the sessions that are gone, or with dry_run would go"""
    failed: list[PruneFailure]
    """those that stay because they could not be archived or deleted"""
    remaining: int
    """how many are still to come, behind this page"""
    held: int
    """how many are old enough and stay because a session that stays continues them"""
    next_cursor: NotRequired[str]
    """cursor of the next page; absent at the end"""


class ImportTranscriptsResult(TypedDict):
    """Answer of `importTranscripts`: what this page of the work came to."""

    transcripts: list[dict[str, Any]]
    """the files that are done with, in the order of their paths"""
    files: int
    """how many files there are"""
    files_done: int
    """how many of them are done with, on this page and those before"""
    bytes: int
    """the size of all files"""
    bytes_done: int
    """how much of it is done with"""
    next_cursor: NotRequired[str]
    """cursor of the next page; absent at the end"""


class ListObservationsResult(TypedDict):
    """Answer of `listObservations`: a page of observations."""

    observations: list[dict[str, Any]]
    """in the order of seq; a page may be short, or empty, without being the last"""
    next_after_seq: int | None
    """after_seq of the next page; null at the end"""
    head_seq: int
    """the newest seq of the whole log"""


class InterruptSessionResult(TypedDict):
    """Answer of `interruptSession`: the status right after the call; events tell when the turn has ended."""

    session_id: str
    """UUID of the session"""
    status: Status
    """status right after the call"""
    queued_messages: list[str]
    """ids of the messages that still wait, in their order"""


class EndSessionResult(TypedDict):
    """Answer of `endSession`: the status right after the call; events tell when the session is final."""

    session_id: str
    """UUID of the session"""
    status: Status
    """status right after the call"""


class SendMessageResult(TypedDict):
    """Answer of `sendMessage`: the message."""

    message: Message
    """the message as it is now"""


class ListMessagesResult(TypedDict):
    """Answer of `listMessages`: a page of messages."""

    messages: list[Message]
    """by position"""
    next_position: NotRequired[int]
    """from_position of the next page; absent on the last page"""


class CancelMessageResult(TypedDict):
    """Answer of `cancelMessage`: the message, cancelled."""

    message: Message
    """the message as it is now"""


class FetchApprovalsResult(TypedDict):
    """Answer of `fetchApprovals`: the approvals."""

    approvals: list[Approval]
    """oldest first"""


class GetApprovalResult(TypedDict):
    """Answer of `getApproval`: the approval."""

    approval: Approval
    """the approval as it is now"""


class SendDecisionResult(TypedDict):
    """Answer of `sendDecision`: the approval, resolved."""

    approval: Approval
    """the approval as it is now"""


class SummarizeSessionResult(TypedDict):
    """Answer of `summarizeSession`: the job, whose end events tell, and the newest summary so far."""

    job: NotRequired[Job]
    """the job that makes the summary; absent if there is nothing new to be read"""
    summary: NotRequired[Summary]
    """the newest summary so far; absent if there is none"""


class GetSummaryResult(TypedDict):
    """Answer of `getSummary`: the summary, if there is one."""

    summary: NotRequired[Summary]
    """absent if there is none"""


class ListJobsResult(TypedDict):
    """Answer of `listJobs`: a page of jobs."""

    jobs: list[Job]
    """newest first"""
    next_cursor: NotRequired[str]
    """absent on the last page"""


class RetryJobResult(TypedDict):
    """Answer of `retryJob`: the job, queued."""

    job: Job
    """the job as it is now"""


class CancelJobResult(TypedDict):
    """Answer of `cancelJob`: the job, cancelled."""

    job: Job
    """the job as it is now"""


class GetUsageResult(TypedDict):
    """Answer of `getUsage`: what was used, and what the daemon is at."""

    total: dict[str, Any]
    """by all sessions, those that were deleted too"""
    summaries: dict[str, Any]
    """by summaries, beside the total"""
    active_sessions: int
    """sessions that are not final"""
    queue: JobsHealth
    """the queue of jobs"""
    processing: bool
    """whether a turn or a job is under way at this moment"""
    groups: list[UsageGroup]
    """sessions and directories, those that have cost most first; or days, the newest first"""
    next_cursor: NotRequired[str]
    """cursor of the next page; absent at the end"""


class BackupResult(TypedDict):
    """Answer of `backup`: what the copy holds."""

    path: str
    """where it is"""
    bytes: int
    """its size"""
    head_seq: int
    """every event up to this seq is in it"""

DiscoverResult: TypeAlias = dict[str, Any]
"""Answer of `rpc.discover`: an OpenRPC document."""


class SessionCreatedEvent(TypedDict):
    """A session was launched."""

    type: Literal["session_created"]
    seq: int
    """Place in the log: the cursor behind it."""
    session_id: str
    run_id: str
    timestamp: Time
    data: Session


class SessionUpdatedEvent(TypedDict):
    """Something about a session changed that is not its status."""

    type: Literal["session_updated"]
    seq: int
    """Place in the log: the cursor behind it."""
    session_id: str
    run_id: str
    timestamp: Time
    data: Session


class SessionStatusChangedEvent(TypedDict):
    """A session's status changed."""

    type: Literal["session_status_changed"]
    seq: int
    """Place in the log: the cursor behind it."""
    session_id: str
    run_id: str
    timestamp: Time
    data: StatusChange


class ConversationUpdatedEvent(TypedDict):
    """A step was added to a conversation."""

    type: Literal["conversation_updated"]
    seq: int
    """Place in the log: the cursor behind it."""
    session_id: str
    run_id: str
    timestamp: Time
    data: ConversationEvent


class NewApprovalEvent(TypedDict):
    """Claude Code asks something."""

    type: Literal["new_approval"]
    seq: int
    """Place in the log: the cursor behind it."""
    session_id: str
    run_id: str
    timestamp: Time
    data: Approval


class ApprovalResolvedEvent(TypedDict):
    """A question was answered, or became void."""

    type: Literal["approval_resolved"]
    seq: int
    """Place in the log: the cursor behind it."""
    session_id: str
    run_id: str
    timestamp: Time
    data: Approval


class MessageUpdatedEvent(TypedDict):
    """A message was taken, or its state changed."""

    type: Literal["message_updated"]
    seq: int
    """Place in the log: the cursor behind it."""
    session_id: str
    run_id: str
    timestamp: Time
    data: Message


class SessionSummarizedEvent(TypedDict):
    """A session has a new summary."""

    type: Literal["session_summarized"]
    seq: int
    """Place in the log: the cursor behind it."""
    session_id: str
    run_id: str
    timestamp: Time
    data: Summary


class JobUpdatedEvent(TypedDict):
    """A job was queued, or its state changed."""

    type: Literal["job_updated"]
    seq: int
    """Place in the log: the cursor behind it."""
    session_id: str
    run_id: str
    timestamp: Time
    data: Job


class SessionDeletedEvent(TypedDict):
    """A session was deleted, and its events with it."""

    type: Literal["session_deleted"]
    seq: int
    """Place in the log: the cursor behind it."""
    session_id: str
    run_id: str
    timestamp: Time
    data: SessionDeletion


class PartialMessageEvent(TypedDict):
    """Claude Code printed a delta; only with include_partial, and never stored."""

    type: Literal["partial_message"]
    seq: NotRequired[int]
    """Never there: deltas are not in the log."""
    session_id: str
    run_id: str
    timestamp: Time
    data: Any
    dropped: NotRequired[int]
    """How many were left out before it, for a slow reader."""


Event: TypeAlias = Union[
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionStatusChangedEvent,
    ConversationUpdatedEvent,
    NewApprovalEvent,
    ApprovalResolvedEvent,
    MessageUpdatedEvent,
    SessionSummarizedEvent,
    JobUpdatedEvent,
    SessionDeletedEvent,
    PartialMessageEvent,
]
"""Any event; its `type` tells which. A later daemon may send types that are not here: ignore them."""
