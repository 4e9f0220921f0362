package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/sessiond/sessiond/rpc/api"
)

// nullID is the id of an answer to something that has no usable one.
var nullID = json.RawMessage("null")

// wireOptions make encoding/json's encoding, except that lists and maps are never
// null, and that nothing is escaped for HTML.
var wireOptions = jsonv2.JoinOptions(
	jsonv1.DefaultOptionsV1(),
	jsonv2.FormatNilSliceAsNull(false),
	jsonv2.FormatNilMapAsNull(false),
	jsontext.EscapeForHTML(false),
	jsontext.EscapeForJS(false),
)

// resultFrame encodes the answer to a request that went well.
func resultFrame(id json.RawMessage, result any) ([]byte, error) {
	return answerFrame(id, "result", result)
}

// errorFrame encodes the answer to a request that failed. Data that cannot be
// encoded is left out.
func errorFrame(id json.RawMessage, e *api.Error) []byte {
	frame, err := answerFrame(id, "error", toWire(e))
	if err != nil {
		frame, _ = answerFrame(id, "error", toWire(&api.Error{Reason: e.Reason, Message: e.Message}))
	}
	return frame
}

// appender is a large result that writes itself.
type appender interface{ AppendJSON(b []byte) []byte }

func answerFrame(id json.RawMessage, member string, value any) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"jsonrpc":"2.0","id":%s,%q:`, id, member)
	if own, ok := value.(appender); ok {
		return append(own.AppendJSON(b.Bytes()), "}\n"...), nil
	}
	if err := jsonv2.MarshalWrite(&b, value, wireOptions); err != nil {
		return nil, fmt.Errorf("encode the %s: %w", member, err)
	}
	b.WriteString("}\n")
	return b.Bytes(), nil
}

// eventFrames makes `event` notifications for one subscription out of events that
// are encoded already: only what stands before and behind them is its own.
type eventFrames struct{ prefix []byte }

var eventSuffix = []byte("}}\n")

func newEventFrames(subscriptionID string) eventFrames {
	return eventFrames{fmt.Appendf(nil,
		`{"jsonrpc":"2.0","method":"event","params":{"subscription_id":%q,"event":`, subscriptionID)}
}

// appendTo appends the notification of an event to buffers, without copying it.
// Of dropped, if it is not zero, the event says that so many were left out before it.
func (f eventFrames) appendTo(buffers [][]byte, event []byte, dropped int) [][]byte {
	if dropped == 0 {
		return append(buffers, f.prefix, event, eventSuffix)
	}
	open := event[:len(event)-1] // without the closing brace
	return append(buffers, f.prefix, open, fmt.Appendf(nil, `,"dropped":%d}`, dropped), eventSuffix)
}
