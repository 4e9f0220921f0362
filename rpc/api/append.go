package api

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"

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

// AppendJSON appends what Marshal writes for r, up to the escaping of strings.
func (r GetConversationResult) AppendJSON(b []byte) []byte {
	size := 0
	for i := range r.Events {
		size += len(r.Events[i].Content) + len(r.Events[i].ToolInput) + 320 // and what is around them
	}
	b = append(slices.Grow(b, size), `{"events":[`...)
	for i := range r.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = r.Events[i].AppendJSON(b)
	}
	b = append(b, `],"next_after_seq":`...)
	if r.NextAfterSeq == nil {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, *r.NextAfterSeq, 10)
	}
	b = append(b, `,"head_seq":`...)
	return append(strconv.AppendInt(b, r.HeadSeq, 10), '}')
}

// appendText appends a string; a mark is in the place of each byte that is no UTF-8.
func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // it complains of those bytes, and has replaced them
	return b
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
