package claude

import "github.com/tidwall/gjson"

// envelope is every member of a line that is looked at, found by a search: the
// line is known to be valid JSON. Its strings share the line's memory.
type envelope struct {
	Type, Subtype, SessionID, UUID, ParentToolUseID string
	IsReplay, Sidechain                             bool
	Message                                         gjson.Result

	// Content and Title are what lines of transcripts say in words.
	Content, Title gjson.Result

	Model, PermissionMode, Version, State string

	CommandUUID, RequestID   string
	Request, Response, Tasks gjson.Result
}

// open reads an object. It reports whether every member that is looked at has the
// type that it should have; null counts as absent.
func open(object string) (e envelope, ok bool) {
	f := fields{ok: true}
	gjson.Parse(object).ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "type":
			f.text(&e.Type, value)
		case "subtype":
			f.text(&e.Subtype, value)
		case "session_id":
			f.text(&e.SessionID, value)
		case "uuid":
			f.text(&e.UUID, value)
		case "parent_tool_use_id":
			f.text(&e.ParentToolUseID, value)
		case "isReplay":
			f.flag(&e.IsReplay, value)
		case "isSidechain":
			e.Sidechain = value.Type == gjson.True
		case "content":
			e.Content = value
		case "summary", "customTitle", "aiTitle":
			e.Title = value
		case "message":
			e.Message = value
		case "model":
			f.text(&e.Model, value)
		case "permissionMode":
			f.text(&e.PermissionMode, value)
		case "claude_code_version":
			f.text(&e.Version, value)
		case "state":
			f.text(&e.State, value)
		case "command_uuid":
			f.text(&e.CommandUUID, value)
		case "request_id":
			f.text(&e.RequestID, value)
		case "request":
			e.Request = value
		case "response":
			e.Response = value
		case "tasks":
			e.Tasks = value
		}
		return true
	})
	return e, f.ok
}

// fields reads members of an object, and notes whether their types are known.
type fields struct{ ok bool }

func (f *fields) text(to *string, value gjson.Result) {
	*to = value.Str
	f.ok = f.ok && (value.Type == gjson.String || value.Type == gjson.Null)
}

func (f *fields) flag(to *bool, value gjson.Result) {
	*to = value.Type == gjson.True
	f.ok = f.ok && (value.IsBool() || value.Type == gjson.Null)
}
