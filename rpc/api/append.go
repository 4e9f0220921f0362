package api

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendJSON appends what Marshal writes for e, up to the escaping of strings.
// Every event of every session is encoded here, once for all its subscribers:
// reflection, and the second look that Marshal takes at Data, would be most of
// what an event costs. Data has to be valid JSON.
func (e *Event) AppendJSON(b []byte) []byte { return e.appendWith(b, nil) }

// AppendConversation is AppendJSON for an event whose data is conv, which is
// written right where it belongs.
func (e *Event) AppendConversation(b []byte, conv *ConversationEvent) []byte {
	return e.appendWith(b, conv)
}

func (e *Event) appendWith(b []byte, conv *ConversationEvent) []byte {
	b = append(b, '{')
	if e.Seq != 0 {
		b = append(b, `"seq":`...)
		b = strconv.AppendInt(b, e.Seq, 10)
		b = append(b, ',')
	}
	b = append(b, `"type":`...)
	b = appendText(b, string(e.Type))
	b = append(b, `,"session_id":`...)
	b = appendText(b, e.SessionID)
	b = append(b, `,"run_id":`...)
	b = appendText(b, e.RunID)
	b = append(b, `,"timestamp":`...)
	b = e.Timestamp.appendJSON(b)
	if conv != nil {
		b = conv.AppendJSON(appendName(b, "data"))
	} else {
		b = appendRaw(b, "data", e.Data)
	}
	if e.Dropped != 0 {
		b = append(b, `,"dropped":`...)
		b = strconv.AppendInt(b, int64(e.Dropped), 10)
	}
	return append(b, '}')
}

// AppendJSON appends what Marshal writes for e, up to the escaping of strings.
// ToolInput has to be valid JSON.
func (e *ConversationEvent) AppendJSON(b []byte) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendInt(b, e.Seq, 10)
	b = append(b, `,"session_id":`...)
	b = appendText(b, e.SessionID)
	b = appendSet(b, "claude_session_id", e.ClaudeSessionID)
	b = append(b, `,"event_type":`...)
	b = appendText(b, string(e.EventType))
	b = appendSet(b, "role", e.Role)
	b = appendSet(b, "content", e.Content)
	b = appendSet(b, "message_id", e.MessageID)
	b = appendSet(b, "tool_id", e.ToolID)
	b = appendSet(b, "tool_name", e.ToolName)
	b = appendRaw(b, "tool_input", e.ToolInput)
	b = appendSet(b, "tool_result_for_id", e.ToolResultForID)
	b = appendFlag(b, "is_error", e.IsError)
	b = appendSet(b, "parent_tool_use_id", e.ParentToolUseID)
	b = appendFlag(b, "is_completed", e.IsCompleted)
	b = appendSet(b, "approval_id", e.ApprovalID)
	b = appendSet(b, "approval_status", string(e.ApprovalStatus))
	b = append(b, `,"created_at":`...)
	b = e.CreatedAt.appendJSON(b)
	if e.Raw != nil {
		b = append(b, `,"raw":`...)
		b = appendText(b, *e.Raw)
	}
	if len(e.RawBase64) > 0 {
		b = append(b, `,"raw_base64":"`...)
		b = base64.StdEncoding.AppendEncode(b, e.RawBase64)
		b = append(b, '"')
	}
	if e.RawUnterminated {
		b = append(b, `,"raw_unterminated":true`...)
	}
	return append(b, '}')
}

// ConversationPage is a GetConversationResult whose events are encoded, some of
// them in each part: a page may have megabytes, which nobody copies again.
type ConversationPage struct {
	Parts        [][]byte // events with commas between, as ConversationEvent's AppendJSON writes them
	NextAfterSeq *int64
	HeadSeq      int64
}

// Encoded is r as it is sent.
func (r GetConversationResult) Encoded() ConversationPage {
	page := ConversationPage{NextAfterSeq: r.NextAfterSeq, HeadSeq: r.HeadSeq}
	for i := range r.Events {
		page.Parts = append(page.Parts, r.Events[i].AppendJSON(nil))
	}
	return page
}

// JSON returns what Marshal writes for the result, up to the escaping of strings,
// in pieces that belong one behind the other.
func (p ConversationPage) JSON() [][]byte {
	between := []byte(`{"next_after_seq":`)
	if p.NextAfterSeq == nil {
		between = append(between, "null"...)
	} else {
		between = strconv.AppendInt(between, *p.NextAfterSeq, 10)
	}
	between = append(between, `,"head_seq":`...)
	between = append(strconv.AppendInt(between, p.HeadSeq, 10), `,"events":[`...)
	if len(p.Parts) == 0 {
		return [][]byte{append(between, "]}"...)}
	}
	pieces := make([][]byte, 0, 2*len(p.Parts)+1)
	for _, part := range p.Parts {
		pieces = append(pieces, between, part)
		between = []byte(",")
	}
	return append(pieces, []byte("]}"))
}

// appendText appends a string; a mark is in the place of each byte that is no UTF-8.
func appendText(b []byte, s string) []byte {
	if plain(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	b, _ = jsontext.AppendQuote(b, s) // it complains of those bytes, and has replaced them
	return b
}

// plain reports whether s stands for itself in JSON. It looks at eight bytes at
// once: texts are most of what is sent.
func plain(s string) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	var special, beyond uint64 // top bits of bytes that have to be escaped, and of those that are no ASCII
	rest := s
	for ; len(rest) >= 8; rest = rest[8:] {
		w := binary.LittleEndian.Uint64([]byte(rest[:8]))
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// What is taken from a byte that is smaller sets its top bit, if that was not set.
		special |= (w-ones*' ')&^w | (quote-ones)&^quote | (slash-ones)&^slash
		beyond |= w
	}
	for i := range len(rest) {
		if c := rest[i]; c < ' ' || c == '"' || c == '\\' {
			return false
		}
		beyond |= uint64(rest[i])
	}
	return special&tops == 0 && (beyond&tops == 0 || utf8.ValidString(s))
}

// appendSet appends a member unless it is empty.
func appendSet(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendText(appendName(b, name), value)
}

func appendRaw(b []byte, name string, value json.RawMessage) []byte {
	if len(value) == 0 {
		return b
	}
	return append(appendName(b, name), value...)
}

func appendFlag(b []byte, name string, value *bool) []byte {
	if value == nil {
		return b
	}
	return strconv.AppendBool(appendName(b, name), *value)
}

// appendName appends the name of a member that is not the first.
func appendName(b []byte, name string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	return append(b, '"', ':')
}
