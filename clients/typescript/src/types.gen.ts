// Generated from the OpenRPC document by internal/clientgen: `make generate` renews it.

/** A question of Claude Code's to the user. */
export interface Approval {
  /** UUID of the approval */
  id: string;
  /** the session that asks */
  session_id: string;
  /** tool or question */
  kind: ApprovalKind;
  /** the tool_call that waits for the answer */
  tool_use_id?: string;
  /** name of the tool */
  tool_name: string;
  /** the whole input */
  tool_input: unknown;
  /** permission updates that can be remembered with the answer */
  suggestions: unknown[];
  /** pending, approved, denied or cancelled */
  status: ApprovalStatus;
  /** what was said with the answer */
  comment?: string;
  /** the client that answered, or what voided it */
  resolved_by?: string;
  /** when it was asked */
  created_at: Time;
  /** when it was answered or became void */
  resolved_at?: Time;
}

/**
 * What sort of question an approval is.
 *
 * - `tool`: may this tool run?
 * - `question`: Claude Code asks the user something: the answer goes into updated_input
 */
export type ApprovalKind = 'tool' | 'question';

/**
 * Where an approval stands.
 *
 * - `pending`: it waits for a decision
 * - `approved`: final: the tool may run
 * - `denied`: final: it may not
 * - `cancelled`: final: nobody can answer it any more
 */
export type ApprovalStatus = 'pending' | 'approved' | 'denied' | 'cancelled';

/** A session that was not archived. */
export interface ArchiveFailure {
  /** as it was given */
  session_id: string;
  /** the error's word */
  reason: Reason;
}

/** What the sessions of today (in UTC) have cost. */
export interface BudgetHealth {
  /** cost of all turns that ended today, in US dollars */
  spent_today_usd: number;
  /** over it nothing new is launched or sent; absent: no limit */
  daily_limit_usd?: number;
}

/** The claude that new sessions get. */
export interface ClaudeHealth {
  /** where it is */
  path?: string;
  /** what it says of itself */
  version?: string;
  /** whether it can be run */
  available: boolean;
  /** where it cannot: what to do */
  hint?: string;
}

/** A block of content as the Messages API knows it: a text, an image, a document. */
export interface ContentBlock {
  type: string;
  [member: string]: unknown;
}

/** What a user says: a text, or content blocks as the Messages API knows them. */
export type Content = string | ContentBlock[];

/** One step of a conversation: a block of a line that Claude Code printed, or a prompt of the user's. */
export interface ConversationEvent {
  /** place in the log */
  seq: number;
  /** the session it belongs to */
  session_id: string;
  /** Claude Code's id of the conversation */
  claude_session_id?: string;
  /** message, thinking, tool_call, tool_result, system, result or unparsed */
  event_type: ConversationType;
  /** user, assistant or system */
  role?: string;
  /** the text */
  content?: string;
  /** on the user's prompts: the message */
  message_id?: string;
  /** on tool_call: id of the call */
  tool_id?: string;
  /** on tool_call: name of the tool */
  tool_name?: string;
  /** on tool_call: the input */
  tool_input?: unknown;
  /** on tool_result: id of the call */
  tool_result_for_id?: string;
  /** on tool_result and result: whether it is an error */
  is_error?: boolean;
  /** inside a subagent: the call that started it */
  parent_tool_use_id?: string;
  /** on tool_call: whether its result is there; computed when read */
  is_completed?: boolean;
  /** on tool_call: the question about it; computed when read */
  approval_id?: string;
  /** on tool_call: how that question stands; computed when read */
  approval_status?: ApprovalStatus;
  /** when the daemon recorded it; of imported lines, the time that they name */
  created_at: Time;
  /** on request: the line as printed, without its newline */
  raw?: string;
  /** in place of raw where the line is not valid UTF-8 */
  raw_base64?: string;
  /** with raw: the line ended without a newline */
  raw_unterminated?: boolean;
}

/**
 * What a conversation event is.
 *
 * - `message`: something that the assistant or the user said
 * - `thinking`: what the assistant thought
 * - `tool_call`: the use of a tool
 * - `tool_result`: what came of it
 * - `system`: everything else, also what this version of the daemon does not know
 * - `result`: the end of a turn
 * - `unparsed`: a line that is not JSON
 */
export type ConversationType = 'message' | 'thinking' | 'tool_call' | 'tool_result' | 'system' | 'result' | 'unparsed';

/**
 * An answer to a question.
 *
 * - `approve`: go on
 * - `deny`: do not; the comment says why
 */
export type Decision = 'approve' | 'deny';

/**
 * Who deleted a session.
 *
 * - `client`: somebody called deleteSession or pruneSessions
 * - `retention`: the daemon pruned it by itself: prune_after or max_database_bytes
 */
export type DeletedBy = 'client' | 'retention';

/**
 * When a message is written to Claude Code.
 *
 * - `queue`: when the turn before it has ended: one message, one turn
 * - `now`: at once; it is taken in at the next tool result, or as the next turn, and aborts nothing
 */
export type Delivery = 'queue' | 'now';

/**
 * What an event tells.
 *
 * - `session_created`: a session was launched
 * - `session_updated`: something about a session changed that is not its status
 * - `session_status_changed`: a session's status changed
 * - `conversation_updated`: a step was added to a conversation
 * - `new_approval`: Claude Code asks something
 * - `approval_resolved`: a question was answered, or became void
 * - `message_updated`: a message was taken, or its state changed
 * - `session_summarized`: a session has a new summary
 * - `job_updated`: a job was queued, or its state changed
 * - `session_deleted`: a session was deleted, and its events with it
 * - `partial_message`: Claude Code printed a delta; only with include_partial, and never stored
 */
export type EventType = 'session_created' | 'session_updated' | 'session_status_changed' | 'conversation_updated' | 'new_approval' | 'approval_resolved' | 'message_updated' | 'session_summarized' | 'job_updated' | 'session_deleted' | 'partial_message';

/** The extent of the log. */
export interface EventsHealth {
  /** the newest seq, 0 in an empty log */
  head_seq: number;
  /** the log is whole from this seq on */
  oldest_seq: number;
}

/**
 * How the daemon is.
 *
 * - `ok`: as it should be
 * - `degraded`: it works, but not as it should: see problems
 */
export type HealthStatus = 'ok' | 'degraded';

/**
 * What became of a transcript.
 *
 * - `new`: a session was made of it
 * - `grown`: its session has more lines than before
 * - `unchanged`: there was nothing new in it
 * - `skipped`: it was left alone; see reason
 */
export type ImportOutcome = 'new' | 'grown' | 'unchanged' | 'skipped';

/**
 * Why a transcript was skipped.
 *
 * - `launched`: a session of this daemon's has the conversation already
 * - `continued`: a session of this daemon's goes on with the imported one, and has what follows
 * - `deleted`: its session was deleted; again brings it back
 * - `older`: it has not changed since the moment that was given
 * - `empty`: nothing was said in it yet
 * - `not_a_transcript`: it has not the name, or not the lines, of one
 * - `not_regular`: it is a symbolic link, a pipe or a directory
 * - `not_owned`: it belongs to another user
 * - `changed`: what was imported of it is not there any more: it was written anew
 * - `unreadable`: it cannot be read; see message
 * - `record_damaged`: what the database holds about it cannot be read
 */
export type ImportReason = 'launched' | 'continued' | 'deleted' | 'older' | 'empty' | 'not_a_transcript' | 'not_regular' | 'not_owned' | 'changed' | 'unreadable' | 'record_damaged';

/** The messages that have not started. */
export interface InboxHealth {
  /** how many */
  depth: number;
  /** age of the oldest in milliseconds */
  oldest_age_ms: number;
}

/** Work that the daemon does by itself, for a session as it was at an event. */
export interface Job {
  /** UUID of the job */
  id: string;
  /** what it does: summarize */
  kind: JobKind;
  /** the session that it is about */
  session_id: string;
  /** the session's conversation event up to which it goes */
  last_seq: number;
  /** queued, running, done, dead or cancelled */
  state: JobState;
  /** how often it was begun since it was queued, or last retried by a client */
  attempts: number;
  /** after so many that fail it is dead */
  max_attempts: number;
  /** why the last attempt failed, or what ended it, in words */
  reason?: string;
  /** with queued: not before this moment, as the time of day when it was set had it */
  retry_at?: Time;
  /** with running: when it is taken from whoever works on it */
  lease_until?: Time;
  /** when it was queued first */
  created_at: Time;
  /** when it last changed */
  updated_at: Time;
}

/**
 * What a job does.
 *
 * - `summarize`: it writes a summary of a session
 */
export type JobKind = 'summarize';

/**
 * Where a job stands.
 *
 * - `queued`: it waits for its turn, or for the pause behind an attempt that failed
 * - `running`: somebody works on it, and has a lease
 * - `done`: final: it has done what it was for
 * - `dead`: it has failed too often, see reason; retryJob queues it again
 * - `cancelled`: a client wants it no more; retryJob queues it again
 */
export type JobState = 'queued' | 'running' | 'done' | 'dead' | 'cancelled';

/** The queue of jobs: whether it moves is what counts. */
export interface JobsHealth {
  /** jobs that are queued or running */
  depth: number;
  /** age of the oldest of them in milliseconds */
  oldest_age_ms: number;
  /** jobs that are being worked on */
  running: number;
  /** dead jobs: retryJob queues one again, cancelJob puts it away */
  failed: number;
  /** when a job last came to something, done or failed, since the daemon started */
  progress_at?: Time;
}

/** Something a user says to a session; the first prompt is one too. */
export interface Message {
  /** UUID of the message */
  id: string;
  /** the session it is for */
  session_id: string;
  /** a text, or content blocks, as given */
  content: Content;
  /** queue or now */
  delivery: Delivery;
  /** queued, sent, started, completed, cancelled or failed */
  state: MessageState;
  /** why it failed: not_started or process_died */
  reason?: string;
  /** place in the session's order of messages, from 0 */
  position: number;
  /** when the daemon took it */
  created_at: Time;
  /** when its state last changed */
  updated_at: Time;
}

/**
 * Where a message stands.
 *
 * - `queued`: the daemon keeps it
 * - `sent`: it was written to Claude Code, which has not begun with it
 * - `started`: Claude Code works on it
 * - `completed`: final: its turn has ended, in whatever way
 * - `cancelled`: final: it was withdrawn before it started
 * - `failed`: final: it never started, or the process died in its turn; see reason
 */
export type MessageState = 'queued' | 'sent' | 'started' | 'completed' | 'cancelled' | 'failed';

/**
 * Where a session comes from.
 *
 * - `launched`: the daemon launched it
 * - `imported`: it was made of a transcript of Claude Code's; its status is how the conversation stands where that ends, and changes if that grows
 * - `external`: someone started it in a terminal of their own
 */
export type Origin = 'launched' | 'imported' | 'external';

/** A session that was to be pruned and was not. */
export interface PruneFailure {
  /** UUID of the session */
  session_id: string;
  /** why, in words */
  error: string;
}

/** A session that was pruned. */
export interface PrunedSession {
  /** UUID of the session */
  session_id: string;
  /** its title, else its first prompt, cut */
  title?: string;
  /** completed, failed or interrupted */
  status: Status;
  /** when something last happened in it */
  last_activity_at: Time;
  /** how many events it had */
  events: number;
  /** what their lines and data took in the database */
  bytes: number;
  /** the file that holds it now; absent with dry_run */
  archive?: string;
}

/**
 * What an interrupt does with the messages that wait.
 *
 * - `keep`: they go on afterwards
 * - `cancel`: they are cancelled
 */
export type QueuedAfter = 'keep' | 'cancel';

/** What Claude Code said last of its rate limit. */
export interface RateLimit {
  /** allowed, allowed_warning or rejected */
  status: string;
  /** which limit, such as five_hour */
  type?: string;
  /** when it ends */
  resets_at?: Time;
}

/**
 * By which a program tells errors apart.
 *
 * - `parse_error`: the line is not UTF-8 JSON, or too long; the connection is closed
 * - `invalid_request`: the line is JSON, but not a request
 * - `method_not_found`: there is no such method
 * - `invalid_params`: a param is unknown, missing, or wrong
 * - `internal_error`: the daemon's fault; its log has the details
 * - `session_not_found`: no session has this id
 * - `approval_not_found`: no approval has this id
 * - `message_not_found`: no message has this id
 * - `subscription_not_found`: this connection has no subscription with this id
 * - `job_not_found`: no job has this id
 * - `invalid_state`: the call does not fit the session's status, or the job's state
 * - `cursor_expired`: events after the cursor are gone, or the cursor is ahead of the log
 * - `limit_exceeded`: a configured limit is reached
 * - `already_resolved`: the approval has been answered
 * - `claude_unavailable`: there is no usable `claude`
 * - `conflict`: an idempotency key or a message id came again with other params
 * - `shutting_down`: the daemon is stopping; ask its successor
 * - `search_unavailable`: there is no index of texts: the daemon was built without, or it is being made anew
 */
export type Reason = 'parse_error' | 'invalid_request' | 'method_not_found' | 'invalid_params' | 'internal_error' | 'session_not_found' | 'approval_not_found' | 'message_not_found' | 'subscription_not_found' | 'job_not_found' | 'invalid_state' | 'cursor_expired' | 'limit_exceeded' | 'already_resolved' | 'claude_unavailable' | 'conflict' | 'shutting_down' | 'search_unavailable';

/** A request to the API that failed and is tried again. */
export interface Retry {
  /** from 1 */
  attempt: number;
  /** after so many the turn fails */
  max_retries?: number;
  /** wait before the next attempt */
  retry_delay_ms: number;
  /** HTTP status of the failure */
  error_status?: number;
}

/**
 * Who said something.
 *
 * - `user`: the user: prompts, and those that a subagent was given
 * - `assistant`: Claude: messages, thoughts, and the input of tools
 * - `tool`: a tool: its results
 * - `system`: Claude Code: errors that end a turn, and lines that are no JSON
 */
export type Role = 'user' | 'assistant' | 'tool' | 'system';

/** Answers questions of the kind tool that match it, in the place of a person. */
export interface Rule {
  /** tool name, or name(pattern); * stands for any text */
  tool: string;
  /** approve or deny */
  decision: Decision;
  /** why; with deny, Claude Code reads it */
  comment?: string;
}

/** The index of texts, which searchConversations asks. */
export interface SearchHealth {
  /** whether searchConversations answers */
  available: boolean;
  /** events up to this seq can be found */
  indexed_seq: number;
  /** how many numbers of the log that is behind head_seq; where these are many, work tells how far it is */
  behind: number;
  /** what is wrong with it, and what is done or to be done about it, in words */
  problem?: string;
}

/** An event that was found. */
export interface SearchMatch {
  /** the session it belongs to */
  session_id: string;
  /** its place in the log: getConversation has it */
  seq: number;
  /** what it is */
  event_type: ConversationType;
  /** who said it: user, assistant, tool or system */
  role: Role;
  /** the tool that was called, or whose result it is */
  tool_name?: string;
  /** when the daemon recorded it */
  created_at: Time;
  /** the session's title, else its first prompt, cut */
  title?: string;
  /** the session's directory */
  working_dir: string;
  /** the part of its text where most of the words are, in one line; … where it is cut */
  snippet: string;
  /** where in the snippet the words are, in their order */
  highlights: TextRange[];
  /** how well it matches, more is better; to be compared within one answer only. 0 with order newest */
  score: number;
}

/**
 * In which order things are found.
 *
 * - `rank`: the best match first; among equals the newest
 * - `newest`: the newest first, by their place in the log
 */
export type SearchOrder = 'rank' | 'newest';

/** One run of Claude Code in a working directory. */
export interface Session {
  /** UUID of the session */
  id: string;
  /** UUID of this run, new for each session */
  run_id: string;
  /** Claude Code's id of the conversation */
  claude_session_id: string;
  /** the session that this one continues */
  parent_session_id?: string;
  /** queued, starting, running, waiting_input, interrupting, completed, failed or interrupted */
  status: Status;
  /** with waiting_input: approval or message */
  waiting_for?: WaitingFor;
  /** launched, imported or external */
  origin: Origin;
  /** why its process stands still for now, as on a full disk; told by getSessionState only */
  paused?: string;
  /** a name given by the user */
  title?: string;
  /** the first prompt, as text */
  query: string;
  /** the model as Claude Code reported it, else as asked for */
  model?: string;
  /** the mode as Claude Code reported it, else as asked for */
  permission_mode?: string;
  /** absolute path */
  working_dir: string;
  /** whether the session stays alive between turns */
  interactive: boolean;
  /** whether nothing is asked because nobody answers */
  unattended: boolean;
  /** labels given by the user */
  tags: string[];
  /** whether the session is hidden from lists by default */
  archived: boolean;
  /** when it was launched; of an imported one, when its conversation began */
  created_at: Time;
  /** when its process was started */
  started_at?: Time;
  /** when something last happened in it; exact to a second while it prints */
  last_activity_at: Time;
  /** when it became final */
  completed_at?: Time;
  /** why it failed, in words */
  error_message?: string;
  /** the text of the last turn's result */
  result?: string;
  /** turns that have ended */
  num_turns: number;
  /** milliseconds spent in turns that have ended */
  duration_ms: number;
  /** cost so far in US dollars, known when a turn ends */
  cost_usd: number;
  /** over all models and subagents */
  input_tokens: number;
  /** over all models and subagents */
  output_tokens: number;
  /** over all models and subagents */
  cache_creation_input_tokens: number;
  /** over all models and subagents */
  cache_read_input_tokens: number;
  /** questions that the daemon answers itself */
  rules: Rule[];
  /** when the permission mode falls back to default */
  permission_mode_expires_at?: Time;
  /** limit of the session's cost in US dollars */
  max_budget_usd?: number;
  /** what Claude Code said last of its rate limit */
  rate_limit?: RateLimit;
  /** while a request to the API is being tried again */
  api_retry?: Retry;
  /** its newest summary in short; getSummary has all of it */
  summary?: SummaryNote;
  /** questions that wait for a decision */
  pending_approvals: number;
  /** messages that have not started */
  queued_messages: number;
  /** exit code of the process; absent where it is unknown or a signal ended it */
  exit_code?: number;
  /** the signal that ended the process */
  exit_signal?: string;
  /** the end of what the process wrote to standard error */
  stderr_tail?: string;
  /** process id of Claude Code while it lives */
  pid?: number;
}

/** Who deleted a session. */
export interface SessionDeletion {
  /** client or retention; absent if it was deleted before this was recorded */
  deleted_by?: DeletedBy;
  /** path of the archive that was made of it; absent after deleteSession */
  archive?: string;
}

/**
 * Where a session stands.
 *
 * - `queued`: waits for a free slot
 * - `starting`: its process is being started
 * - `running`: works on a turn, or is ending
 * - `waiting_input`: waits for someone: see waiting_for
 * - `interrupting`: its turn is being interrupted
 * - `completed`: final: it has done what it was told
 * - `failed`: final: it ended with an error, or nobody knows how
 * - `interrupted`: final: its last turn was interrupted, or it was ended in mid-turn
 */
export type Status = 'queued' | 'starting' | 'running' | 'waiting_input' | 'interrupting' | 'completed' | 'failed' | 'interrupted';

/** A session's status before and after. */
export interface StatusChange {
  /** before */
  old_status: Status;
  /** after */
  new_status: Status;
  /** with waiting_input: approval or message */
  waiting_for?: WaitingFor;
  /** what caused the change, a word */
  reason?: string;
  /** the session that this one continues */
  parent_session_id?: string;
  /** with failed: why, in words */
  error_message?: string;
}

/** What a session was about, in short. */
export interface Summary {
  /** the session that it is about */
  session_id: string;
  /** the first conversation event that was read for it; what came before is in the summary before it */
  from_seq: number;
  /** the last one; what comes behind it is for the next summary */
  to_seq: number;
  /** a name for the session, in a few words */
  title: string;
  /** what the user wants */
  request: string;
  /** what was looked at */
  investigated: string;
  /** what was found out */
  learned: string;
  /** what was done */
  completed: string;
  /** what is left to do */
  next_steps: string;
  /** the model that wrote it */
  model?: string;
  /** what it has cost in US dollars, without attempts that failed */
  cost_usd: number;
  /** tokens that were read for it */
  input_tokens: number;
  /** tokens that were written for it */
  output_tokens: number;
  /** tokens that were written to the cache */
  cache_creation_input_tokens: number;
  /** tokens that were read from the cache */
  cache_read_input_tokens: number;
  /** the job that made it */
  job_id: string;
  /** when it was stored */
  created_at: Time;
}

/** What a session object tells of its newest summary. */
export interface SummaryNote {
  /** the summary's title */
  title: string;
  /** the last conversation event that it covers */
  to_seq: number;
  /** when it was stored */
  created_at: Time;
}

/** A part of a text, in characters (Unicode code points). */
export interface TextRange {
  /** the first character, from 0 */
  start: number;
  /** the one behind the last */
  end: number;
}

/** RFC 3339, UTC, with milliseconds. */
export type Time = string;

/**
 * What usage is told by.
 *
 * - `session`: each session, those that have cost most first
 * - `directory`: each working directory, likewise
 * - `day`: each day in UTC, the newest first
 */
export type UsageBy = 'session' | 'directory' | 'day';

/** What a session, a directory or a day has used. */
export interface UsageGroup {
  /** by session: its UUID */
  session_id?: string;
  /** by session: its title, else its first prompt, cut */
  title?: string;
  /** by session and by directory: absolute path */
  working_dir?: string;
  /** by day: in UTC, like 2026-01-31 */
  day?: string;
  /** by directory: how many sessions there have used anything */
  sessions?: number;
  /** by session: its jobs that are queued or running */
  queued_jobs?: number;
  /** US dollars */
  cost_usd: number;
  /** tokens that were read */
  input_tokens: number;
  /** tokens that were written */
  output_tokens: number;
  /** tokens that were written to the cache */
  cache_creation_input_tokens: number;
  /** tokens that were read from the cache */
  cache_read_input_tokens: number;
  /** by day: what summaries have cost beside that, in US dollars */
  summaries_cost_usd?: number;
}

/**
 * What a session in waiting_input waits for.
 *
 * - `approval`: a decision on a question of its own
 * - `message`: the next message
 */
export type WaitingFor = 'approval' | 'message';

/**
 * What long work of the daemon's is about.
 *
 * - `backup`: the database is copied, and the copy checked
 * - `prune`: old sessions are archived and deleted
 * - `import`: transcripts of Claude Code's are taken in
 * - `index`: what searches ask is made of a log that is there already
 */
export type WorkKind = 'backup' | 'prune' | 'import' | 'index';

/** Answer of `health`: how the daemon is. */
export interface HealthResult {
  /** ok or degraded */
  status: HealthStatus;
  /** with degraded: what is wrong, in words */
  problems?: string[];
  /** the daemon's version */
  version: string;
  /** version of this protocol */
  protocol_version: number;
  /** the daemon's process id */
  pid: number;
  /** when the daemon started */
  started_at: Time;
  /** where the daemon keeps its files */
  state_dir: string;
  /** what the daemon was configured with, by key of the configuration file: what is not the default */
  settings: Record<string, string>;
  /** the claude that new sessions get */
  claude: ClaudeHealth;
  /** number of sessions by status */
  sessions: Record<string, number>;
  /** messages that have not started */
  inbox: InboxHealth;
  /** work that the daemon does by itself */
  jobs: JobsHealth;
  /** what today's sessions have cost */
  budget: BudgetHealth;
  /** extent of the log */
  events: EventsHealth;
  /** the index of texts */
  search: SearchHealth;
  /** long work of the daemon's that is under way, the oldest first: ask again to see how it goes on */
  work?: ({ kind: WorkKind; subject?: string; step: string; done: number; total?: number; unit?: string; started_at: Time })[];
}

/** Params of `launchSession`. */
export interface LaunchSessionParams {
  /** the first prompt: a text, or content blocks */
  query: Content;
  /** absolute path of an existing directory; default: the user's home, or the parent's directory */
  working_dir?: string;
  /** a name for lists */
  title?: string;
  /** model name or alias, passed to Claude Code */
  model?: string;
  /** default, manual, acceptEdits, plan, auto, dontAsk or bypassPermissions */
  permission_mode?: string;
  /** tool rules that are allowed without asking */
  allowed_tools?: string[];
  /** tool rules that are refused without asking */
  disallowed_tools?: string[];
  /** absolute paths of more directories that Claude Code may use */
  additional_directories?: string[];
  /** replaces Claude Code's own system prompt */
  system_prompt?: string;
  /** is added to the system prompt */
  append_system_prompt?: string;
  /** {mcpServers: {name: {command, args, env} or {type, url, headers}}} */
  mcp_config?: { mcpServers?: Record<string, Record<string, unknown>> };
  /** limit of agent turns for each prompt, 1 or more */
  max_turns?: number;
  /** limit of the session's cost in US dollars, more than 0 */
  max_budget_usd?: number;
  /** labels */
  tags?: string[];
  /** questions that the daemon answers itself; the first that matches counts */
  rules?: Rule[];
  /** milliseconds after which permission_mode falls back to default; 1 or more */
  permission_mode_timeout_ms?: number;
  /** stay alive between turns and wait for messages; default false */
  interactive?: boolean;
  /** nobody will answer: ask nothing, let Claude Code refuse; default false */
  unattended?: boolean;
  /** have Claude Code print deltas, for subscribers with include_partial; default false */
  include_partial_messages?: boolean;
  /** the child's whole environment; absent: the daemon's own. Never stored in the database, never answered */
  env?: Record<string, string>;
  /** a second call with the same key and params answers what the first did */
  idempotency_key?: string;
}

/** Answer of `launchSession`: the new session, which starts by itself. */
export interface LaunchSessionResult {
  /** the new session */
  session_id: string;
  /** its run id */
  run_id: string;
  /** the message that carries the first prompt */
  message_id: string;
  /** the session that is continued */
  parent_session_id?: string;
  /** queued or starting */
  status: Status;
}

/** Params of `continueSession`. */
export interface ContinueSessionParams {
  /** the session to continue */
  session_id: string;
  /** the next prompt: a text, or content blocks */
  query: Content;
  /** make a branch: a new conversation that begins as a copy */
  fork?: boolean;
  /** fork at this event of the conversation; implies fork */
  at_seq?: number;
  /** absolute path of an existing directory; default: the user's home, or the parent's directory */
  working_dir?: string;
  /** a name for lists */
  title?: string;
  /** model name or alias, passed to Claude Code */
  model?: string;
  /** default, manual, acceptEdits, plan, auto, dontAsk or bypassPermissions */
  permission_mode?: string;
  /** tool rules that are allowed without asking */
  allowed_tools?: string[];
  /** tool rules that are refused without asking */
  disallowed_tools?: string[];
  /** absolute paths of more directories that Claude Code may use */
  additional_directories?: string[];
  /** replaces Claude Code's own system prompt */
  system_prompt?: string;
  /** is added to the system prompt */
  append_system_prompt?: string;
  /** {mcpServers: {name: {command, args, env} or {type, url, headers}}} */
  mcp_config?: { mcpServers?: Record<string, Record<string, unknown>> };
  /** limit of agent turns for each prompt, 1 or more */
  max_turns?: number;
  /** limit of the session's cost in US dollars, more than 0 */
  max_budget_usd?: number;
  /** labels */
  tags?: string[];
  /** questions that the daemon answers itself; the first that matches counts */
  rules?: Rule[];
  /** milliseconds after which permission_mode falls back to default; 1 or more */
  permission_mode_timeout_ms?: number;
  /** stay alive between turns and wait for messages; default false */
  interactive?: boolean;
  /** nobody will answer: ask nothing, let Claude Code refuse; default false */
  unattended?: boolean;
  /** have Claude Code print deltas, for subscribers with include_partial; default false */
  include_partial_messages?: boolean;
  /** the child's whole environment; absent: the daemon's own. Never stored in the database, never answered */
  env?: Record<string, string>;
  /** a second call with the same key and params answers what the first did */
  idempotency_key?: string;
}

/** Answer of `continueSession`: the new session, which starts by itself. */
export interface ContinueSessionResult {
  /** the new session */
  session_id: string;
  /** its run id */
  run_id: string;
  /** the message that carries the first prompt */
  message_id: string;
  /** the session that is continued */
  parent_session_id?: string;
  /** queued or starting */
  status: Status;
}

/** Params of `listSessions`. */
export interface ListSessionsParams {
  /** any of these */
  status?: Status[];
  /** exactly this directory */
  working_dir?: string;
  /** children of this session */
  parent_session_id?: string;
  /** has this tag */
  tag?: string;
  /** the archived ones instead of the others */
  archived?: boolean;
  /** only sessions that nothing continues */
  leaves_only?: boolean;
  /** is in the title or the query, in any case */
  text?: string;
  /** 1 to 500; default 50 */
  limit?: number;
  /** next_cursor of the page before */
  cursor?: string;
}

/** Answer of `listSessions`: a page of sessions. */
export interface ListSessionsResult {
  /** newest activity first */
  sessions: Session[];
  /** absent on the last page */
  next_cursor?: string;
}

/** Params of `getSessionState`. */
export interface GetSessionStateParams {
  /** UUID of the session */
  session_id: string;
}

/** Answer of `getSessionState`: the session. */
export interface GetSessionStateResult {
  /** the session as it is now */
  session: Session;
}

/** Params of `getConversation`. */
export interface GetConversationParams {
  /** UUID of the session */
  session_id: string;
  /** only events after this one; default 0 */
  after_seq?: number;
  /** 1 to 10,000; default 1,000 */
  limit?: number;
  /** begin with what this session continues; default true */
  include_ancestors?: boolean;
  /** add each line as Claude Code printed it */
  include_raw?: boolean;
}

/** Answer of `getConversation`: a page of the conversation. */
export interface GetConversationResult {
  /** after_seq of the next page; null at the end */
  next_after_seq: number | null;
  /** the newest seq of the whole log */
  head_seq: number;
  /** in the order of seq */
  events: ConversationEvent[];
}

/** Params of `searchConversations`. */
export interface SearchConversationsParams {
  /** words, all of which an event has: "a phrase", the begin of a word*, -without, one OR another */
  query: string;
  /** only events of this session; not of those that it continues */
  session_id?: string;
  /** only sessions in this directory or below it; an absolute path */
  working_dir?: string;
  /** only sessions that have this tag */
  tag?: string;
  /** true: only archived sessions, false: only the others; default both */
  archived?: boolean;
  /** only what was recorded at this time or later */
  after?: Time;
  /** only what was recorded before this time */
  before?: Time;
  /** only what user, assistant, tool or system said */
  role?: Role;
  /** only calls of this tool, and their results */
  tool_name?: string;
  /** rank (default: the best first, among equals the newest) or newest */
  order?: SearchOrder;
  /** 1 to 100; default 20 */
  limit?: number;
  /** next_cursor of the page before, with the same params */
  cursor?: string;
}

/** Answer of `searchConversations`: a page of what is found. */
export interface SearchConversationsResult {
  /** in the order that was asked for; fewer than the limit, even none, where next_cursor says that there may be more */
  matches: SearchMatch[];
  /** cursor of the next page; absent at the end */
  next_cursor?: string;
  /** how many events match among those that were looked at */
  total: number;
  /** older events were not looked at yet, because enough were found or the time was over: total is of the newer ones, and next_cursor comes to the others */
  partial?: boolean;
  /** events up to this seq can be found; behind head_seq where the index is being built, or is a moment late */
  indexed_seq: number;
  /** the newest seq of the whole log */
  head_seq: number;
}

/** Params of `updateSession`. */
export interface UpdateSessionParams {
  /** UUID of the session */
  session_id: string;
  /** new title */
  title?: string;
  /** hide from lists, or show again */
  archived?: boolean;
  /** all tags from now on */
  tags?: string[];
  /** switch the live process to this model */
  model?: string;
  /** switch the live process to this mode */
  permission_mode?: string;
  /** with permission_mode: milliseconds after which it falls back to default; 1 or more */
  permission_mode_timeout_ms?: number;
  /** all rules from now on */
  rules?: Rule[];
}

/** Answer of `updateSession`: the session, changed. */
export interface UpdateSessionResult {
  /** the session as it is now */
  session: Session;
}

/** Params of `archiveSessions`. */
export interface ArchiveSessionsParams {
  /** the sessions */
  session_ids: string[];
  /** true hides them from lists, false shows them again */
  archived: boolean;
}

/** Answer of `archiveSessions`: what became of each session. */
export interface ArchiveSessionsResult {
  /** those that are as asked now */
  archived: string[];
  /** the others */
  failed: ArchiveFailure[];
}

/** Params of `deleteSession`. */
export interface DeleteSessionParams {
  /** UUID of the session */
  session_id: string;
}

/** Answer of `deleteSession`: that it is deleted. */
export interface DeleteSessionResult {
  /** always true; what cannot be deleted is an error */
  deleted: boolean;
}

/** Params of `pruneSessions`. */
export interface PruneSessionsParams {
  /** prune final sessions in which nothing has happened since then, nor in one that continues them */
  before: Time;
  /** only those that have this tag */
  tag?: string;
  /** absolute path of the directory for the archives; default: the daemon's setting */
  archive_dir?: string;
  /** change nothing, only say what would go; default false */
  dry_run?: boolean;
  /** 1 to 500; default 50 */
  limit?: number;
  /** next_cursor of the page before */
  cursor?: string;
}

/** Answer of `pruneSessions`: what this page of the work came to. */
export interface PruneSessionsResult {
  /** the sessions that are gone, or with dry_run would go */
  pruned: PrunedSession[];
  /** those that stay because they could not be archived or deleted */
  failed: PruneFailure[];
  /** how many are still to come, behind this page */
  remaining: number;
  /** how many are old enough and stay because a session that stays continues them */
  held: number;
  /** cursor of the next page; absent at the end */
  next_cursor?: string;
}

/** Params of `importTranscripts`. */
export interface ImportTranscriptsParams {
  /** absolute paths: directories of Claude Code's projects, of one project, or transcripts */
  paths: string[];
  /** leave out files that have not changed since then */
  since?: Time;
  /** also conversations whose session was deleted; default false */
  again?: boolean;
  /** change nothing, only say what would be imported; default false */
  dry_run?: boolean;
  /** next_cursor of the page before */
  cursor?: string;
}

/** Answer of `importTranscripts`: what this page of the work came to. */
export interface ImportTranscriptsResult {
  /** the files that are done with, in the order of their paths */
  transcripts: ({ path: string; claude_session_id?: string; session_id?: string; outcome: ImportOutcome; reason?: ImportReason; message?: string; title?: string; lines: number })[];
  /** how many files there are */
  files: number;
  /** how many of them are done with, on this page and those before */
  files_done: number;
  /** the size of all files */
  bytes: number;
  /** how much of it is done with */
  bytes_done: number;
  /** cursor of the next page; absent at the end */
  next_cursor?: string;
}

/** Params of `listObservations`. */
export interface ListObservationsParams {
  /** only this session */
  session_id?: string;
  /** only this tool; * stands for any text */
  tool_name?: string;
  /** only those that were called then or later */
  since?: Time;
  /** only those that were called before */
  until?: Time;
  /** only those behind what the newest summary of their session covers */
  unprocessed?: boolean;
  /** only those after this seq; default 0 */
  after_seq?: number;
  /** 1 to 1,000; default 100 */
  limit?: number;
}

/** Answer of `listObservations`: a page of observations. */
export interface ListObservationsResult {
  /** in the order of seq; a page may be short, or empty, without being the last */
  observations: ({ seq: number; session_id: string; claude_session_id?: string; tool_id?: string; tool_name: string; tool_input?: unknown; working_dir: string; prompt_number: number; parent_tool_use_id?: string; created_at: Time; response_seq?: number; response?: string; is_error?: boolean; responded_at?: Time })[];
  /** after_seq of the next page; null at the end */
  next_after_seq: number | null;
  /** the newest seq of the whole log */
  head_seq: number;
}

/** Params of `interruptSession`. */
export interface InterruptSessionParams {
  /** UUID of the session */
  session_id: string;
  /** what becomes of queued messages: keep (default) or cancel */
  queued?: QueuedAfter;
}

/** Answer of `interruptSession`: the status right after the call; events tell when the turn has ended. */
export interface InterruptSessionResult {
  /** UUID of the session */
  session_id: string;
  /** status right after the call */
  status: Status;
  /** ids of the messages that still wait, in their order */
  queued_messages: string[];
}

/** Params of `endSession`. */
export interface EndSessionParams {
  /** UUID of the session */
  session_id: string;
  /** kill at once instead of asking first */
  force?: boolean;
}

/** Answer of `endSession`: the status right after the call; events tell when the session is final. */
export interface EndSessionResult {
  /** UUID of the session */
  session_id: string;
  /** status right after the call */
  status: Status;
}

/** Params of `sendMessage`. */
export interface SendMessageParams {
  /** UUID of the session */
  session_id: string;
  /** a text, or content blocks */
  content: Content;
  /** UUID chosen by the caller; a second call with it changes nothing */
  message_id?: string;
  /** queue (default) or now */
  delivery?: Delivery;
}

/** Answer of `sendMessage`: the message. */
export interface SendMessageResult {
  /** the message as it is now */
  message: Message;
}

/** Params of `listMessages`. */
export interface ListMessagesParams {
  /** UUID of the session */
  session_id: string;
  /** any of these; default all */
  state?: MessageState[];
  /** next_position of the page before; default 0 */
  from_position?: number;
}

/** Answer of `listMessages`: a page of messages. */
export interface ListMessagesResult {
  /** by position */
  messages: Message[];
  /** from_position of the next page; absent on the last page */
  next_position?: number;
}

/** Params of `cancelMessage`. */
export interface CancelMessageParams {
  /** UUID of the message */
  message_id: string;
}

/** Answer of `cancelMessage`: the message, cancelled. */
export interface CancelMessageResult {
  /** the message as it is now */
  message: Message;
}

/** Params of `fetchApprovals`. */
export interface FetchApprovalsParams {
  /** only this session's */
  session_id?: string;
  /** any of these; default pending */
  status?: ApprovalStatus[];
}

/** Answer of `fetchApprovals`: the approvals. */
export interface FetchApprovalsResult {
  /** oldest first */
  approvals: Approval[];
}

/** Params of `getApproval`. */
export interface GetApprovalParams {
  /** UUID of the approval */
  approval_id: string;
}

/** Answer of `getApproval`: the approval. */
export interface GetApprovalResult {
  /** the approval as it is now */
  approval: Approval;
}

/** Params of `sendDecision`. */
export interface SendDecisionParams {
  /** UUID of the approval */
  approval_id: string;
  /** approve or deny */
  decision: Decision;
  /** why; needed to deny, Claude Code reads it */
  comment?: string;
  /** with approve: the whole input to run instead */
  updated_input?: Record<string, unknown>;
  /** with approve: indexes into suggestions that shall hold from now on */
  remember?: number[];
}

/** Answer of `sendDecision`: the approval, resolved. */
export interface SendDecisionResult {
  /** the approval as it is now */
  approval: Approval;
}

/** Params of `summarizeSession`. */
export interface SummarizeSessionParams {
  /** UUID of the session */
  session_id: string;
}

/** Answer of `summarizeSession`: the job, whose end events tell, and the newest summary so far. */
export interface SummarizeSessionResult {
  /** the job that makes the summary; absent if there is nothing new to be read */
  job?: Job;
  /** the newest summary so far; absent if there is none */
  summary?: Summary;
}

/** Params of `getSummary`. */
export interface GetSummaryParams {
  /** UUID of the session */
  session_id: string;
  /** the newest summary that ends before this seq, such as the from_seq of another; default the newest */
  before_seq?: number;
}

/** Answer of `getSummary`: the summary, if there is one. */
export interface GetSummaryResult {
  /** absent if there is none */
  summary?: Summary;
}

/** Params of `listJobs`. */
export interface ListJobsParams {
  /** any of these; default all */
  state?: JobState[];
  /** any of these; default all */
  kind?: JobKind[];
  /** only this session's */
  session_id?: string;
  /** 1 to 500; default 50 */
  limit?: number;
  /** next_cursor of the page before */
  cursor?: string;
}

/** Answer of `listJobs`: a page of jobs. */
export interface ListJobsResult {
  /** newest first */
  jobs: Job[];
  /** absent on the last page */
  next_cursor?: string;
}

/** Params of `retryJob`. */
export interface RetryJobParams {
  /** UUID of the job */
  job_id: string;
}

/** Answer of `retryJob`: the job, queued. */
export interface RetryJobResult {
  /** the job as it is now */
  job: Job;
}

/** Params of `cancelJob`. */
export interface CancelJobParams {
  /** UUID of the job */
  job_id: string;
}

/** Answer of `cancelJob`: the job, cancelled. */
export interface CancelJobResult {
  /** the job as it is now */
  job: Job;
}

/** Params of `getUsage`. */
export interface GetUsageParams {
  /** what groups tell: session, directory or day; default: there are no groups */
  by?: UsageBy;
  /** with by session: only this one */
  session_id?: string;
  /** 1 to 500; default 50 */
  limit?: number;
  /** next_cursor of the page before */
  cursor?: string;
}

/** Answer of `getUsage`: what was used, and what the daemon is at. */
export interface GetUsageResult {
  /** by all sessions, those that were deleted too */
  total: { cost_usd: number; input_tokens: number; output_tokens: number; cache_creation_input_tokens: number; cache_read_input_tokens: number };
  /** by summaries, beside the total */
  summaries: { cost_usd: number; input_tokens: number; output_tokens: number; cache_creation_input_tokens: number; cache_read_input_tokens: number };
  /** sessions that are not final */
  active_sessions: number;
  /** the queue of jobs */
  queue: JobsHealth;
  /** whether a turn or a job is under way at this moment */
  processing: boolean;
  /** sessions and directories, those that have cost most first; or days, the newest first */
  groups: UsageGroup[];
  /** cursor of the next page; absent at the end */
  next_cursor?: string;
}

/** Params of `backup`. */
export interface BackupParams {
  /** absolute path of a file that does not exist yet */
  path: string;
}

/** Answer of `backup`: what the copy holds. */
export interface BackupResult {
  /** where it is */
  path: string;
  /** its size */
  bytes: number;
  /** every event up to this seq is in it */
  head_seq: number;
}

/** Answer of `rpc.discover`: an OpenRPC document. */
export type DiscoverResult = Record<string, unknown>;

/** Params of `subscribe`. */
export interface EventFilter {
  /** everything after this seq, then live; absent: from now */
  after_seq?: number;
  /** only these types; default all */
  event_types?: EventType[];
  /** only this session */
  session_id?: string;
  /** only the session with this run id */
  run_id?: string;
  /** also partial_message events */
  include_partial?: boolean;
}

/** What every event has. */
export interface EventHeader {
  /** The session it happened in. */
  session_id: string;
  /** That session's run id. */
  run_id: string;
  /** When the daemon recorded it. */
  timestamp: Time;
}

/** A session was launched. */
export interface SessionCreatedEvent extends EventHeader {
  type: 'session_created';
  /** Place in the log: the cursor behind it. */
  seq: number;
  data: Session;
}

/** Something about a session changed that is not its status. */
export interface SessionUpdatedEvent extends EventHeader {
  type: 'session_updated';
  /** Place in the log: the cursor behind it. */
  seq: number;
  data: Session;
}

/** A session's status changed. */
export interface SessionStatusChangedEvent extends EventHeader {
  type: 'session_status_changed';
  /** Place in the log: the cursor behind it. */
  seq: number;
  data: StatusChange;
}

/** A step was added to a conversation. */
export interface ConversationUpdatedEvent extends EventHeader {
  type: 'conversation_updated';
  /** Place in the log: the cursor behind it. */
  seq: number;
  data: ConversationEvent;
}

/** Claude Code asks something. */
export interface NewApprovalEvent extends EventHeader {
  type: 'new_approval';
  /** Place in the log: the cursor behind it. */
  seq: number;
  data: Approval;
}

/** A question was answered, or became void. */
export interface ApprovalResolvedEvent extends EventHeader {
  type: 'approval_resolved';
  /** Place in the log: the cursor behind it. */
  seq: number;
  data: Approval;
}

/** A message was taken, or its state changed. */
export interface MessageUpdatedEvent extends EventHeader {
  type: 'message_updated';
  /** Place in the log: the cursor behind it. */
  seq: number;
  data: Message;
}

/** A session has a new summary. */
export interface SessionSummarizedEvent extends EventHeader {
  type: 'session_summarized';
  /** Place in the log: the cursor behind it. */
  seq: number;
  data: Summary;
}

/** A job was queued, or its state changed. */
export interface JobUpdatedEvent extends EventHeader {
  type: 'job_updated';
  /** Place in the log: the cursor behind it. */
  seq: number;
  data: Job;
}

/** A session was deleted, and its events with it. */
export interface SessionDeletedEvent extends EventHeader {
  type: 'session_deleted';
  /** Place in the log: the cursor behind it. */
  seq: number;
  data: SessionDeletion;
}

/** Claude Code printed a delta; only with include_partial, and never stored. */
export interface PartialMessageEvent extends EventHeader {
  type: 'partial_message';
  /** Deltas are not in the log. */
  seq?: undefined;
  data: unknown;
  /** How many were left out before it, for a slow reader. */
  dropped?: number;
}

/** Any event; its `type` tells which. A later daemon may send types that are not here: ignore them. */
export type SessiondEvent =
  | SessionCreatedEvent
  | SessionUpdatedEvent
  | SessionStatusChangedEvent
  | ConversationUpdatedEvent
  | NewApprovalEvent
  | ApprovalResolvedEvent
  | MessageUpdatedEvent
  | SessionSummarizedEvent
  | JobUpdatedEvent
  | SessionDeletedEvent
  | PartialMessageEvent;

/** What `data` of an error holds, by its reason. */
export interface ErrorData {
  /** -32700: The line is not UTF-8 JSON, or too long; the connection is closed. */
  parse_error: {
    /** the word of this error */
    reason: 'parse_error';
  };
  /** -32600: The line is JSON, but not a request. */
  invalid_request: {
    /** the word of this error */
    reason: 'invalid_request';
  };
  /** -32601: There is no such method. */
  method_not_found: {
    /** the word of this error */
    reason: 'method_not_found';
    /** the name that was called */
    method: string;
  };
  /** -32602: A param is unknown, missing, or wrong. */
  invalid_params: {
    /** the word of this error */
    reason: 'invalid_params';
    /** the param that is wrong */
    field: string;
    /** with a query: the character that is wrong, from 1 */
    at?: number;
  };
  /** -32603: The daemon's fault; its log has the details. */
  internal_error: {
    /** the word of this error */
    reason: 'internal_error';
    /** what to do, where one record of the database is damaged, which the message names */
    hint?: string;
  };
  /** -32001: No session has this id. */
  session_not_found: {
    /** the word of this error */
    reason: 'session_not_found';
    /** the id that was given */
    id: string;
  };
  /** -32001: No approval has this id. */
  approval_not_found: {
    /** the word of this error */
    reason: 'approval_not_found';
    /** the id that was given */
    id: string;
  };
  /** -32001: No message has this id. */
  message_not_found: {
    /** the word of this error */
    reason: 'message_not_found';
    /** the id that was given */
    id: string;
  };
  /** -32001: This connection has no subscription with this id. */
  subscription_not_found: {
    /** the word of this error */
    reason: 'subscription_not_found';
    /** the id that was given */
    id: string;
  };
  /** -32001: No job has this id. */
  job_not_found: {
    /** the word of this error */
    reason: 'job_not_found';
    /** the id that was given */
    id: string;
  };
  /** -32002: The call does not fit the session's status, or the job's state. */
  invalid_state: {
    /** the word of this error */
    reason: 'invalid_state';
    /** the session's status */
    status?: Status;
    /** what would fit */
    hint: string;
    /** the session to turn to, where it is another */
    session_id?: string;
    /** of cancelMessage: the message's state */
    message_state?: MessageState;
    /** of retryJob and cancelJob: the job's state */
    job_state?: JobState;
  };
  /** -32003: Events after the cursor are gone, or the cursor is ahead of the log. */
  cursor_expired: {
    /** the word of this error */
    reason: 'cursor_expired';
    /** from here on the log is whole */
    oldest_seq: number;
  };
  /** -32004: A configured limit is reached. */
  limit_exceeded: {
    /** the word of this error */
    reason: 'limit_exceeded';
    /** its value */
    limit: number;
    /** its name, where the daemon's configuration sets it */
    setting?: string;
    /** how to raise it */
    hint?: string;
  };
  /** -32005: The approval has been answered. */
  already_resolved: {
    /** the word of this error */
    reason: 'already_resolved';
    /** how, when and by whom it was answered */
    approval: Approval;
  };
  /** -32006: There is no usable `claude`. */
  claude_unavailable: {
    /** the word of this error */
    reason: 'claude_unavailable';
    /** how to get it */
    hint: string;
  };
  /** -32007: An idempotency key or a message id came again with other params. */
  conflict: {
    /** the word of this error */
    reason: 'conflict';
    /** the session that has the idempotency key */
    session_id?: string;
    /** the message that has the id */
    message_id?: string;
  };
  /** -32008: The daemon is stopping; ask its successor. */
  shutting_down: {
    /** the word of this error */
    reason: 'shutting_down';
  };
  /** -32009: There is no index of texts: the daemon was built without, or it is being made anew. */
  search_unavailable: {
    /** the word of this error */
    reason: 'search_unavailable';
    /** what to do */
    hint: string;
  };
}

/** The code of each reason. */
export const codes: Readonly<Record<Reason, number>> = {
  parse_error: -32700,
  invalid_request: -32600,
  method_not_found: -32601,
  invalid_params: -32602,
  internal_error: -32603,
  session_not_found: -32001,
  approval_not_found: -32001,
  message_not_found: -32001,
  subscription_not_found: -32001,
  job_not_found: -32001,
  invalid_state: -32002,
  cursor_expired: -32003,
  limit_exceeded: -32004,
  already_resolved: -32005,
  claude_unavailable: -32006,
  conflict: -32007,
  shutting_down: -32008,
  search_unavailable: -32009,
};
