package bus

import (
	"slices"
	"sync"

	"github.com/sessiond/sessiond/rpc/api"
)

// Event is an event on its way to subscribers, shared by all of them.
type Event struct {
	Seq              int64 // 0 on partial messages
	Type             api.EventType
	SessionID, RunID string
	// Size is about how many bytes the event keeps in memory, as far as the
	// maker knows: bounds count it. It is set before the event is published.
	Size int

	// Encode renders the protocol's `event` object. It is set before the event is
	// published, and called at most once, by whoever needs it first.
	Encode func() []byte

	// Append, in the place of Encode, appends it: of an event that is on a page of the
	// log, and need not be kept encoded.
	Append func(b []byte) []byte

	once sync.Once
	json []byte
}

// NewEvent makes an event by itself.
func NewEvent(seq int64, typ api.EventType, sessionID, runID string, encode func() []byte) *Event {
	return &Event{Seq: seq, Type: typ, SessionID: sessionID, RunID: runID, Encode: encode}
}

// JSON returns the `event` object of the protocol. All callers get the same
// bytes, which must not be changed.
func (e *Event) JSON() []byte {
	if e.Append != nil {
		return e.Append(nil)
	}
	e.once.Do(func() {
		if e.json == nil {
			e.json, e.Encode = e.Encode(), nil
		}
	})
	return e.json
}

// appendJSON appends what JSON returns.
func (e *Event) appendJSON(b []byte) []byte {
	if e.Append != nil {
		return e.Append(b)
	}
	return append(b, e.JSON()...)
}

// eventOverhead is what an event takes beside what its Size says.
const eventOverhead = 256

func (e *Event) cost() int { return e.Size + eventOverhead }

// Filter picks events; what is empty picks all.
type Filter struct {
	SessionID, RunID string
	Types            []api.EventType
	IncludePartial   bool // partial messages too, if Types allows them
}

// sameLog reports whether f and other pick the same of what is stored.
func (f *Filter) sameLog(other *Filter) bool {
	return f.SessionID == other.SessionID && f.RunID == other.RunID && slices.Equal(f.Types, other.Types)
}

// match reports whether f picks e.
func (f *Filter) match(e *Event) bool {
	return (f.SessionID == "" || f.SessionID == e.SessionID) &&
		(f.RunID == "" || f.RunID == e.RunID) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, e.Type))
}
