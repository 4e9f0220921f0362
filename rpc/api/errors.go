package api

import (
	"fmt"
	"maps"
	"strings"
)

// Reason is the word in error.data.reason by which a program tells errors apart.
type Reason string

// The reasons. Their codes are in package rpc, in one place.
const (
	ReasonParseError           Reason = "parse_error"
	ReasonInvalidRequest       Reason = "invalid_request"
	ReasonMethodNotFound       Reason = "method_not_found"
	ReasonInvalidParams        Reason = "invalid_params"
	ReasonInternal             Reason = "internal_error"
	ReasonSessionNotFound      Reason = "session_not_found"
	ReasonApprovalNotFound     Reason = "approval_not_found"
	ReasonMessageNotFound      Reason = "message_not_found"
	ReasonSubscriptionNotFound Reason = "subscription_not_found"
	ReasonJobNotFound          Reason = "job_not_found"
	ReasonInvalidState         Reason = "invalid_state"
	ReasonCursorExpired        Reason = "cursor_expired"
	ReasonLimitExceeded        Reason = "limit_exceeded"
	ReasonAlreadyResolved      Reason = "already_resolved"
	ReasonClaudeUnavailable    Reason = "claude_unavailable"
	ReasonConflict             Reason = "conflict"
	ReasonShuttingDown         Reason = "shutting_down"
	ReasonSearchUnavailable    Reason = "search_unavailable"
)

// Error is an error that a client is told whole: a reason for programs, a
// message for people, and data that names the culprit and the next step. Any
// other error becomes "internal error" on the wire.
type Error struct {
	Reason  Reason
	Message string
	Data    map[string]any
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Is makes errors.Is(err, &Error{Reason: r}) ask for a reason.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason
}

// With returns a copy of e that carries key in its data.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Data = maps.Clone(e.Data)
	if c.Data == nil {
		c.Data = map[string]any{}
	}
	c.Data[key] = value
	return &c
}

// AtBound returns a copy of e that says which setting's bound was met, its value,
// and what can be done about it.
func (e *Error) AtBound(setting string, value any) *Error {
	return e.With("limit", value).With("setting", setting).With("hint",
		fmt.Sprintf("raise %s in the daemon's configuration, or start it with --%s", setting, strings.ReplaceAll(setting, "_", "-")))
}

// Errorf makes an Error with a formatted message.
func Errorf(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// InvalidParams says that field is wrong, and why.
func InvalidParams(field, format string, args ...any) *Error {
	return Errorf(ReasonInvalidParams, "%s: %s", field, fmt.Sprintf(format, args...)).With("field", field)
}

// InvalidState says that a call does not fit a session's status, and what would.
func InvalidState(status Status, hint, format string, args ...any) *Error {
	return Errorf(ReasonInvalidState, format, args...).With("status", status).With("hint", hint)
}

// NotFound says that there is no such thing; what is one of the *NotFound reasons.
func NotFound(what Reason, id string) *Error {
	noun := map[Reason]string{ReasonSessionNotFound: "session", ReasonApprovalNotFound: "approval",
		ReasonMessageNotFound: "message", ReasonSubscriptionNotFound: "subscription", ReasonJobNotFound: "job"}[what]
	return Errorf(what, "no %s has the id %q", noun, id).With("id", id)
}
