package client

import (
	"context"
	"encoding/json"

	"github.com/sessiond/sessiond/rpc/api"
)

// call is Call with a result of its own.
func call[R any](ctx context.Context, c *Client, method string, params any) (R, error) {
	var result R
	err := c.Call(ctx, method, params, &result)
	return result, err
}

// Health says how the daemon is.
func (c *Client) Health(ctx context.Context) (api.Health, error) {
	return call[api.Health](ctx, c, "health", nil)
}

// Discover returns the daemon's OpenRPC document.
func (c *Client) Discover(ctx context.Context) (json.RawMessage, error) {
	return call[json.RawMessage](ctx, c, "rpc.discover", nil)
}

// LaunchSession starts a session, or queues it, and returns before it runs.
func (c *Client) LaunchSession(ctx context.Context, p api.LaunchSessionParams) (api.LaunchSessionResult, error) {
	return call[api.LaunchSessionResult](ctx, c, "launchSession", p)
}

// ContinueSession starts a child of a session, which goes on from its conversation or from a fork of it.
func (c *Client) ContinueSession(ctx context.Context, p api.ContinueSessionParams) (api.LaunchSessionResult, error) {
	return call[api.LaunchSessionResult](ctx, c, "continueSession", p)
}

// ListSessions returns one page of sessions, newest activity first.
func (c *Client) ListSessions(ctx context.Context, p api.ListSessionsParams) (api.ListSessionsResult, error) {
	return call[api.ListSessionsResult](ctx, c, "listSessions", p)
}

// GetSessionState returns a session as it is now.
func (c *Client) GetSessionState(ctx context.Context, p api.SessionParams) (api.SessionResult, error) {
	return call[api.SessionResult](ctx, c, "getSessionState", p)
}

// GetConversation returns one page of a conversation, in the order of seq.
func (c *Client) GetConversation(ctx context.Context, p api.GetConversationParams) (api.GetConversationResult, error) {
	return call[api.GetConversationResult](ctx, c, "getConversation", p)
}

// UpdateSession changes title, tags, model, mode, or whether a session is archived.
func (c *Client) UpdateSession(ctx context.Context, p api.UpdateSessionParams) (api.SessionResult, error) {
	return call[api.SessionResult](ctx, c, "updateSession", p)
}

// ArchiveSessions hides sessions from lists, or shows them again.
func (c *Client) ArchiveSessions(ctx context.Context, p api.ArchiveSessionsParams) (api.ArchiveSessionsResult, error) {
	return call[api.ArchiveSessionsResult](ctx, c, "archiveSessions", p)
}

// DeleteSession deletes a final session and its events.
func (c *Client) DeleteSession(ctx context.Context, p api.SessionParams) (api.DeleteSessionResult, error) {
	return call[api.DeleteSessionResult](ctx, c, "deleteSession", p)
}

// PruneSessions archives and deletes one page of the sessions that ended long ago.
func (c *Client) PruneSessions(ctx context.Context, p api.PruneSessionsParams) (api.PruneSessionsResult, error) {
	return call[api.PruneSessionsResult](ctx, c, "pruneSessions", p)
}

// InterruptSession ends the turn of a session, and returns before that has happened.
func (c *Client) InterruptSession(ctx context.Context, p api.InterruptSessionParams) (api.InterruptSessionResult, error) {
	return call[api.InterruptSessionResult](ctx, c, "interruptSession", p)
}

// EndSession ends the process of a session, and returns before that has happened.
func (c *Client) EndSession(ctx context.Context, p api.EndSessionParams) (api.StatusResult, error) {
	return call[api.StatusResult](ctx, c, "endSession", p)
}

// SendMessage gives a live session something to do next.
func (c *Client) SendMessage(ctx context.Context, p api.SendMessageParams) (api.MessageResult, error) {
	return call[api.MessageResult](ctx, c, "sendMessage", p)
}

// ListMessages returns one page of the messages of a session, by position.
func (c *Client) ListMessages(ctx context.Context, p api.ListMessagesParams) (api.ListMessagesResult, error) {
	return call[api.ListMessagesResult](ctx, c, "listMessages", p)
}

// AllMessages returns the messages of a session from a position on, all pages of them.
func (c *Client) AllMessages(ctx context.Context, p api.ListMessagesParams) ([]api.Message, error) {
	var all []api.Message
	for {
		page, err := c.ListMessages(ctx, p)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Messages...)
		if p.FromPosition = page.NextPosition; p.FromPosition == 0 {
			return all, nil
		}
	}
}

// CancelMessage withdraws a message that has not started.
func (c *Client) CancelMessage(ctx context.Context, p api.MessageParams) (api.MessageResult, error) {
	return call[api.MessageResult](ctx, c, "cancelMessage", p)
}

// FetchApprovals returns questions of Claude Code's, oldest first.
func (c *Client) FetchApprovals(ctx context.Context, p api.FetchApprovalsParams) (api.FetchApprovalsResult, error) {
	return call[api.FetchApprovalsResult](ctx, c, "fetchApprovals", p)
}

// GetApproval returns one question as it stands now.
func (c *Client) GetApproval(ctx context.Context, p api.ApprovalParams) (api.ApprovalResult, error) {
	return call[api.ApprovalResult](ctx, c, "getApproval", p)
}

// SendDecision answers a question; the first answer wins.
func (c *Client) SendDecision(ctx context.Context, p api.SendDecisionParams) (api.ApprovalResult, error) {
	return call[api.ApprovalResult](ctx, c, "sendDecision", p)
}

// ListObservations reads a page of the uses of tools: it is to be called again with
// the page's next after_seq as long as there is one.
func (c *Client) ListObservations(ctx context.Context, p api.ListObservationsParams) (api.ListObservationsResult, error) {
	return call[api.ListObservationsResult](ctx, c, "listObservations", p)
}

// ImportTranscripts takes in conversations that Claude Code itself has kept, a page
// at a time: it is to be called again with the page's next cursor as long as there is one.
func (c *Client) ImportTranscripts(ctx context.Context, p api.ImportTranscriptsParams) (api.ImportTranscriptsResult, error) {
	return call[api.ImportTranscriptsResult](ctx, c, "importTranscripts", p)
}

// SearchConversations returns a page of the events in which words are.
func (c *Client) SearchConversations(ctx context.Context, p api.SearchConversationsParams) (api.SearchConversationsResult, error) {
	return call[api.SearchConversationsResult](ctx, c, "searchConversations", p)
}

// Backup copies the daemon's database to a file, and returns once that is checked.
func (c *Client) Backup(ctx context.Context, p api.BackupParams) (api.BackupResult, error) {
	return call[api.BackupResult](ctx, c, "backup", p)
}

// SummarizeSession queues a summary of what is new in a session.
func (c *Client) SummarizeSession(ctx context.Context, p api.SessionParams) (api.SummarizeSessionResult, error) {
	return call[api.SummarizeSessionResult](ctx, c, "summarizeSession", p)
}

// GetSummary reads a summary of a session's.
func (c *Client) GetSummary(ctx context.Context, p api.GetSummaryParams) (api.GetSummaryResult, error) {
	return call[api.GetSummaryResult](ctx, c, "getSummary", p)
}

// ListJobs reads a page of the queue of jobs, newest first.
func (c *Client) ListJobs(ctx context.Context, p api.ListJobsParams) (api.ListJobsResult, error) {
	return call[api.ListJobsResult](ctx, c, "listJobs", p)
}

// RetryJob queues a job again.
func (c *Client) RetryJob(ctx context.Context, p api.JobParams) (api.JobResult, error) {
	return call[api.JobResult](ctx, c, "retryJob", p)
}

// CancelJob takes a job out of the queue.
func (c *Client) CancelJob(ctx context.Context, p api.JobParams) (api.JobResult, error) {
	return call[api.JobResult](ctx, c, "cancelJob", p)
}

// GetUsage reads what was used.
func (c *Client) GetUsage(ctx context.Context, p api.GetUsageParams) (api.GetUsageResult, error) {
	return call[api.GetUsageResult](ctx, c, "getUsage", p)
}
