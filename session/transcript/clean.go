package transcript

import (
	"encoding/json"

	"github.com/tidwall/gjson"
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

func (s shape) clean(value gjson.Result, clean func(json.RawMessage) json.RawMessage) []byte {
	switch {
	case len(s) == 0 && value.Type == gjson.String:
		return []byte(value.Raw)
	case len(s) > 0 && value.IsArray():
		return list('[', ']', value, func(_, element gjson.Result) []byte { return s.clean(element, clean) })
	case len(s) > 0 && value.IsObject():
		return list('{', '}', value, func(field, of gjson.Result) []byte {
			var cleaned []byte
			if inner, known := s[field.Str]; known {
				cleaned = inner.clean(of, clean)
			} else {
				cleaned = clean(json.RawMessage(of.Raw))
			}
			return append(append([]byte(field.Raw), ':'), cleaned...)
		})
	}
	return clean(json.RawMessage(value.Raw))
}

// list makes an array or an object of what each makes of its members.
func list(begin, end byte, value gjson.Result, each func(key, value gjson.Result) []byte) []byte {
	b := []byte{begin}
	value.ForEach(func(key, value gjson.Result) bool {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, each(key, value)...)
		return true
	})
	return append(b, end)
}
