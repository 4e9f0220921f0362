package rpc

import (
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/sessiond/sessiond/rpc/api"
)

// What error.data holds beside reason, as schemas and clients know it. Data itself
// is made with api.Error.With, where an error comes from.
type (
	internalData struct {
		Hint string `json:"hint,omitempty" jsonschema:"what to do, where one record of the database is damaged, which the message names"`
	}
	methodData struct {
		Method string `json:"method" jsonschema:"the name that was called"`
	}
	fieldData struct {
		Field string `json:"field" jsonschema:"the param that is wrong"`
		At    int    `json:"at,omitempty" jsonschema:"with a query: the character that is wrong, from 1"`
	}
	idData struct {
		ID string `json:"id" jsonschema:"the id that was given"`
	}
	stateData struct {
		Status       api.Status       `json:"status,omitempty" jsonschema:"the session's status"`
		Hint         string           `json:"hint" jsonschema:"what would fit"`
		SessionID    string           `json:"session_id,omitempty" jsonschema:"the session to turn to, where it is another"`
		MessageState api.MessageState `json:"message_state,omitempty" jsonschema:"of cancelMessage: the message's state"`
		JobState     api.JobState     `json:"job_state,omitempty" jsonschema:"of retryJob and cancelJob: the job's state"`
	}
	cursorData struct {
		OldestSeq int64 `json:"oldest_seq" jsonschema:"from here on the log is whole"`
	}
	limitData struct {
		Limit   float64 `json:"limit" jsonschema:"its value"`
		Setting string  `json:"setting,omitempty" jsonschema:"its name, where the daemon's configuration sets it"`
		Hint    string  `json:"hint,omitempty" jsonschema:"how to raise it"`
	}
	resolvedData struct {
		Approval api.Approval `json:"approval" jsonschema:"how, when and by whom it was answered"`
	}
	hintData struct {
		Hint string `json:"hint" jsonschema:"how to get it"`
	}
	searchData struct {
		Hint string `json:"hint" jsonschema:"what to do"`
	}
	conflictData struct {
		SessionID string `json:"session_id,omitempty" jsonschema:"the session that has the idempotency key"`
		MessageID string `json:"message_id,omitempty" jsonschema:"the message that has the id"`
	}
)

// errorData is the type of error.data by reason; most have nothing but the reason.
var errorData = map[api.Reason]reflect.Type{
	api.ReasonInternal:             reflect.TypeFor[internalData](),
	api.ReasonMethodNotFound:       reflect.TypeFor[methodData](),
	api.ReasonInvalidParams:        reflect.TypeFor[fieldData](),
	api.ReasonSessionNotFound:      reflect.TypeFor[idData](),
	api.ReasonApprovalNotFound:     reflect.TypeFor[idData](),
	api.ReasonMessageNotFound:      reflect.TypeFor[idData](),
	api.ReasonSubscriptionNotFound: reflect.TypeFor[idData](),
	api.ReasonJobNotFound:          reflect.TypeFor[idData](),
	api.ReasonInvalidState:         reflect.TypeFor[stateData](),
	api.ReasonCursorExpired:        reflect.TypeFor[cursorData](),
	api.ReasonLimitExceeded:        reflect.TypeFor[limitData](),
	api.ReasonAlreadyResolved:      reflect.TypeFor[resolvedData](),
	api.ReasonClaudeUnavailable:    reflect.TypeFor[hintData](),
	api.ReasonSearchUnavailable:    reflect.TypeFor[searchData](),
	api.ReasonConflict:             reflect.TypeFor[conflictData](),
}

// openRPCError is an error as OpenRPC has it, which knows nothing of its data.
type openRPCError struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Data    map[string]string `json:"data"`
}

// openRPCReason is an error with all that is known of it.
type openRPCReason struct {
	Reason  api.Reason         `json:"reason"`
	Code    int                `json:"code"`
	Summary string             `json:"summary"`
	Data    *jsonschema.Schema `json:"data"`
	Example wireError          `json:"example"`
}

func documentErrors() map[api.Reason]openRPCError {
	out := map[api.Reason]openRPCError{}
	for _, k := range errorTable {
		out[k.reason] = openRPCError{k.code, k.when, map[string]string{"reason": string(k.reason)}}
	}
	return out
}

// reasons describes errors whole, with the schema of their data and an example.
func (s *schemas) reasons(recorded map[api.Reason]wireError) ([]openRPCReason, error) {
	var out []openRPCReason
	for _, k := range errorTable {
		r := openRPCReason{Reason: k.reason, Code: k.code, Summary: k.when, Example: recorded[k.reason],
			Data: &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}}}
		if t := errorData[k.reason]; t != nil {
			var err error
			if r.Data, err = s.of(t); err != nil {
				return nil, err
			}
		}
		r.Data.Properties["reason"] = &jsonschema.Schema{Type: "string", Enum: []any{string(k.reason)}, Description: "the word of this error"}
		r.Data.PropertyOrder = append([]string{"reason"}, r.Data.PropertyOrder...)
		r.Data.Required = append([]string{"reason"}, r.Data.Required...)
		switch k.reason { // these come only when something breaks
		case api.ReasonInternal:
			r.Example = toWire(errInternal)
		case api.ReasonShuttingDown:
			r.Example = toWire(errShuttingDown)
		}
		out = append(out, r)
	}
	return out, nil
}
