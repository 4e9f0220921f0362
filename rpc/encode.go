package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/sessiond/sessiond/bus"
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
func resultFrame(id json.RawMessage, result any) ([][]byte, error) {
	return answerFrame(id, "result", result)
}

// errorFrame encodes the answer to a request that failed. Data that cannot be
// encoded is left out.
func errorFrame(id json.RawMessage, e *api.Error) [][]byte {
	frame, err := answerFrame(id, "error", toWire(e))
	if err != nil {
		frame, _ = answerFrame(id, "error", toWire(&api.Error{Reason: e.Reason, Message: e.Message}))
	}
	return frame
}

// answerFrame encodes an answer, in pieces: a large result is encoded already, and
// is not copied.
func answerFrame(id json.RawMessage, member string, value any) ([][]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"jsonrpc":"2.0","id":%s,%q:`, id, member)
	if page, ok := value.(api.ConversationPage); ok {
		return slices.Concat([][]byte{b.Bytes()}, page.JSON(), [][]byte{[]byte("}\n")}), nil
	}
	if err := jsonv2.MarshalWrite(&b, value, wireOptions); err != nil {
		return nil, fmt.Errorf("encode the %s: %w", member, err)
	}
	b.WriteString("}\n")
	return [][]byte{b.Bytes()}, nil
}

// eventFrames makes `event` notifications for one subscription out of events that
// are encoded already: only what stands before and behind them is its own.
type eventFrames struct {
	prefix  []byte
	between []byte // the suffix of one and the prefix of the next
}

var eventSuffix = []byte("}}\n")

func newEventFrames(subscriptionID string) eventFrames {
	prefix := fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"event","params":{"subscription_id":%q,"event":`, subscriptionID)
	between := slices.Concat(eventSuffix, prefix)
	return eventFrames{between[len(eventSuffix):], between}
}

// eventBuffers are notifications that go out together.
type eventBuffers struct {
	buffers  [][]byte
	shared   bool   // the last buffer is the suffix of a shared event
	open     []byte // the last buffer, that lone events are written into
	size     int
	expected int
}

// appendTo appends the notification of an event. A lone event is written right
// there, one that is shared is not copied. Of d.Dropped, if it is not zero, the
// event says that so many were left out before it.
func (f eventFrames) appendTo(c *eventBuffers, d bus.Delivery) {
	if d.Event.Append != nil {
		if c.open == nil {
			c.open = make([]byte, 0, c.expected)
		}
		before := len(c.open)
		c.open = append(d.Event.Append(append(c.open, f.prefix...)), eventSuffix...)
		c.size += len(c.open) - before
		return
	}
	event := d.Event.JSON()
	c.size += len(event)
	if c.end(); c.shared {
		c.buffers[len(c.buffers)-1] = f.between
	} else {
		c.buffers = append(c.buffers, f.prefix)
	}
	if c.shared = true; d.Dropped == 0 {
		c.buffers = append(c.buffers, event, eventSuffix)
		return
	}
	open := event[:len(event)-1] // without the closing brace
	c.buffers = append(c.buffers, open, fmt.Appendf(nil, `,"dropped":%d}`, d.Dropped), eventSuffix)
}

// end returns all buffers.
func (c *eventBuffers) end() [][]byte {
	if len(c.open) > 0 {
		c.buffers, c.open, c.shared = append(c.buffers, c.open), nil, false
	}
	return c.buffers
}
