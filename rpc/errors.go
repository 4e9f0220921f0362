package rpc

import (
	"context"
	"errors"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

// The codes of errors, beside those of JSON-RPC itself.
const (
	codeNotFound          = -32001
	codeInvalidState      = -32002
	codeCursorExpired     = -32003
	codeLimitExceeded     = -32004
	codeAlreadyResolved   = -32005
	codeClaudeUnavailable = -32006
	codeConflict          = -32007
	codeShuttingDown      = -32008
	codeSearchUnavailable = -32009
)

// errorKind is one row of the table of errors.
type errorKind struct {
	reason api.Reason
	code   int
	when   string // for documentation
	data   string // what error.data holds beside reason, for documentation
}

// errorTable is the one place where reasons have codes.
var errorTable = []errorKind{
	{api.ReasonParseError, jsonrpc2.CodeParseError, "the line is not UTF-8 JSON, or too long; the connection is closed", ""},
	{api.ReasonInvalidRequest, jsonrpc2.CodeInvalidRequest, "the line is JSON, but not a request", ""},
	{api.ReasonMethodNotFound, jsonrpc2.CodeMethodNotFound, "there is no such method", "`method`"},
	{api.ReasonInvalidParams, jsonrpc2.CodeInvalidParams, "a param is unknown, missing, or wrong", "`field`: its name; `at`: the character of a query, from 1"},
	{api.ReasonInternal, jsonrpc2.CodeInternalError, "the daemon's fault; its log has the details", "`hint`: what to do, where one record of the database is damaged, which the message names"},
	{api.ReasonSessionNotFound, codeNotFound, "no session has this id", "`id`"},
	{api.ReasonApprovalNotFound, codeNotFound, "no approval has this id", "`id`"},
	{api.ReasonMessageNotFound, codeNotFound, "no message has this id", "`id`"},
	{api.ReasonSubscriptionNotFound, codeNotFound, "this connection has no subscription with this id", "`id`"},
	{api.ReasonJobNotFound, codeNotFound, "no job has this id", "`id`"},
	{api.ReasonInvalidState, codeInvalidState, "the call does not fit the session's status, or the job's state", "`status`, or `job_state`; `hint`: what would fit"},
	{api.ReasonCursorExpired, codeCursorExpired, "events after the cursor are gone, or the cursor is ahead of the log", "`oldest_seq`: from here on the log is whole"},
	{api.ReasonLimitExceeded, codeLimitExceeded, "a configured limit is reached", "`limit`: its value; `setting`: its name, where the daemon's configuration sets it; `hint`"},
	{api.ReasonAlreadyResolved, codeAlreadyResolved, "the approval has been answered", "`approval`: how, when and by whom"},
	{api.ReasonClaudeUnavailable, codeClaudeUnavailable, "there is no usable `claude`", "`hint`: how to get it"},
	{api.ReasonConflict, codeConflict, "an idempotency key or a message id came again with other params", ""},
	{api.ReasonShuttingDown, codeShuttingDown, "the daemon is stopping; ask its successor", ""},
	{api.ReasonSearchUnavailable, codeSearchUnavailable, "there is no index of texts: the daemon was built without, or it is being made anew", "`hint`: what to do"},
}

// errorKinds is errorTable by reason.
var errorKinds = func() map[api.Reason]errorKind {
	m := make(map[api.Reason]errorKind, len(errorTable))
	for _, k := range errorTable {
		m[k.reason] = k
	}
	return m
}()

// wireError is the error object of an answer.
type wireError struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data"`
}

var (
	errInternal     = api.Errorf(api.ReasonInternal, "internal error")
	errShuttingDown = api.Errorf(api.ReasonShuttingDown, "the daemon is shutting down")
)

// public returns what a client is told about err: an *api.Error as it is,
// shutting_down for work that was broken off because the server stops or the bus
// is closed, and "internal error" for everything else.
func public(err error, stopping bool) *api.Error {
	var e *api.Error
	switch {
	case errors.As(err, &e) && errorKinds[e.Reason].code != 0:
		return e
	case stopping && errors.Is(err, context.Canceled), errors.Is(err, bus.ErrClosed):
		return errShuttingDown
	default:
		return errInternal
	}
}

// toWire gives a public error its code, and its reason a place in data.
func toWire(e *api.Error) wireError {
	return wireError{
		Code:    errorKinds[e.Reason].code,
		Message: e.Message,
		Data:    e.With("reason", e.Reason).Data,
	}
}
