package api

// Delivery says when a message is written to Claude Code.
type Delivery string

// The ways of delivery.
const (
	DeliveryQueue Delivery = "queue" // when the turn before it has ended
	DeliveryNow   Delivery = "now"   // at once; never aborts the turn
)

// MessageState is where a message stands.
type MessageState string

// The states of a message; the last three are final.
const (
	MessageQueued    MessageState = "queued"    // kept by the daemon
	MessageSent      MessageState = "sent"      // written, not yet begun
	MessageStarted   MessageState = "started"   // Claude Code works on it
	MessageCompleted MessageState = "completed" // its turn has ended, however
	MessageCancelled MessageState = "cancelled" // withdrawn before it started
	MessageFailed    MessageState = "failed"    // see Reason
)

// MessageStates lists every state, in the order of a message's life.
var MessageStates = []MessageState{MessageQueued, MessageSent, MessageStarted,
	MessageCompleted, MessageCancelled, MessageFailed}

// Final reports whether a message in this state never changes again.
func (s MessageState) Final() bool {
	return s == MessageCompleted || s == MessageCancelled || s == MessageFailed
}

// Waits reports whether a message in this state has not been begun.
func (s MessageState) Waits() bool { return s == MessageQueued || s == MessageSent }

// Why a message failed.
const (
	MessageNotStarted  = "not_started"  // the process ended before it took the message
	MessageProcessDied = "process_died" // the process ended in the message's turn
)

// Message is something a user says to a session; the first prompt is one too.
// Its id is the `uuid` under which Claude Code gets it.
type Message struct {
	ID        string       `json:"id" jsonschema:"UUID of the message"`
	SessionID string       `json:"session_id" jsonschema:"the session it is for"`
	Content   Content      `json:"content" jsonschema:"a text, or content blocks, as given"`
	Delivery  Delivery     `json:"delivery" jsonschema:"queue or now"`
	State     MessageState `json:"state" jsonschema:"queued, sent, started, completed, cancelled or failed"`
	Reason    string       `json:"reason,omitempty" jsonschema:"why it failed: not_started or process_died"`
	Position  int          `json:"position" jsonschema:"place in the session's order of messages, from 0"`
	CreatedAt Time         `json:"created_at" jsonschema:"when the daemon took it"`
	UpdatedAt Time         `json:"updated_at" jsonschema:"when its state last changed"`
}

// SendMessageParams are the params of sendMessage.
type SendMessageParams struct {
	SessionID string   `json:"session_id" jsonschema:"UUID of the session"`
	Content   Content  `json:"content" jsonschema:"a text, or content blocks"`
	MessageID string   `json:"message_id,omitempty" jsonschema:"UUID chosen by the caller; a second call with it changes nothing"`
	Delivery  Delivery `json:"delivery,omitempty" jsonschema:"queue (default) or now"`
}

// MessageParams name one message.
type MessageParams struct {
	MessageID string `json:"message_id" jsonschema:"UUID of the message"`
}

// MessageResult holds one message.
type MessageResult struct {
	Message Message `json:"message" jsonschema:"the message as it is now"`
}

// ListMessagesParams are the params of listMessages.
type ListMessagesParams struct {
	SessionID    string         `json:"session_id" jsonschema:"UUID of the session"`
	State        []MessageState `json:"state,omitempty" jsonschema:"any of these; default all"`
	FromPosition int            `json:"from_position,omitempty" jsonschema:"next_position of the page before; default 0"`
}

// ListMessagesResult holds a page of a session's messages in their order.
type ListMessagesResult struct {
	Messages     []Message `json:"messages" jsonschema:"by position"`
	NextPosition int       `json:"next_position,omitempty" jsonschema:"from_position of the next page; absent on the last page"`
}
