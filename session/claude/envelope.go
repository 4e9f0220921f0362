package claude

// envelope is every member of a line that is looked at, found by a search: the
// line is known to be valid JSON. Its strings share the line's memory.
type envelope struct {
	Type, Subtype, SessionID, UUID, ParentToolUseID string
	IsReplay, Sidechain                             bool
	Message                                         string // JSON
	Understood                                      bool   // whether the form of the message's content is known

	// Content and Title are what lines of transcripts say in words; JSON.
	Content, Title string

	Model, PermissionMode, Version, State string

	CommandUUID, RequestID   string
	Request, Response, Tasks string // JSON
}

// open reads an object. It calls visit for the blocks of its message, until that
// returns false: it wants no more of them. It reports whether every member that is
// looked at has the type that it should have; null counts as absent.
func open(object string, visit visitor) (e envelope, ok bool) {
	f := fields{scanner: scanner{text: object}, ok: true}
	if f.kind() != '{' {
		return e, true
	}
	for f.into(); f.more(); {
		switch f.name() {
		case "type":
			f.read(&e.Type)
		case "subtype":
			f.read(&e.Subtype)
		case "session_id":
			f.read(&e.SessionID)
		case "uuid":
			f.read(&e.UUID)
		case "parent_tool_use_id":
			f.read(&e.ParentToolUseID)
		case "isReplay":
			f.flag(&e.IsReplay)
		case "isSidechain":
			e.Sidechain = f.skip() == "true"
		case "content":
			e.Content = f.skip()
		case "summary", "customTitle", "aiTitle":
			e.Title = f.skip()
		case "message":
			f.kind()
			begin := f.at
			e.Understood = f.message(visit)
			e.Message = f.text[begin:f.at]
		case "model":
			f.read(&e.Model)
		case "permissionMode":
			f.read(&e.PermissionMode)
		case "claude_code_version":
			f.read(&e.Version)
		case "state":
			f.read(&e.State)
		case "command_uuid":
			f.read(&e.CommandUUID)
		case "request_id":
			f.read(&e.RequestID)
		case "request":
			e.Request = f.skip()
		case "response":
			e.Response = f.skip()
		case "tasks":
			e.Tasks = f.skip()
		default:
			f.skip()
		}
	}
	return e, f.ok
}

// fields reads members of objects, and notes whether their types are known.
type fields struct {
	scanner
	ok bool
}

// read goes over a string.
func (f *fields) read(to *string) {
	kind := f.kind()
	*to = f.string()
	f.ok = f.ok && (kind == '"' || kind == 'n')
}

// flag goes over true or false.
func (f *fields) flag(to *bool) {
	kind := f.kind()
	f.skip()
	*to = kind == 't'
	f.ok = f.ok && (kind == 't' || kind == 'f' || kind == 'n')
}
