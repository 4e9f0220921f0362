// Generated from the OpenRPC document by internal/clientgen: `make generate` renews it.

import type * as t from './types.gen.js';

/** How a call is made. */
export interface CallOptions {
  /** Gives the call up: it then fails with the signal's reason. The daemon may have carried it out. */
  signal?: AbortSignal;
}

/** Every method's params and result. */
export interface MethodTypes {
  health: { params: undefined; result: t.HealthResult };
  launchSession: { params: t.LaunchSessionParams; result: t.LaunchSessionResult };
  continueSession: { params: t.ContinueSessionParams; result: t.ContinueSessionResult };
  listSessions: { params: t.ListSessionsParams; result: t.ListSessionsResult };
  getSessionState: { params: t.GetSessionStateParams; result: t.GetSessionStateResult };
  getConversation: { params: t.GetConversationParams; result: t.GetConversationResult };
  searchConversations: { params: t.SearchConversationsParams; result: t.SearchConversationsResult };
  updateSession: { params: t.UpdateSessionParams; result: t.UpdateSessionResult };
  archiveSessions: { params: t.ArchiveSessionsParams; result: t.ArchiveSessionsResult };
  deleteSession: { params: t.DeleteSessionParams; result: t.DeleteSessionResult };
  pruneSessions: { params: t.PruneSessionsParams; result: t.PruneSessionsResult };
  importTranscripts: { params: t.ImportTranscriptsParams; result: t.ImportTranscriptsResult };
  listObservations: { params: t.ListObservationsParams; result: t.ListObservationsResult };
  interruptSession: { params: t.InterruptSessionParams; result: t.InterruptSessionResult };
  endSession: { params: t.EndSessionParams; result: t.EndSessionResult };
  sendMessage: { params: t.SendMessageParams; result: t.SendMessageResult };
  listMessages: { params: t.ListMessagesParams; result: t.ListMessagesResult };
  cancelMessage: { params: t.CancelMessageParams; result: t.CancelMessageResult };
  fetchApprovals: { params: t.FetchApprovalsParams; result: t.FetchApprovalsResult };
  getApproval: { params: t.GetApprovalParams; result: t.GetApprovalResult };
  sendDecision: { params: t.SendDecisionParams; result: t.SendDecisionResult };
  summarizeSession: { params: t.SummarizeSessionParams; result: t.SummarizeSessionResult };
  getSummary: { params: t.GetSummaryParams; result: t.GetSummaryResult };
  listJobs: { params: t.ListJobsParams; result: t.ListJobsResult };
  retryJob: { params: t.RetryJobParams; result: t.RetryJobResult };
  cancelJob: { params: t.CancelJobParams; result: t.CancelJobResult };
  getUsage: { params: t.GetUsageParams; result: t.GetUsageResult };
  backup: { params: t.BackupParams; result: t.BackupResult };
  'rpc.discover': { params: undefined; result: t.DiscoverResult };
}

/** One method for each of the protocol's, but for subscriptions: those are `events`. */
export abstract class Methods {
  /** Calls a method by its name. */
  abstract call<M extends keyof MethodTypes>(method: M, params?: MethodTypes[M]['params'], options?: CallOptions): Promise<MethodTypes[M]['result']>;

  /**
   * How the daemon is, which claude it would start, and how far the log reaches.
   *
   * @returns how the daemon is
   * @throws SessiondError: invalid_params, internal_error, shutting_down
   */
  health(options?: CallOptions): Promise<t.HealthResult> {
    return this.call('health', undefined, options);
  }

  /**
   * Starts Claude Code on a first prompt; a new session.
   *
   * @returns the new session, which starts by itself
   * @throws SessiondError: limit_exceeded, claude_unavailable, conflict, invalid_params, internal_error, shutting_down
   */
  launchSession(params: t.LaunchSessionParams, options?: CallOptions): Promise<t.LaunchSessionResult> {
    return this.call('launchSession', params, options);
  }

  /**
   * Goes on from where a session's conversation is, or from a point of it, in a new session.
   *
   * @returns the new session, which starts by itself
   * @throws SessiondError: session_not_found, invalid_state, limit_exceeded, claude_unavailable, conflict, invalid_params, internal_error, shutting_down
   */
  continueSession(params: t.ContinueSessionParams, options?: CallOptions): Promise<t.ContinueSessionResult> {
    return this.call('continueSession', params, options);
  }

  /**
   * Sessions, those with the newest activity first, a page at a time.
   *
   * @returns a page of sessions
   * @throws SessiondError: invalid_params, internal_error, shutting_down
   */
  listSessions(params: t.ListSessionsParams = {}, options?: CallOptions): Promise<t.ListSessionsResult> {
    return this.call('listSessions', params, options);
  }

  /**
   * One session as it is now.
   *
   * @returns the session
   * @throws SessiondError: session_not_found, invalid_params, internal_error, shutting_down
   */
  getSessionState(params: t.GetSessionStateParams, options?: CallOptions): Promise<t.GetSessionStateResult> {
    return this.call('getSessionState', params, options);
  }

  /**
   * What was said and done in a session, and in those that it continues, a page at a time.
   *
   * @returns a page of the conversation
   * @throws SessiondError: session_not_found, invalid_params, internal_error, shutting_down
   */
  getConversation(params: t.GetConversationParams, options?: CallOptions): Promise<t.GetConversationResult> {
    return this.call('getConversation', params, options);
  }

  /**
   * Events of all conversations in which words are, the best first, a page at a time.
   *
   * @returns a page of what is found
   * @throws SessiondError: search_unavailable, invalid_params, internal_error, shutting_down
   */
  searchConversations(params: t.SearchConversationsParams, options?: CallOptions): Promise<t.SearchConversationsResult> {
    return this.call('searchConversations', params, options);
  }

  /**
   * Changes a session's title, tags or archived mark; model and permission mode of a live one.
   *
   * @returns the session, changed
   * @throws SessiondError: session_not_found, invalid_state, invalid_params, internal_error, shutting_down
   */
  updateSession(params: t.UpdateSessionParams, options?: CallOptions): Promise<t.UpdateSessionResult> {
    return this.call('updateSession', params, options);
  }

  /**
   * Hides sessions from lists, or shows them again.
   *
   * @returns what became of each session
   * @throws SessiondError: invalid_params, internal_error, shutting_down
   */
  archiveSessions(params: t.ArchiveSessionsParams, options?: CallOptions): Promise<t.ArchiveSessionsResult> {
    return this.call('archiveSessions', params, options);
  }

  /**
   * Deletes a final session, and its events with it.
   *
   * @returns that it is deleted
   * @throws SessiondError: session_not_found, invalid_state, invalid_params, internal_error, shutting_down
   */
  deleteSession(params: t.DeleteSessionParams, options?: CallOptions): Promise<t.DeleteSessionResult> {
    return this.call('deleteSession', params, options);
  }

  /**
   * Archives sessions that ended long ago, each to a file of its own, and deletes them, a page at a time.
   *
   * @returns what this page of the work came to
   * @throws SessiondError: invalid_params, internal_error, shutting_down
   */
  pruneSessions(params: t.PruneSessionsParams, options?: CallOptions): Promise<t.PruneSessionsResult> {
    return this.call('pruneSessions', params, options);
  }

  /**
   * Takes in conversations that Claude Code itself has kept, as sessions, and what was added to them since, a page at a time.
   *
   * @returns what this page of the work came to
   * @throws SessiondError: invalid_params, internal_error, shutting_down
   */
  importTranscripts(params: t.ImportTranscriptsParams, options?: CallOptions): Promise<t.ImportTranscriptsResult> {
    return this.call('importTranscripts', params, options);
  }

  /**
   * The uses of tools in all sessions, wherever they run, in the order of the log, a page at a time.
   *
   * @returns a page of observations
   * @throws SessiondError: session_not_found, invalid_params, internal_error, shutting_down
   */
  listObservations(params: t.ListObservationsParams = {}, options?: CallOptions): Promise<t.ListObservationsResult> {
    return this.call('listObservations', params, options);
  }

  /**
   * Ends the turn, not the session: unless there is nothing left for it to do.
   *
   * @returns the status right after the call; events tell when the turn has ended
   * @throws SessiondError: session_not_found, invalid_state, invalid_params, internal_error, shutting_down
   */
  interruptSession(params: t.InterruptSessionParams, options?: CallOptions): Promise<t.InterruptSessionResult> {
    return this.call('interruptSession', params, options);
  }

  /**
   * Ends a session's process, gently at first.
   *
   * @returns the status right after the call; events tell when the session is final
   * @throws SessiondError: session_not_found, invalid_state, invalid_params, internal_error, shutting_down
   */
  endSession(params: t.EndSessionParams, options?: CallOptions): Promise<t.EndSessionResult> {
    return this.call('endSession', params, options);
  }

  /**
   * Says something more to a live session.
   *
   * @returns the message
   * @throws SessiondError: session_not_found, invalid_state, limit_exceeded, conflict, invalid_params, internal_error, shutting_down
   */
  sendMessage(params: t.SendMessageParams, options?: CallOptions): Promise<t.SendMessageResult> {
    return this.call('sendMessage', params, options);
  }

  /**
   * The messages of a session, in their order, a page at a time.
   *
   * @returns a page of messages
   * @throws SessiondError: session_not_found, invalid_params, internal_error, shutting_down
   */
  listMessages(params: t.ListMessagesParams, options?: CallOptions): Promise<t.ListMessagesResult> {
    return this.call('listMessages', params, options);
  }

  /**
   * Withdraws a message that has not started.
   *
   * @returns the message, cancelled
   * @throws SessiondError: message_not_found, invalid_state, invalid_params, internal_error, shutting_down
   */
  cancelMessage(params: t.CancelMessageParams, options?: CallOptions): Promise<t.CancelMessageResult> {
    return this.call('cancelMessage', params, options);
  }

  /**
   * Claude Code's questions, oldest first.
   *
   * @returns the approvals
   * @throws SessiondError: session_not_found, invalid_params, internal_error, shutting_down
   */
  fetchApprovals(params: t.FetchApprovalsParams = {}, options?: CallOptions): Promise<t.FetchApprovalsResult> {
    return this.call('fetchApprovals', params, options);
  }

  /**
   * One of Claude Code's questions.
   *
   * @returns the approval
   * @throws SessiondError: approval_not_found, invalid_params, internal_error, shutting_down
   */
  getApproval(params: t.GetApprovalParams, options?: CallOptions): Promise<t.GetApprovalResult> {
    return this.call('getApproval', params, options);
  }

  /**
   * Answers one of Claude Code's questions; the first answer wins.
   *
   * @returns the approval, resolved
   * @throws SessiondError: approval_not_found, already_resolved, invalid_state, limit_exceeded, invalid_params, internal_error, shutting_down
   */
  sendDecision(params: t.SendDecisionParams, options?: CallOptions): Promise<t.SendDecisionResult> {
    return this.call('sendDecision', params, options);
  }

  /**
   * Queues a summary of what is new in a session; asked again, it is the same job.
   *
   * @returns the job, whose end events tell, and the newest summary so far
   * @throws SessiondError: session_not_found, invalid_params, internal_error, shutting_down
   */
  summarizeSession(params: t.SummarizeSessionParams, options?: CallOptions): Promise<t.SummarizeSessionResult> {
    return this.call('summarizeSession', params, options);
  }

  /**
   * What a session was about, in short: its newest summary, or one before it.
   *
   * @returns the summary, if there is one
   * @throws SessiondError: session_not_found, invalid_params, internal_error, shutting_down
   */
  getSummary(params: t.GetSummaryParams, options?: CallOptions): Promise<t.GetSummaryResult> {
    return this.call('getSummary', params, options);
  }

  /**
   * The work that the daemon does by itself, the newest first, a page at a time.
   *
   * @returns a page of jobs
   * @throws SessiondError: session_not_found, invalid_params, internal_error, shutting_down
   */
  listJobs(params: t.ListJobsParams = {}, options?: CallOptions): Promise<t.ListJobsResult> {
    return this.call('listJobs', params, options);
  }

  /**
   * Queues a job again that is dead or was cancelled; has one that waits begun as soon as may be.
   *
   * @returns the job, queued
   * @throws SessiondError: job_not_found, invalid_state, invalid_params, internal_error, shutting_down
   */
  retryJob(params: t.RetryJobParams, options?: CallOptions): Promise<t.RetryJobResult> {
    return this.call('retryJob', params, options);
  }

  /**
   * Takes a job out of the queue, and breaks it off if it is at work; puts a dead one away.
   *
   * @returns the job, cancelled
   * @throws SessiondError: job_not_found, invalid_state, invalid_params, internal_error, shutting_down
   */
  cancelJob(params: t.CancelJobParams, options?: CallOptions): Promise<t.CancelJobResult> {
    return this.call('cancelJob', params, options);
  }

  /**
   * What was used, in tokens and US dollars: in all, and by session, directory or day, a page at a time.
   *
   * @returns what was used, and what the daemon is at
   * @throws SessiondError: session_not_found, invalid_params, internal_error, shutting_down
   */
  getUsage(params: t.GetUsageParams = {}, options?: CallOptions): Promise<t.GetUsageResult> {
    return this.call('getUsage', params, options);
  }

  /**
   * Copies the database to a file, whole and checked, while everything goes on.
   *
   * @returns what the copy holds
   * @throws SessiondError: invalid_params, internal_error, shutting_down
   */
  backup(params: t.BackupParams, options?: CallOptions): Promise<t.BackupResult> {
    return this.call('backup', params, options);
  }

  /**
   * The OpenRPC document of this protocol.
   *
   * @returns an OpenRPC document
   * @throws SessiondError: invalid_params, internal_error, shutting_down
   */
  discover(options?: CallOptions): Promise<t.DiscoverResult> {
    return this.call('rpc.discover', undefined, options);
  }
}
