package rpc

import (
	"encoding/json"
	"reflect"

	"github.com/sessiond/sessiond/rpc/api"
)

// eventKind is one row of the table of events.
type eventKind struct {
	typ  api.EventType
	when string       // for documentation
	data reflect.Type // of event.data; nil: there is none
}

// eventTable is every type of event, in the order of the documentation.
var eventTable = []eventKind{
	{api.EventSessionCreated, "a session was launched", reflect.TypeFor[api.Session]()},
	{api.EventSessionUpdated, "something about a session changed that is not its status", reflect.TypeFor[api.Session]()},
	{api.EventSessionStatusChanged, "a session's status changed", reflect.TypeFor[api.StatusChange]()},
	{api.EventConversationUpdated, "a step was added to a conversation", reflect.TypeFor[api.ConversationEvent]()},
	{api.EventNewApproval, "Claude Code asks something", reflect.TypeFor[api.Approval]()},
	{api.EventApprovalResolved, "a question was answered, or became void", reflect.TypeFor[api.Approval]()},
	{api.EventMessageUpdated, "a message was taken, or its state changed", reflect.TypeFor[api.Message]()},
	{api.EventSessionSummarized, "a session has a new summary", reflect.TypeFor[api.Summary]()},
	{api.EventJobUpdated, "a job was queued, or its state changed", reflect.TypeFor[api.Job]()},
	{api.EventSessionDeleted, "a session was deleted, and its events with it", reflect.TypeFor[api.SessionDeletion]()},
	{api.EventPartialMessage, "Claude Code printed a delta; only with include_partial, and never stored", reflect.TypeFor[json.RawMessage]()},
}
