package claude

import (
	"bytes"
	"encoding/json"

	"github.com/sessiond/sessiond/rpc/api"
)

// Every function of this file returns one line for Claude Code's standard
// input, without its newline and without one inside.

// UserMessage starts a turn, or is taken into the one that runs. Claude Code
// ignores an id that it had already, as long as its process lives; it compares
// ids exactly, case included.
func UserMessage(id string, content api.Content) []byte {
	return encode(userMessage{Type: "user", UUID: id, Message: userContent{Role: "user", Content: content}})
}

type userMessage struct {
	Type    string      `json:"type"`
	UUID    string      `json:"uuid"`
	Message userContent `json:"message"`
}

type userContent struct {
	Role    string      `json:"role"`
	Content api.Content `json:"content"`
}

// Interrupt ends the turn that runs. When there is none it does nothing, and
// right behind a message it may miss that message's turn: the answer of
// 2.1.329 then names the message in still_queued.
func Interrupt(requestID string) []byte {
	return request(requestID, map[string]any{"subtype": "interrupt"})
}

// Initialize asks Claude Code what it waits for. It may be repeated at any time,
// and is answered in mid-turn too. What was written before it has been taken in
// when the answer comes.
func Initialize(requestID string) []byte {
	return request(requestID, map[string]any{"subtype": "initialize"})
}

// EndSession ends the process: exit code 0 when idle, 1 in mid-turn.
func EndSession(requestID string) []byte {
	return request(requestID, map[string]any{"subtype": "end_session"})
}

// SetModel switches the model from the next request on.
func SetModel(requestID, model string) []byte {
	return request(requestID, map[string]any{"subtype": "set_model", "model": model})
}

// SetPermissionMode switches the permission mode. 2.1.197 takes any word for one.
func SetPermissionMode(requestID, mode string) []byte {
	return request(requestID, map[string]any{"subtype": "set_permission_mode", "mode": mode})
}

// CancelMessage withdraws a message that has not started; its lifecycle says
// cancelled if that was in time.
func CancelMessage(requestID, messageID string) []byte {
	return request(requestID, map[string]any{"subtype": "cancel_async_message", "message_uuid": messageID})
}

// Allow answers a question with yes. The input is what runs, changed or not;
// the permissions are suggestions of the question, handed back to be remembered.
// A second answer to a question is ignored.
func Allow(requestID string, input json.RawMessage, permissions []json.RawMessage) []byte {
	answer := map[string]any{"behavior": "allow", "updatedInput": input}
	if len(permissions) > 0 {
		answer["updatedPermissions"] = permissions
	}
	return response(requestID, answer)
}

// Deny answers a question with no; the model reads why.
func Deny(requestID, why string) []byte {
	return response(requestID, map[string]any{"behavior": "deny", "message": why})
}

func request(id string, body map[string]any) []byte {
	return encode(map[string]any{"type": "control_request", "request_id": id, "request": body})
}

func response(id string, body map[string]any) []byte {
	return encode(map[string]any{"type": "control_response",
		"response": map[string]any{"subtype": "success", "request_id": id, "response": body}})
}

// encode marshals v, which holds only strings, maps and valid JSON, in one
// line: the encoder compacts what it is given raw.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("claude: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
