package api

import "encoding/json"

// EventType is the type of an event of the log.
type EventType string

// The types of events.
const (
	EventSessionCreated       EventType = "session_created"
	EventSessionUpdated       EventType = "session_updated"
	EventSessionStatusChanged EventType = "session_status_changed"
	EventConversationUpdated  EventType = "conversation_updated"
	EventNewApproval          EventType = "new_approval"
	EventApprovalResolved     EventType = "approval_resolved"
	EventMessageUpdated       EventType = "message_updated"
	EventSessionSummarized    EventType = "session_summarized"
	EventJobUpdated           EventType = "job_updated"
	EventSessionDeleted       EventType = "session_deleted"
	// EventPartialMessage has no seq, is never stored, and reaches only
	// subscribers with include_partial.
	EventPartialMessage EventType = "partial_message"
)

// EventTypes lists every type of event.
var EventTypes = []EventType{EventSessionCreated, EventSessionUpdated, EventSessionStatusChanged,
	EventConversationUpdated, EventNewApproval, EventApprovalResolved, EventMessageUpdated,
	EventSessionSummarized, EventJobUpdated, EventSessionDeleted, EventPartialMessage}

// Event is one row of the log as clients see it. Seq grows in the order of
// events; a hole means nothing. Data never changes.
type Event struct {
	Seq       int64           `json:"seq,omitempty" jsonschema:"place in the log; absent on partial_message"`
	Type      EventType       `json:"type" jsonschema:"what happened"`
	SessionID string          `json:"session_id" jsonschema:"the session it happened in"`
	RunID     string          `json:"run_id" jsonschema:"that session's run id"`
	Timestamp Time            `json:"timestamp" jsonschema:"when the daemon recorded it; of imported lines, the time that they name"`
	Data      json.RawMessage `json:"data,omitempty" jsonschema:"by type: see the table of events"`
	Dropped   int             `json:"dropped,omitempty" jsonschema:"on partial_message: how many were left out before it"`
}

// StatusChange is the data of session_status_changed.
type StatusChange struct {
	OldStatus       Status     `json:"old_status" jsonschema:"before"`
	NewStatus       Status     `json:"new_status" jsonschema:"after"`
	WaitingFor      WaitingFor `json:"waiting_for,omitempty" jsonschema:"with waiting_input: approval or message"`
	Reason          string     `json:"reason,omitempty" jsonschema:"what caused the change, a word"`
	ParentSessionID string     `json:"parent_session_id,omitempty" jsonschema:"the session that this one continues"`
	ErrorMessage    string     `json:"error_message,omitempty" jsonschema:"with failed: why, in words"`
}

// DeletedBy is who deleted a session.
type DeletedBy string

// Who deletes sessions.
const (
	DeletedByClient    DeletedBy = "client"    // with deleteSession or pruneSessions
	DeletedByRetention DeletedBy = "retention" // the daemon: prune_after, max_database_bytes
)

// DeletedBys lists all of them.
var DeletedBys = []DeletedBy{DeletedByClient, DeletedByRetention}

// SessionDeletion is the data of session_deleted.
type SessionDeletion struct {
	DeletedBy DeletedBy `json:"deleted_by,omitempty" jsonschema:"client or retention; absent if it was deleted before this was recorded"`
	Archive   string    `json:"archive,omitempty" jsonschema:"path of the archive that was made of it; absent after deleteSession"`
}

// ConversationType is what a conversation event is.
type ConversationType string

// The types of conversation events.
const (
	ConversationMessage    ConversationType = "message"
	ConversationThinking   ConversationType = "thinking"
	ConversationToolCall   ConversationType = "tool_call"
	ConversationToolResult ConversationType = "tool_result"
	ConversationSystem     ConversationType = "system"
	ConversationResult     ConversationType = "result"
	ConversationUnparsed   ConversationType = "unparsed"
)

// ConversationEvent is one step of a conversation: a block of a line that
// Claude Code printed, or a prompt of the user's.
type ConversationEvent struct {
	Seq             int64            `json:"seq" jsonschema:"place in the log"`
	SessionID       string           `json:"session_id" jsonschema:"the session it belongs to"`
	ClaudeSessionID string           `json:"claude_session_id,omitempty" jsonschema:"Claude Code's id of the conversation"`
	EventType       ConversationType `json:"event_type" jsonschema:"message, thinking, tool_call, tool_result, system, result or unparsed"`
	Role            string           `json:"role,omitempty" jsonschema:"user, assistant or system"`
	Content         string           `json:"content,omitempty" jsonschema:"the text"`
	MessageID       string           `json:"message_id,omitempty" jsonschema:"on the user's prompts: the message"`
	ToolID          string           `json:"tool_id,omitempty" jsonschema:"on tool_call: id of the call"`
	ToolName        string           `json:"tool_name,omitempty" jsonschema:"on tool_call: name of the tool"`
	ToolInput       json.RawMessage  `json:"tool_input,omitempty" jsonschema:"on tool_call: the input"`
	ToolResultForID string           `json:"tool_result_for_id,omitempty" jsonschema:"on tool_result: id of the call"`
	IsError         *bool            `json:"is_error,omitempty" jsonschema:"on tool_result and result: whether it is an error"`
	ParentToolUseID string           `json:"parent_tool_use_id,omitempty" jsonschema:"inside a subagent: the call that started it"`
	IsCompleted     *bool            `json:"is_completed,omitempty" jsonschema:"on tool_call: whether its result is there; computed when read"`
	ApprovalID      string           `json:"approval_id,omitempty" jsonschema:"on tool_call: the question about it; computed when read"`
	ApprovalStatus  ApprovalStatus   `json:"approval_status,omitempty" jsonschema:"on tool_call: how that question stands; computed when read"`
	CreatedAt       Time             `json:"created_at" jsonschema:"when the daemon recorded it; of imported lines, the time that they name"`

	// Raw is the line as Claude Code printed it, without its newline, on the
	// first event of each line; only on request. A line that is not valid
	// UTF-8 is in RawBase64 instead.
	Raw       *string `json:"raw,omitempty" jsonschema:"on request: the line as printed, without its newline"`
	RawBase64 []byte  `json:"raw_base64,omitempty" jsonschema:"in place of raw where the line is not valid UTF-8"`
	// RawUnterminated marks a last line that ended without a newline.
	RawUnterminated bool `json:"raw_unterminated,omitempty" jsonschema:"with raw: the line ended without a newline"`
}

// GetConversationParams are the params of getConversation.
type GetConversationParams struct {
	SessionID        string `json:"session_id" jsonschema:"UUID of the session"`
	AfterSeq         int64  `json:"after_seq,omitempty" jsonschema:"only events after this one; default 0"`
	Limit            *int   `json:"limit,omitempty" jsonschema:"1 to 10,000; default 1,000"`
	IncludeAncestors *bool  `json:"include_ancestors,omitempty" jsonschema:"begin with what this session continues; default true"`
	IncludeRaw       bool   `json:"include_raw,omitempty" jsonschema:"add each line as Claude Code printed it"`
}

// GetConversationResult is one page of a conversation.
type GetConversationResult struct {
	NextAfterSeq *int64              `json:"next_after_seq" jsonschema:"after_seq of the next page; null at the end"`
	HeadSeq      int64               `json:"head_seq" jsonschema:"the newest seq of the whole log"`
	Events       []ConversationEvent `json:"events" jsonschema:"in the order of seq"`
}

// SubscribeParams are the params of subscribe. Filters are joined by "and";
// the values of event_types by "or".
type SubscribeParams struct {
	AfterSeq       *int64      `json:"after_seq,omitempty" jsonschema:"everything after this seq, then live; absent: from now"`
	EventTypes     []EventType `json:"event_types,omitempty" jsonschema:"only these types; default all"`
	SessionID      string      `json:"session_id,omitempty" jsonschema:"only this session"`
	RunID          string      `json:"run_id,omitempty" jsonschema:"only the session with this run id"`
	IncludePartial bool        `json:"include_partial,omitempty" jsonschema:"also partial_message events"`
}

// SubscribeResult is the result of subscribe.
type SubscribeResult struct {
	SubscriptionID string `json:"subscription_id" jsonschema:"UUID of the subscription, for this connection"`
	HeadSeq        int64  `json:"head_seq" jsonschema:"the newest seq of the whole log"`
}

// UnsubscribeParams are the params of unsubscribe.
type UnsubscribeParams struct {
	SubscriptionID string `json:"subscription_id" jsonschema:"UUID of the subscription"`
}

// Empty is the result of a method that has nothing to say.
type Empty struct{}

// EventNotification is the params of the `event` notification.
type EventNotification struct {
	SubscriptionID string `json:"subscription_id" jsonschema:"the subscription it is for"`
	Event          Event  `json:"event" jsonschema:"what happened"`
}
