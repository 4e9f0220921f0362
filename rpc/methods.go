package rpc

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/sessiond/sessiond/rpc/api"
)

// method is one row of the table of methods.
type method struct {
	name    string
	summary string
	answer  string // what the result is, for documentation
	params  reflect.Type
	result  reflect.Type
	paged   bool         // its answer is a page, which may be large
	reasons []api.Reason // why it may fail, beside what every method may: see commonReasons
	call    func(ctx context.Context, r *request) (any, error)
}

// commonReasons are those for which any method may fail.
var commonReasons = []api.Reason{api.ReasonInvalidParams, api.ReasonInternal, api.ReasonShuttingDown}

// newMethod makes a row of the table out of a function with typed params and result.
func newMethod[P, R any](name, summary, answer string, f func(context.Context, *request, P) (R, error), reasons ...api.Reason) method {
	params := paramsOf(reflect.TypeFor[P]())
	return method{
		name: name, summary: summary, answer: answer, reasons: reasons,
		params: reflect.TypeFor[P](), result: reflect.TypeFor[R](),
		call: func(ctx context.Context, r *request) (any, error) {
			p, err := decodeParams[P](params, r.params)
			if err != nil {
				return nil, err
			}
			return f(ctx, r, p)
		},
	}
}

// serviceMethod makes a row of the table out of a method of Service.
func serviceMethod[P, R any](name, summary, answer string, f func(Service, context.Context, P) (R, error), reasons ...api.Reason) method {
	return newMethod(name, summary, answer, func(ctx context.Context, r *request, p P) (R, error) {
		return f(r.conn.server.o.Service, ctx, p)
	}, reasons...)
}

// encodedMethod is serviceMethod where the function returns a result of type R that
// is encoded already, as an E.
func encodedMethod[R, P, E any](name, summary, answer string, f func(Service, context.Context, P) (E, error), reasons ...api.Reason) method {
	m := serviceMethod(name, summary, answer, f, reasons...)
	m.result = reflect.TypeFor[R]()
	return m
}

func paged(m method) method {
	m.paged = true
	return m
}

// methodTable is every method of the protocol, in the order of the documentation.
func methodTable() []method {
	const (
		noSession    = api.ReasonSessionNotFound
		noApproval   = api.ReasonApprovalNotFound
		noMessage    = api.ReasonMessageNotFound
		invalidState = api.ReasonInvalidState
		limit        = api.ReasonLimitExceeded
		noClaude     = api.ReasonClaudeUnavailable
		conflict     = api.ReasonConflict
	)
	sessions := []method{
		newMethod("health", "How the daemon is, which claude it would start, and how far the log reaches.",
			"how the daemon is", health),
		serviceMethod("launchSession", "Starts Claude Code on a first prompt; a new session.",
			"the new session, which starts by itself", Service.LaunchSession, limit, noClaude, conflict),
		serviceMethod("continueSession", "Goes on from where a session's conversation is, or from a point of it, in a new session.",
			"the new session, which starts by itself", Service.ContinueSession, noSession, invalidState, limit, noClaude, conflict),
		paged(serviceMethod("listSessions", "Sessions, those with the newest activity first, a page at a time.",
			"a page of sessions", Service.ListSessions)),
		serviceMethod("getSessionState", "One session as it is now.",
			"the session", Service.GetSessionState, noSession),
		paged(encodedMethod[api.GetConversationResult]("getConversation", "What was said and done in a session, and in those that it continues, a page at a time.",
			"a page of the conversation", Service.GetConversation, noSession)),
		paged(serviceMethod("searchConversations", "Events of all conversations in which words are, the best first, a page at a time.",
			"a page of what is found", Service.SearchConversations, api.ReasonSearchUnavailable)),
		serviceMethod("updateSession", "Changes a session's title, tags or archived mark; model and permission mode of a live one.",
			"the session, changed", Service.UpdateSession, noSession, invalidState),
		serviceMethod("archiveSessions", "Hides sessions from lists, or shows them again.",
			"what became of each session", Service.ArchiveSessions),
		serviceMethod("deleteSession", "Deletes a final session, and its events with it.",
			"that it is deleted", Service.DeleteSession, noSession, invalidState),
		serviceMethod("pruneSessions", "Archives sessions that ended long ago, each to a file of its own, and deletes them, a page at a time.",
			"what this page of the work came to", Service.PruneSessions),
		paged(serviceMethod("importTranscripts", "Takes in conversations that Claude Code itself has kept, as sessions, and what was added to them since, a page at a time.",
			"what this page of the work came to", Service.ImportTranscripts)),
		paged(serviceMethod("listObservations", "The uses of tools in all sessions, wherever they run, in the order of the log, a page at a time.",
			"a page of observations", Service.ListObservations, noSession)),
		serviceMethod("interruptSession", "Ends the turn, not the session: unless there is nothing left for it to do.",
			"the status right after the call; events tell when the turn has ended", Service.InterruptSession, noSession, invalidState),
		serviceMethod("endSession", "Ends a session's process, gently at first.",
			"the status right after the call; events tell when the session is final", Service.EndSession, noSession, invalidState),
		serviceMethod("sendMessage", "Says something more to a live session.",
			"the message", Service.SendMessage, noSession, invalidState, limit, conflict),
		paged(serviceMethod("listMessages", "The messages of a session, in their order, a page at a time.",
			"a page of messages", Service.ListMessages, noSession)),
		serviceMethod("cancelMessage", "Withdraws a message that has not started.",
			"the message, cancelled", Service.CancelMessage, noMessage, invalidState),
		serviceMethod("fetchApprovals", "Claude Code's questions, oldest first.",
			"the approvals", Service.FetchApprovals, noSession),
		serviceMethod("getApproval", "One of Claude Code's questions.",
			"the approval", Service.GetApproval, noApproval),
		serviceMethod("sendDecision", "Answers one of Claude Code's questions; the first answer wins.",
			"the approval, resolved", Service.SendDecision, noApproval, api.ReasonAlreadyResolved, invalidState, limit),
	}
	return slices.Concat(sessions, jobMethods(), connectionMethods())
}

// jobMethods are those about what the daemon does by itself.
func jobMethods() []method {
	const noSession, noJob, invalidState = api.ReasonSessionNotFound, api.ReasonJobNotFound, api.ReasonInvalidState
	return []method{
		serviceMethod("summarizeSession", "Queues a summary of what is new in a session; asked again, it is the same job.",
			"the job, whose end events tell, and the newest summary so far", Service.SummarizeSession, noSession),
		serviceMethod("getSummary", "What a session was about, in short: its newest summary, or one before it.",
			"the summary, if there is one", Service.GetSummary, noSession),
		paged(serviceMethod("listJobs", "The work that the daemon does by itself, the newest first, a page at a time.",
			"a page of jobs", Service.ListJobs, noSession)),
		serviceMethod("retryJob", "Queues a job again that is dead or was cancelled; has one that waits begun as soon as may be.",
			"the job, queued", Service.RetryJob, noJob, invalidState),
		serviceMethod("cancelJob", "Takes a job out of the queue, and breaks it off if it is at work; puts a dead one away.",
			"the job, cancelled", Service.CancelJob, noJob, invalidState),
		paged(serviceMethod("getUsage", "What was used, in tokens and US dollars: in all, and by session, directory or day, a page at a time.",
			"what was used, and what the daemon is at", Service.GetUsage, noSession)),
	}
}

// connectionMethods are those about the connection, and the daemon as a whole.
func connectionMethods() []method {
	return []method{
		newMethod("subscribe", "Sends events as `event` notifications on this connection, from a cursor on, or from now.",
			"the subscription, whose events come behind this answer", subscribe, api.ReasonCursorExpired, api.ReasonLimitExceeded),
		newMethod("unsubscribe", "Ends a subscription of this connection; after the answer no event of it comes.",
			"nothing", unsubscribe, api.ReasonSubscriptionNotFound),
		serviceMethod("backup", "Copies the database to a file, whole and checked, while everything goes on.",
			"what the copy holds", Service.Backup),
		newMethod("rpc.discover", "The OpenRPC document of this protocol.",
			"an OpenRPC document", discover),
	}
}

func health(ctx context.Context, r *request, _ api.Empty) (api.Health, error) {
	return r.conn.server.o.Service.Health(ctx)
}

func discover(_ context.Context, r *request, _ api.Empty) (json.RawMessage, error) {
	return r.conn.server.discovery()
}
