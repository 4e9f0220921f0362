package api

import "encoding/json"

// Observation is one use of a tool in a session, whoever started that. It is a reading
// of the log: of the tool_call event whose seq it has, and of the tool_result that
// answers it.
type Observation struct {
	Seq             int64           `json:"seq" jsonschema:"of the tool_call in the log"`
	SessionID       string          `json:"session_id" jsonschema:"the session it belongs to"`
	ClaudeSessionID string          `json:"claude_session_id,omitempty" jsonschema:"Claude Code's id of the conversation"`
	ToolID          string          `json:"tool_id,omitempty" jsonschema:"id of the call"`
	ToolName        string          `json:"tool_name" jsonschema:"name of the tool"`
	ToolInput       json.RawMessage `json:"tool_input,omitempty" jsonschema:"the input"`
	WorkingDir      string          `json:"working_dir" jsonschema:"the directory it was used in"`
	PromptNumber    int             `json:"prompt_number" jsonschema:"how many prompts the session had had; 0 in a session that was imported"`
	ParentToolUseID string          `json:"parent_tool_use_id,omitempty" jsonschema:"inside a subagent: the call that started it, where that is known"`
	CreatedAt       Time            `json:"created_at" jsonschema:"when it was called"`

	ResponseSeq int64  `json:"response_seq,omitempty" jsonschema:"of the tool_result in the log; absent while there is none"`
	Response    string `json:"response,omitempty" jsonschema:"what the tool answered, as text; JSON where only a hook told of it"`
	IsError     bool   `json:"is_error,omitempty" jsonschema:"whether that is an error"`
	RespondedAt Time   `json:"responded_at,omitzero" jsonschema:"when it answered"`
}

// ListObservationsParams are the params of listObservations. Filters are joined by
// "and".
type ListObservationsParams struct {
	SessionID   string `json:"session_id,omitempty" jsonschema:"only this session"`
	ToolName    string `json:"tool_name,omitempty" jsonschema:"only this tool; * stands for any text"`
	Since       Time   `json:"since,omitzero" jsonschema:"only those that were called then or later"`
	Until       Time   `json:"until,omitzero" jsonschema:"only those that were called before"`
	Unprocessed bool   `json:"unprocessed,omitempty" jsonschema:"only those behind what the newest summary of their session covers"`
	AfterSeq    int64  `json:"after_seq,omitempty" jsonschema:"only those after this seq; default 0"`
	Limit       *int   `json:"limit,omitempty" jsonschema:"1 to 1,000; default 100"`
}

// ListObservationsResult is one page of observations.
type ListObservationsResult struct {
	Observations []Observation `json:"observations" jsonschema:"in the order of seq; a page may be short, or empty, without being the last"`
	NextAfterSeq *int64        `json:"next_after_seq" jsonschema:"after_seq of the next page; null at the end"`
	HeadSeq      int64         `json:"head_seq" jsonschema:"the newest seq of the whole log"`
}
