package scripted

import (
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
)

// These build and print the lines that the real one prints, in its words.

// timestamp is now as the real one writes it.
func timestamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

// dated adds a time to a line, where the version does.
func (e *engine) dated(o object) object {
	if e.modern {
		o = append(o, "timestamp", timestamp())
	}
	return o
}

func (e *engine) system(subtype string, pairs ...any) []byte {
	o := append(object{"type", "system", "subtype", subtype}, pairs...)
	return append(o, "uuid", uuid.NewString(), "session_id", e.id).line()
}

// state prints the session's state, if that was asked for.
func (e *engine) state(state string) {
	if e.states {
		e.out.print(e.system("session_state_changed", "state", state))
	}
}

// lifecycle prints what has become of a message, where the version does.
func (e *engine) lifecycle(m *message, state string) {
	if e.modern && m.uuid != "" {
		e.out.print(object{"type", "command_lifecycle", "command_uuid", m.uuid, "state", state,
			"uuid", uuid.NewString(), "session_id", e.id}.line())
	}
}

// echo prints a message as it was sent, if that was asked for.
func (e *engine) echo(m *message) {
	if e.opts.has("replay-user-messages") {
		e.out.print(object{"type", "user", "message", m.body, "session_id", e.id, "parent_tool_use_id", nil,
			"uuid", m.uuid, "timestamp", timestamp(), "isReplay", true}.line())
	}
}

func (e *engine) userLine(content any, pairs ...any) []byte {
	return append(object{"type", "user", "message", object{"role", "user", "content", content}, "parent_tool_use_id", nil,
		"session_id", e.id, "uuid", uuid.NewString(), "timestamp", timestamp()}, pairs...).line()
}

func (t *turn) initLine() []byte {
	dir, _ := os.Getwd() // a deleted directory has no name
	var uuids list
	for _, m := range t.messages {
		uuids = append(uuids, m.uuid)
	}
	o := object{"type", "system", "subtype", "init", "cwd", dir, "session_id", t.id,
		"tools", []string{"Task", "Bash", "Edit", "Read", "Write", "AskUserQuestion"}, "mcp_servers", t.mcpServers(),
		"model", t.model, "permissionMode", t.mode, "slash_commands", list{}, "apiKeySource", "none",
		"claude_code_version", t.version, "output_style", "default", "agents", list{}, "skills", list{}, "plugins", list{},
		"uuid", uuid.NewString()}
	if t.modern {
		o = append(o, "user_message_uuids", uuids)
	}
	return o.line()
}

// assistantLine is one block of a message of Claude's.
func (t *turn) assistantLine(block object, pairs ...any) []byte {
	id := uuid.NewString()
	t.transcript.add(entry{Type: entryAssistant, UUID: id})
	message := object{"id", t.messageID(), "type", "message", "role", "assistant", "model", t.model, "content", list{block},
		"stop_reason", nil, "stop_sequence", nil, "usage", tokens(1), "context_management", nil}
	return t.dated(append(object{"type", "assistant", "message", message, "parent_tool_use_id", nil,
		"session_id", t.id, "uuid", id}, pairs...)).line()
}

// tokens is what n calls of the API have used.
func tokens(n int) object {
	return object{"input_tokens", 12 * n, "cache_creation_input_tokens", 3 * n, "cache_read_input_tokens", 5 * n, "output_tokens", 20 * n}
}

// cost of one call in dollars.
const cost = 0.000464

// modelUsageLocked is what this process has used so far.
func (e *engine) modelUsageLocked() (byModel object, dollars float64) {
	byModel = object{}
	for model, n := range e.calls {
		byModel = append(byModel, model, object{"inputTokens", 12 * n, "outputTokens", 20 * n, "cacheReadInputTokens", 5 * n,
			"cacheCreationInputTokens", 3 * n, "webSearchRequests", 0, "costUSD", cost * float64(n), "contextWindow", 200000})
		dollars += cost * float64(n)
	}
	return byModel, dollars
}

// result is the line that ends a turn. Its names are in the version's order: the
// newer one does not begin with the type.
func (e *engine) result(o *outcome, t *turn) []byte {
	byModel, dollars := e.modelUsageLocked()
	head := object{"type", "result", "subtype", o.subtype}
	body := object{"is_error", o.failed, "duration_api_ms", 0, "num_turns", t.calls, "stop_reason", o.stop,
		"session_id", e.id, "total_cost_usd", dollars, "usage", tokens(t.calls), "modelUsage", byModel, "permission_denials", append(list{}, t.denials...)}
	if o.terminal != "" {
		body = append(body, "terminal_reason", o.terminal)
	}
	if o.errors != nil {
		body = append(body, "errors", o.errors)
	} else {
		body = append(body, "api_error_status", o.apiStatus, "result", o.text)
	}
	if t.structured != nil && !o.failed {
		body = append(body, "structured_output", t.structured)
	}
	tail := object{"duration_ms", t.millis(), "uuid", uuid.NewString()}
	index := e.results
	e.results++
	if e.modern {
		tail = append(tail, "queued_turn_count", 0, "result_index", index)
		return append(append(body, head...), tail...).line()
	}
	return append(append(head, body...), tail...).line()
}

// shortID makes an id for what the API gives ids to.
func shortID() string { return strings.ReplaceAll(uuid.NewString(), "-", "")[:24] }
