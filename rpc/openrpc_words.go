package rpc

import (
	"maps"
	"reflect"

	"github.com/sessiond/sessiond/rpc/api"
)

// objectDocs says what each component that is an object or a value is.
var objectDocs = map[reflect.Type]string{
	reflect.TypeFor[api.Session]():            "one run of Claude Code in a working directory",
	reflect.TypeFor[api.ConversationEvent]():  "one step of a conversation: a block of a line that Claude Code printed, or a prompt of the user's",
	reflect.TypeFor[api.Observation]():        "one use of a tool, with what it answered",
	reflect.TypeFor[api.Event]():              "one row of the log",
	reflect.TypeFor[api.StatusChange]():       "a session's status before and after",
	reflect.TypeFor[api.SessionDeletion]():    "who deleted a session",
	reflect.TypeFor[api.Approval]():           "a question of Claude Code's to the user",
	reflect.TypeFor[api.Message]():            "something a user says to a session; the first prompt is one too",
	reflect.TypeFor[api.Rule]():               "answers questions of the kind tool that match it, in the place of a person",
	reflect.TypeFor[api.RateLimit]():          "what Claude Code said last of its rate limit",
	reflect.TypeFor[api.Retry]():              "a request to the API that failed and is tried again",
	reflect.TypeFor[api.ClaudeHealth]():       "the claude that new sessions get",
	reflect.TypeFor[api.InboxHealth]():        "the messages that have not started",
	reflect.TypeFor[api.BudgetHealth]():       "what the sessions of today (in UTC) have cost",
	reflect.TypeFor[api.EventsHealth]():       "the extent of the log",
	reflect.TypeFor[api.SearchHealth]():       "the index of texts, which searchConversations asks",
	reflect.TypeFor[api.SearchMatch]():        "an event that was found",
	reflect.TypeFor[api.TextRange]():          "a part of a text, in characters (Unicode code points)",
	reflect.TypeFor[api.ArchiveFailure]():     "a session that was not archived",
	reflect.TypeFor[api.PrunedSession]():      "a session that was pruned",
	reflect.TypeFor[api.PruneFailure]():       "a session that was to be pruned and was not",
	reflect.TypeFor[api.ImportedTranscript](): "what became of one file",
	reflect.TypeFor[api.Job]():                "work that the daemon does by itself, for a session as it was at an event",
	reflect.TypeFor[api.JobsHealth]():         "the queue of jobs: whether it moves is what counts",
	reflect.TypeFor[api.Summary]():            "what a session was about, in short",
	reflect.TypeFor[api.SummaryNote]():        "what a session object tells of its newest summary",
	reflect.TypeFor[api.UsageGroup]():         "what a session, a directory or a day has used",
	reflect.TypeFor[api.Content]():            "what a user says: a text, or content blocks as the Messages API knows them",
	reflect.TypeFor[api.Time]():               "RFC 3339, UTC, with milliseconds",
}

// wordsDoc says what the words of an enum are about, and what each means.
type wordsDoc struct {
	about string
	words map[string]string
}

// wordsDocs describes every enum. Those of errors and of events are in their tables.
var wordsDocs = func() map[reflect.Type]wordsDoc {
	docs := map[reflect.Type]wordsDoc{
		reflect.TypeFor[api.Reason]():    {"by which a program tells errors apart", map[string]string{}},
		reflect.TypeFor[api.EventType](): {"what an event tells", map[string]string{}},
	}
	for _, k := range errorTable {
		docs[reflect.TypeFor[api.Reason]()].words[string(k.reason)] = k.when
	}
	for _, k := range eventTable {
		docs[reflect.TypeFor[api.EventType]()].words[string(k.typ)] = k.when
	}
	maps.Copy(docs, sessionWords)
	maps.Copy(docs, otherWords)
	return docs
}()

var sessionWords = map[reflect.Type]wordsDoc{
	reflect.TypeFor[api.Status](): {"where a session stands", map[string]string{
		"queued":        "waits for a free slot",
		"starting":      "its process is being started",
		"running":       "works on a turn, or is ending",
		"waiting_input": "waits for someone: see waiting_for",
		"interrupting":  "its turn is being interrupted",
		"completed":     "final: it has done what it was told",
		"failed":        "final: it ended with an error, or nobody knows how",
		"interrupted":   "final: its last turn was interrupted, or it was ended in mid-turn",
	}},
	reflect.TypeFor[api.Origin](): {"where a session comes from", map[string]string{
		"launched": "the daemon launched it",
		"imported": "it was made of a transcript of Claude Code's; its status is how the conversation stands where that ends, and changes if that grows",
		"external": "someone started it in a terminal of their own",
	}},
	reflect.TypeFor[api.DeletedBy](): {"who deleted a session", map[string]string{
		"client":    "somebody called deleteSession or pruneSessions",
		"retention": "the daemon pruned it by itself: prune_after or max_database_bytes",
	}},
	reflect.TypeFor[api.WaitingFor](): {"what a session in waiting_input waits for", map[string]string{
		"approval": "a decision on a question of its own",
		"message":  "the next message",
	}},
	reflect.TypeFor[api.QueuedAfter](): {"what an interrupt does with the messages that wait", map[string]string{
		"keep":   "they go on afterwards",
		"cancel": "they are cancelled",
	}},
	reflect.TypeFor[api.ConversationType](): {"what a conversation event is", map[string]string{
		"message":     "something that the assistant or the user said",
		"thinking":    "what the assistant thought",
		"tool_call":   "the use of a tool",
		"tool_result": "what came of it",
		"system":      "everything else, also what this version of the daemon does not know",
		"result":      "the end of a turn",
		"unparsed":    "a line that is not JSON",
	}},
}

var otherWords = map[reflect.Type]wordsDoc{
	reflect.TypeFor[api.Delivery](): {"when a message is written to Claude Code", map[string]string{
		"queue": "when the turn before it has ended: one message, one turn",
		"now":   "at once; it is taken in at the next tool result, or as the next turn, and aborts nothing",
	}},
	reflect.TypeFor[api.MessageState](): {"where a message stands", map[string]string{
		"queued":    "the daemon keeps it",
		"sent":      "it was written to Claude Code, which has not begun with it",
		"started":   "Claude Code works on it",
		"completed": "final: its turn has ended, in whatever way",
		"cancelled": "final: it was withdrawn before it started",
		"failed":    "final: it never started, or the process died in its turn; see reason",
	}},
	reflect.TypeFor[api.ApprovalKind](): {"what sort of question an approval is", map[string]string{
		"tool":     "may this tool run?",
		"question": "Claude Code asks the user something: the answer goes into updated_input",
	}},
	reflect.TypeFor[api.ApprovalStatus](): {"where an approval stands", map[string]string{
		"pending":   "it waits for a decision",
		"approved":  "final: the tool may run",
		"denied":    "final: it may not",
		"cancelled": "final: nobody can answer it any more",
	}},
	reflect.TypeFor[api.ImportOutcome](): {"what became of a transcript", map[string]string{
		"new":       "a session was made of it",
		"grown":     "its session has more lines than before",
		"unchanged": "there was nothing new in it",
		"skipped":   "it was left alone; see reason",
	}},
	reflect.TypeFor[api.ImportReason](): {"why a transcript was skipped", map[string]string{
		"launched":         "a session of this daemon's has the conversation already",
		"continued":        "a session of this daemon's goes on with the imported one, and has what follows",
		"deleted":          "its session was deleted; again brings it back",
		"older":            "it has not changed since the moment that was given",
		"empty":            "nothing was said in it yet",
		"not_a_transcript": "it has not the name, or not the lines, of one",
		"not_regular":      "it is a symbolic link, a pipe or a directory",
		"not_owned":        "it belongs to another user",
		"changed":          "what was imported of it is not there any more: it was written anew",
		"unreadable":       "it cannot be read; see message",
		"record_damaged":   "what the database holds about it cannot be read",
	}},
	reflect.TypeFor[api.Decision](): {"an answer to a question", map[string]string{
		"approve": "go on",
		"deny":    "do not; the comment says why",
	}},
	reflect.TypeFor[api.JobKind](): {"what a job does", map[string]string{
		"summarize": "it writes a summary of a session",
	}},
	reflect.TypeFor[api.Role](): {"who said something", map[string]string{
		"user":      "the user: prompts, and those that a subagent was given",
		"assistant": "Claude: messages, thoughts, and the input of tools",
		"tool":      "a tool: its results",
		"system":    "Claude Code: errors that end a turn, and lines that are no JSON",
	}},
	reflect.TypeFor[api.UsageBy](): {"what usage is told by", map[string]string{
		"session":   "each session, those that have cost most first",
		"directory": "each working directory, likewise",
		"day":       "each day in UTC, the newest first",
	}},
	reflect.TypeFor[api.JobState](): {"where a job stands", map[string]string{
		"queued":    "it waits for its turn, or for the pause behind an attempt that failed",
		"running":   "somebody works on it, and has a lease",
		"done":      "final: it has done what it was for",
		"dead":      "it has failed too often, see reason; retryJob queues it again",
		"cancelled": "a client wants it no more; retryJob queues it again",
	}},
	reflect.TypeFor[api.SearchOrder](): {"in which order things are found", map[string]string{
		"rank":   "the best match first; among equals the newest",
		"newest": "the newest first, by their place in the log",
	}},
	reflect.TypeFor[api.HealthStatus](): {"how the daemon is", map[string]string{
		"ok":       "as it should be",
		"degraded": "it works, but not as it should: see problems",
	}},
	reflect.TypeFor[api.WorkKind](): {"what long work of the daemon's is about", map[string]string{
		"backup": "the database is copied, and the copy checked",
		"prune":  "old sessions are archived and deleted",
		"import": "transcripts of Claude Code's are taken in",
		"index":  "what searches ask is made of a log that is there already",
	}},
}
