package api

// Role is who said something, for searchConversations.
type Role string

// Who can have said something. On the wire of Claude Code a tool's result comes from
// the user; whoever looks for what a person said does not mean that.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
	RoleSystem    Role = "system"
)

// SearchOrder is in which order searchConversations answers.
type SearchOrder string

// The orders of what is found.
const (
	OrderRank   SearchOrder = "rank"
	OrderNewest SearchOrder = "newest"
)

// SearchConversationsParams are the params of searchConversations. Filters are joined
// by "and".
type SearchConversationsParams struct {
	Query      string      `json:"query" jsonschema:"words, all of which an event has: \"a phrase\", the begin of a word*, -without, one OR another"`
	SessionID  string      `json:"session_id,omitempty" jsonschema:"only events of this session; not of those that it continues"`
	WorkingDir string      `json:"working_dir,omitempty" jsonschema:"only sessions in this directory or below it; an absolute path"`
	Tag        string      `json:"tag,omitempty" jsonschema:"only sessions that have this tag"`
	Archived   *bool       `json:"archived,omitempty" jsonschema:"true: only archived sessions, false: only the others; default both"`
	After      Time        `json:"after,omitzero" jsonschema:"only what was recorded at this time or later"`
	Before     Time        `json:"before,omitzero" jsonschema:"only what was recorded before this time"`
	Role       Role        `json:"role,omitempty" jsonschema:"only what user, assistant, tool or system said"`
	ToolName   string      `json:"tool_name,omitempty" jsonschema:"only calls of this tool, and their results"`
	Order      SearchOrder `json:"order,omitempty" jsonschema:"rank (default: the best first, among equals the newest) or newest"`
	Limit      *int        `json:"limit,omitempty" jsonschema:"1 to 100; default 20"`
	Cursor     string      `json:"cursor,omitempty" jsonschema:"next_cursor of the page before, with the same params"`
}

// SearchConversationsResult is one page of what is found. Where many events match, the
// newest thousands of them are ranked together; when these are through, the next
// cursor goes on with older ones.
type SearchConversationsResult struct {
	Matches    []SearchMatch `json:"matches" jsonschema:"in the order that was asked for; fewer than the limit, even none, where next_cursor says that there may be more"`
	NextCursor string        `json:"next_cursor,omitempty" jsonschema:"cursor of the next page; absent at the end"`
	Total      int           `json:"total" jsonschema:"how many events match among those that were looked at"`
	Partial    bool          `json:"partial,omitempty" jsonschema:"older events were not looked at yet, because enough were found or the time was over: total is of the newer ones, and next_cursor comes to the others"`
	IndexedSeq int64         `json:"indexed_seq" jsonschema:"events up to this seq can be found; behind head_seq where the index is being built, or is a moment late"`
	HeadSeq    int64         `json:"head_seq" jsonschema:"the newest seq of the whole log"`
}

// SearchMatch is an event that was found.
type SearchMatch struct {
	SessionID  string           `json:"session_id" jsonschema:"the session it belongs to"`
	Seq        int64            `json:"seq" jsonschema:"its place in the log: getConversation has it"`
	EventType  ConversationType `json:"event_type" jsonschema:"what it is"`
	Role       Role             `json:"role" jsonschema:"who said it: user, assistant, tool or system"`
	ToolName   string           `json:"tool_name,omitempty" jsonschema:"the tool that was called, or whose result it is"`
	CreatedAt  Time             `json:"created_at" jsonschema:"when the daemon recorded it"`
	Title      string           `json:"title,omitempty" jsonschema:"the session's title, else its first prompt, cut"`
	WorkingDir string           `json:"working_dir" jsonschema:"the session's directory"`
	Snippet    string           `json:"snippet" jsonschema:"the part of its text where most of the words are, in one line; … where it is cut"`
	Highlights []TextRange      `json:"highlights" jsonschema:"where in the snippet the words are, in their order"`
	Score      float64          `json:"score" jsonschema:"how well it matches, more is better; to be compared within one answer only. 0 with order newest"`
}

// TextRange is a part of a text, counted in characters (Unicode code points; not in
// bytes, and not in the UTF-16 units of JavaScript).
type TextRange struct {
	Start int `json:"start" jsonschema:"the first character, from 0"`
	End   int `json:"end" jsonschema:"the one behind the last"`
}

// SearchHealth describes the index of texts.
type SearchHealth struct {
	Available  bool   `json:"available" jsonschema:"whether searchConversations answers"`
	IndexedSeq int64  `json:"indexed_seq" jsonschema:"events up to this seq can be found"`
	Behind     int64  `json:"behind" jsonschema:"how many numbers of the log that is behind head_seq; where these are many, work tells how far it is"`
	Problem    string `json:"problem,omitempty" jsonschema:"what is wrong with it, and what is done or to be done about it, in words"`
}
