package rpc

import (
	"context"

	"github.com/sessiond/sessiond/rpc/api"
)

// Service does what clients ask for: one method for each of the protocol's that
// is not about the connection itself. Methods are called from many goroutines at
// once. Params are syntactically right (see decodeParams); whether they make
// sense is for the Service to say.
//
// An *api.Error reaches the client as it is; any other error is logged, and the
// client is told "internal error". The context ends when the connection is cut,
// or when the server stops and its patience is over.
type Service interface {
	Health(ctx context.Context) (api.Health, error)

	LaunchSession(ctx context.Context, p api.LaunchSessionParams) (api.LaunchSessionResult, error)
	ContinueSession(ctx context.Context, p api.ContinueSessionParams) (api.LaunchSessionResult, error)
	ListSessions(ctx context.Context, p api.ListSessionsParams) (api.ListSessionsResult, error)
	GetSessionState(ctx context.Context, p api.SessionParams) (api.SessionResult, error)
	GetConversation(ctx context.Context, p api.GetConversationParams) (api.ConversationPage, error)
	SearchConversations(ctx context.Context, p api.SearchConversationsParams) (api.SearchConversationsResult, error)
	UpdateSession(ctx context.Context, p api.UpdateSessionParams) (api.SessionResult, error)
	ArchiveSessions(ctx context.Context, p api.ArchiveSessionsParams) (api.ArchiveSessionsResult, error)
	PruneSessions(ctx context.Context, p api.PruneSessionsParams) (api.PruneSessionsResult, error)
	ImportTranscripts(ctx context.Context, p api.ImportTranscriptsParams) (api.ImportTranscriptsResult, error)
	ListObservations(ctx context.Context, p api.ListObservationsParams) (api.ListObservationsResult, error)
	DeleteSession(ctx context.Context, p api.SessionParams) (api.DeleteSessionResult, error)
	InterruptSession(ctx context.Context, p api.InterruptSessionParams) (api.InterruptSessionResult, error)
	EndSession(ctx context.Context, p api.EndSessionParams) (api.StatusResult, error)

	SendMessage(ctx context.Context, p api.SendMessageParams) (api.MessageResult, error)
	ListMessages(ctx context.Context, p api.ListMessagesParams) (api.ListMessagesResult, error)
	CancelMessage(ctx context.Context, p api.MessageParams) (api.MessageResult, error)

	FetchApprovals(ctx context.Context, p api.FetchApprovalsParams) (api.FetchApprovalsResult, error)
	GetApproval(ctx context.Context, p api.ApprovalParams) (api.ApprovalResult, error)
	SendDecision(ctx context.Context, p api.SendDecisionParams) (api.ApprovalResult, error)

	SummarizeSession(ctx context.Context, p api.SessionParams) (api.SummarizeSessionResult, error)
	GetSummary(ctx context.Context, p api.GetSummaryParams) (api.GetSummaryResult, error)
	ListJobs(ctx context.Context, p api.ListJobsParams) (api.ListJobsResult, error)
	RetryJob(ctx context.Context, p api.JobParams) (api.JobResult, error)
	CancelJob(ctx context.Context, p api.JobParams) (api.JobResult, error)
	GetUsage(ctx context.Context, p api.GetUsageParams) (api.GetUsageResult, error)

	Backup(ctx context.Context, p api.BackupParams) (api.BackupResult, error)
}
