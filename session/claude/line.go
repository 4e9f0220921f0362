package claude

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/sessiond/sessiond/rpc/api"
)

// Line is what one line of Claude Code's standard output means. At most one of
// the pointers is set.
type Line struct {
	Type      string // the line's own type; "" for what is not a JSON object
	Subtype   string
	SessionID string // Claude Code's id of the conversation, where the line has one
	UUID      string // id of the line, where it has one

	// Parts says what the log keeps of the line: one part for each content
	// block, in order. It is empty only for a partial message.
	Parts []Part

	Subagent  bool // printed inside a subagent
	Interrupt bool // the note "[Request interrupted by user…]"

	Init       *Init
	Result     *Result
	Question   *Question
	Response   *Response
	Lifecycle  *Lifecycle
	CancelID   string // control_cancel_request: the question that is void
	EchoID     string // an echoed prompt (isReplay): the message's uuid
	State      string // session_state_changed: idle, running, requires_action
	Mode       string // status: the permission mode from now on
	Background *int   // background_tasks_changed: agents that still work
	RateLimit  *api.RateLimit
	Retry      *api.Retry
}

// Part is one content block of a line.
type Part struct {
	Kind   api.ConversationType
	ToolID string // id of a tool_call, or the id that a tool_result answers
}

// Init begins a turn. Claude Code prints one for each turn, not for each process.
type Init struct {
	Model          string
	PermissionMode string
	Version        string
}

// Result ends a turn.
type Result struct {
	Subtype        string
	IsError        bool   // the truth: subtype "success" with IsError is an API error
	Text           string // the result, or the errors where there is none
	TerminalReason string
	DurationMS     int64  // of this turn
	Turn           Usage  // of this turn, without its subagents
	Total          Totals // of the process so far, all models and subagents
}

// Aborted reports whether the turn was cut off by an interrupt.
func (r *Result) Aborted() bool { return strings.HasPrefix(r.TerminalReason, "aborted") }

// Usage counts tokens.
type Usage struct {
	InputTokens              int64 `json:"input_tokens"`
	OutputTokens             int64 `json:"output_tokens"`
	CacheCreationInputTokens int64 `json:"cache_creation_input_tokens"`
	CacheReadInputTokens     int64 `json:"cache_read_input_tokens"`
}

// Totals are what a process says that it has used so far. One that resumes a
// conversation may begin with what another one had used (2.1.329: with what the
// last process on it had at its end), or at zero (2.1.197; forks of live ones).
type Totals struct {
	CostUSD float64 `json:"cost_usd"`
	Usage
}

// Minus returns what was used beyond base.
func (t Totals) Minus(base Totals) Totals {
	return Totals{CostUSD: t.CostUSD - base.CostUSD, Usage: Usage{
		InputTokens: t.InputTokens - base.InputTokens, OutputTokens: t.OutputTokens - base.OutputTokens,
		CacheCreationInputTokens: t.CacheCreationInputTokens - base.CacheCreationInputTokens,
		CacheReadInputTokens:     t.CacheReadInputTokens - base.CacheReadInputTokens}}
}

// Covers reports whether t is at least u, at no negative cost.
func (t Totals) Covers(u Usage) bool {
	return t.CostUSD >= 0 && t.InputTokens >= u.InputTokens && t.OutputTokens >= u.OutputTokens &&
		t.CacheCreationInputTokens >= u.CacheCreationInputTokens && t.CacheReadInputTokens >= u.CacheReadInputTokens
}

// Question is a can_use_tool request: Claude Code waits for an answer.
type Question struct {
	RequestID   string
	ToolName    string
	ToolUseID   string
	Input       []byte   // JSON
	Suggestions [][]byte // JSON, each
	ForUser     bool     // a question to the user, not a permission
}

// Response answers a control request of ours.
type Response struct {
	RequestID   string
	Error       string   // why it was refused; "" for success
	Cancelled   bool     // cancel_async_message: it was in time
	StillQueued []string // interrupt (2.1.329): uuids of the messages that remain
	Mode        string   // set_permission_mode: the mode from now on
	Model       string   // set_model (2.1.329): the model from now on
	// Pending is what Claude Code waits for, at this line; nil where it does not
	// say. The answer to initialize says it, except that 2.1.197 does not in one
	// that comes before its first message.
	Pending []*Question
}

// Lifecycle tells how a message of ours fares (2.1.329).
type Lifecycle struct {
	MessageID string
	State     string // queued, started, completed, cancelled, discarded, refused
}

// lenient reads whatever Claude Code prints: names that come twice and bytes
// that are no UTF-8 are no reason to give a line up.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// Parse says what a line means. It never fails: see the package's promise. The
// result's texts share the memory of b, which must not change as long as they are
// used; what is kept for long has to be copied. Parts, Question and State have
// memory of their own.
func Parse(b []byte) Line {
	if !jsontext.Value(b).IsValid(lenient) {
		return Line{Parts: []Part{{Kind: api.ConversationUnparsed}}}
	}
	var said message
	e, ok := open(valid(b), said.add)
	if !ok { // an object that has a known name with a value of another type
		return Line{Type: e.Type, Parts: []Part{{Kind: api.ConversationSystem}}}
	}
	l := Line{Type: e.Type, Subtype: e.Subtype, SessionID: e.SessionID, UUID: e.UUID, Subagent: e.ParentToolUseID != "" || e.Sidechain}
	switch e.Type {
	case "assistant", "user":
		l.parseMessage(&e, &said)
		return l
	case "stream_event":
		return l
	case "result":
		l.Result = parseResult(b)
		l.Parts = []Part{{Kind: api.ConversationResult}}
		return l
	case "system":
		l.parseSystem(&e, b)
	case "rate_limit_event":
		l.RateLimit = parseRateLimit(b)
	case "control_request":
		l.Question = parseQuestion(&e)
	case "control_cancel_request":
		l.CancelID = e.RequestID
	case "control_response":
		l.Response = parseResponse(e.Response)
	case "command_lifecycle":
		l.Lifecycle = &Lifecycle{MessageID: e.CommandUUID, State: e.State}
	}
	l.Parts = []Part{{Kind: api.ConversationSystem}}
	return l
}

func (l *Line) parseSystem(e *envelope, b []byte) {
	switch e.Subtype {
	case "init":
		l.Init = &Init{Model: e.Model, PermissionMode: e.PermissionMode, Version: e.Version}
	case "session_state_changed":
		l.State = strings.Clone(e.State)
	case "status":
		l.Mode = e.PermissionMode
	case "api_retry":
		l.Retry = parseRetry(b)
	case "background_tasks_changed":
		l.Background = countAgents(e.Tasks)
	}
}

// countAgents counts the tasks that are agents: unlike a background shell
// command, an agent may still ask and still begins a turn when it is done.
func countAgents(tasks string) *int {
	var list []struct {
		Type string `json:"task_type"`
	}
	if json.Unmarshal([]byte(tasks), &list, lenient) != nil {
		return nil
	}
	n := 0
	for _, t := range list {
		if strings.HasSuffix(t.Type, "_agent") {
			n++
		}
	}
	return &n
}

// message is what a line says in its message.
type message struct {
	parts     []Part
	interrupt bool
}

// add is a visitor.
func (m *message) add(n int, b block) bool {
	if n == 0 {
		*m = message{parts: make([]Part, 0, 1)}
	}
	m.parts = append(m.parts, Part{Kind: b.kind(), ToolID: strings.Clone(b.toolID())}) // what is kept for long keeps no line
	m.interrupt = m.interrupt || strings.HasPrefix(b.Text, "[Request interrupted by user")
	return true
}

func (l *Line) parseMessage(e *envelope, said *message) {
	l.Parts = []Part{{Kind: api.ConversationSystem}}
	if e.IsReplay {
		l.EchoID = e.UUID
		return
	}
	if e.Understood {
		l.Parts, l.Interrupt = said.parts, said.interrupt && e.Type == "user"
	}
}

func parseResult(b []byte) *Result {
	type modelUsage struct {
		InputTokens              int64 `json:"inputTokens"`
		OutputTokens             int64 `json:"outputTokens"`
		CacheReadInputTokens     int64 `json:"cacheReadInputTokens"`
		CacheCreationInputTokens int64 `json:"cacheCreationInputTokens"`
	}
	var r struct {
		Subtype        string                `json:"subtype"`
		IsError        bool                  `json:"is_error"`
		Result         jsontext.Value        `json:"result"`
		Errors         jsontext.Value        `json:"errors"`
		TerminalReason string                `json:"terminal_reason"`
		DurationMS     float64               `json:"duration_ms"`
		CostUSD        float64               `json:"total_cost_usd"`
		Usage          Usage                 `json:"usage"`
		ModelUsage     map[string]modelUsage `json:"modelUsage"`
	}
	if json.Unmarshal(b, &r, lenient) != nil {
		return &Result{IsError: true, Text: "Claude Code's result line has an unknown form"}
	}
	res := &Result{Subtype: r.Subtype, IsError: r.IsError, TerminalReason: r.TerminalReason,
		DurationMS: int64(r.DurationMS), Text: resultText(r.Result, r.Errors), Turn: r.Usage, Total: Totals{CostUSD: r.CostUSD}}
	for _, u := range r.ModelUsage {
		res.Total.InputTokens += u.InputTokens
		res.Total.OutputTokens += u.OutputTokens
		res.Total.CacheReadInputTokens += u.CacheReadInputTokens
		res.Total.CacheCreationInputTokens += u.CacheCreationInputTokens
	}
	return res
}

// resultText is a result's text, or its errors, a line each.
func resultText(result, errors jsontext.Value) string {
	var text string
	if json.Unmarshal(result, &text, lenient) == nil && text != "" {
		return text
	}
	var list []string
	if json.Unmarshal(errors, &list, lenient) == nil {
		return strings.Join(list, "\n")
	}
	return ""
}

// askUser is the tool that asks the user something; 2.1.197 tells it by its
// name alone.
const askUser = "AskUserQuestion"

func parseQuestion(e *envelope) *Question {
	var q struct {
		Subtype     string           `json:"subtype"`
		ToolName    string           `json:"tool_name"`
		ToolUseID   string           `json:"tool_use_id"`
		Input       jsontext.Value   `json:"input"`
		Suggestions []jsontext.Value `json:"permission_suggestions"`
		ForUser     bool             `json:"requires_user_interaction"`
	}
	if json.Unmarshal([]byte(e.Request), &q, lenient) != nil || q.Subtype != "can_use_tool" || e.RequestID == "" {
		return nil
	}
	question := &Question{RequestID: strings.Clone(e.RequestID), ToolName: q.ToolName, ToolUseID: q.ToolUseID,
		Input: bytes.Clone(q.Input), ForUser: q.ForUser || q.ToolName == askUser}
	for _, s := range q.Suggestions {
		question.Suggestions = append(question.Suggestions, bytes.Clone(s))
	}
	return question
}

func parseResponse(response string) *Response {
	var r struct {
		Subtype   string         `json:"subtype"`
		RequestID string         `json:"request_id"`
		Error     string         `json:"error"`
		Response  jsontext.Value `json:"response"`
		Pending   jsontext.Value `json:"pending_permission_requests"`
	}
	if json.Unmarshal([]byte(response), &r, lenient) != nil {
		return nil
	}
	var inner struct {
		Cancelled   bool     `json:"cancelled"`
		StillQueued []string `json:"still_queued"`
		Mode        string   `json:"mode"`
		Model       string   `json:"model"`
	}
	_ = json.Unmarshal(r.Response, &inner, lenient) // another form: an answer that says nothing we look at
	res := &Response{RequestID: r.RequestID, Cancelled: inner.Cancelled, StillQueued: inner.StillQueued, Mode: inner.Mode, Model: inner.Model, Pending: parsePending(r.Pending)}
	if r.Subtype == "error" {
		res.Error = cmp.Or(r.Error, "refused without a reason")
	}
	return res
}

// parsePending reads a list of questions, each as it was asked. One in a form
// that is not known makes the list say nothing: to take it for answered would
// be wrong.
func parsePending(b jsontext.Value) []*Question {
	s := scanner{text: string(b)}
	if s.kind() != '[' {
		return nil
	}
	questions := []*Question{}
	for s.into(); s.more(); {
		e, ok := open(s.skip(), func(int, block) bool { return false })
		q := parseQuestion(&e)
		if !ok || q == nil {
			return nil
		}
		questions = append(questions, q)
	}
	return questions
}
