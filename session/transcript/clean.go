package transcript

import (
	"encoding/json"

	"github.com/tidwall/gjson"

	"github.com/sessiond/sessiond/session/claude"
)

// shape says where the texts of a value are that only name something, such as an id:
// by the names of fields, at any place of a list.
type shape map[string]shape

// name is the shape of a text that names something.
var name = shape{}

// lineShape is that of a line: what it is, and by which it and others are found.
var lineShape = shape{
	"type": name, "subtype": name, "timestamp": name, "cwd": name, "permissionMode": name,
	"uuid": name, "parentUuid": name, "logicalParentUuid": name, "leafUuid": name, "sourceToolAssistantUUID": name,
	"sessionId": name, "requestSessionId": name, "requestId": name, "promptId": name, "agentId": name, "messageId": name,
	"toolUseID": name, "parentToolUseID": name, "sourceToolUseID": name,
	"message": {
		"type": name, "role": name, "id": name, "model": name, "stop_reason": name,
		"content": {"type": name, "id": name, "name": name, "tool_use_id": name},
	},
}

// Clean gives back a line with other texts: clean is called with the JSON of everything
// that was said or done, and returns what takes its place. What only names something,
// fields too, stays, for the line would not be found again by another name. A line that is no JSON
// is one text. Where clean changes nothing, the line comes back byte for byte.
func Clean(line []byte, clean func(json.RawMessage) json.RawMessage) []byte {
	if cleaned := clean(line); string(cleaned) == string(line) || !json.Valid(line) {
		return cleaned
	}
	return lineShape.clean(gjson.ParseBytes(line), clean)
}

// clean gives back the JSON of a value of that shape; of none, if s is nil.
func (s shape) clean(value gjson.Result, clean func(json.RawMessage) json.RawMessage) []byte {
	switch {
	case s == nil:
	case len(s) == 0 && value.Type == gjson.String:
		return []byte(value.Raw)
	case len(s) > 0 && value.IsArray():
		return claude.Rewrite(value, func(_, element gjson.Result) []byte { return s.clean(element, clean) })
	case len(s) > 0 && value.IsObject():
		return claude.Rewrite(value, func(field, of gjson.Result) []byte { return s[field.Str].clean(of, clean) })
	}
	return clean(json.RawMessage(value.Raw))
}
