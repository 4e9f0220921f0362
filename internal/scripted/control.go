package scripted

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// controlRequest is a request of the host's.
type controlRequest struct {
	Subtype     string `json:"subtype"`
	Model       string `json:"model"`
	Mode        string `json:"mode"`
	MessageUUID string `json:"message_uuid"`
}

// control answers a request of the host's.
func (e *engine) control(id string, r *controlRequest) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch r.Subtype {
	case "initialize":
		e.initializeLocked(id)
	case "interrupt":
		e.interruptLocked(id)
	case "cancel_async_message":
		e.cancelLocked(id, r.MessageUUID)
	case "set_model":
		e.setModelLocked(id, r.Model)
	case "set_permission_mode":
		e.setModeLocked(id, r.Mode)
	case "mcp_status":
		e.respond(id, object{"mcpServers", e.mcpServers()})
	case "get_context_usage":
		e.respond(id, object{"categories", list{}, "totalTokens", 0, "maxTokens", 200000, "percentage", 0, "model", e.model})
	case "end_session":
		e.respond(id, nil)
		e.endLocked()
	default:
		e.respondError(id, "unsupported_request", "Unsupported control request subtype: "+r.Subtype)
	}
}

func (e *engine) respond(id string, response object, beside ...any) {
	r := object{"subtype", "success", "request_id", id}
	if response != nil {
		r = append(r, "response", response)
	}
	e.out.print(object{"type", "control_response", "response", append(r, beside...)}.line())
}

func (e *engine) respondError(id, code, text string) {
	r := object{"subtype", "error", "request_id", id, "error", text}
	if e.modern {
		r = append(r, "error_code", code)
	}
	e.out.print(object{"type", "control_response", "response", r}.line())
}

func (e *engine) initializeLocked(id string) {
	response := object{"commands", list{}, "output_style", "default", "models", list{}, "account", object{}, "pid", os.Getpid()}
	pending := list{}
	for _, q := range e.questions {
		pending = append(pending, json.RawMessage(q.line))
	}
	var beside []any
	again := e.initialized || e.turn != nil || e.results > 0
	if e.modern {
		response = append(response, "claude_code_version", e.version, "current_permission_mode", e.mode, "session_state", e.stateLocked())
	}
	if e.modern || again {
		beside = []any{"pending_permission_requests", pending}
	}
	e.initialized = true
	e.respond(id, response, beside...)
	if e.modern && again {
		e.out.print(e.system("background_tasks_changed", "tasks", list{}))
	}
}

func (e *engine) stateLocked() string {
	switch {
	case len(e.questions) > 0:
		return "requires_action"
	case e.turn != nil || len(e.queue) > 0:
		return "running"
	default:
		return "idle"
	}
}

// interruptLocked ends the turn that runs. A message whose turn has not begun is
// missed by it, and named in the answer.
func (e *engine) interruptLocked(id string) {
	queued := list{}
	for _, m := range e.queue {
		queued = append(queued, m.uuid)
	}
	var response object
	if e.modern {
		response = object{"still_queued", queued}
	}
	e.voidQuestionsLocked()
	e.respond(id, response)
	e.abortLocked(errInterrupted)
}

func (e *engine) cancelLocked(id, messageUUID string) {
	i := slices.IndexFunc(e.queue, func(m *message) bool { return m.uuid == messageUUID })
	if i < 0 {
		e.respond(id, object{"cancelled", false})
		return
	}
	e.lifecycle(e.queue[i], "cancelled")
	e.queue = slices.Delete(e.queue, i, i+1)
	e.respond(id, object{"cancelled", true, "message_uuid", messageUUID})
	if e.turn == nil && len(e.queue) == 0 {
		e.state("idle")
	}
}

func (e *engine) setModelLocked(id, model string) {
	e.model = model
	if model == "" {
		e.model = e.flavour.model
	}
	if e.modern {
		e.respond(id, object{"model", e.model})
		return
	}
	if model != "" {
		text := fmt.Sprintf("<local-command-stdout>Set model to %s</local-command-stdout>", model)
		e.out.print(e.userLine(text, "isReplay", true))
	}
	e.respond(id, nil)
}

func (e *engine) setModeLocked(id, mode string) {
	switch {
	case !slices.Contains(modes(e.flavour), mode):
		e.respondError(id, "invalid_mode", "Cannot set permission mode: must be one of "+strings.Join(modes(e.flavour), ", "))
		return
	case mode == "bypassPermissions" && !e.opts.bypasses():
		e.respondError(id, "bypass_not_launched", "Cannot set permission mode to bypassPermissions because the session was not launched with it")
		return
	case mode == "manual":
		mode = "default"
	}
	e.mode = mode
	e.respond(id, object{"mode", mode})
	e.out.print(e.system("status", "status", nil, "permissionMode", mode))
}

// endLocked ends the session: the turn is interrupted, and what is queued is
// discarded. The old version still does what is queued. Idle, it ends well
// whatever came before.
func (e *engine) endLocked() {
	if e.ending == endNot || e.ending == endOfInput {
		e.ending = endByRequest
	}
	if e.turn == nil && len(e.queue) == 0 {
		e.lastFailed = false
	}
	e.abortLocked(errInterrupted)
}

func (e *engine) mcpServers() list {
	servers := list{}
	for _, name := range e.mcp {
		servers = append(servers, object{"name", name, "status", "connected"})
	}
	return servers
}
