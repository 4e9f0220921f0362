package examples

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store/search"
)

// TestExamplesAreTrue plays what the examples of the protocol show, with a real
// daemon, and compares.
func TestExamplesAreTrue(t *testing.T) {
	t.Parallel()
	r := &recording{Methods: map[string][]call{}, Events: map[api.EventType]notification{}, Errors: map[api.Reason]json.RawMessage{}}
	w := newWorld(t, r)
	w.start()
	w.indexed()
	w.claudeFound()
	w.ask("a daemon without sessions", "health", nil)
	first := w.one()
	w.jobs(first)
	w.talk()
	w.approvals()
	w.ends(first)
	w.failures(first)
	w.lastWords()
	w.withoutClaude()
	w.withoutIndex()
	w.events()
	w.delete(first)
	r.compare(t)
}

// one is a session with one turn, read, continued, and filed away.
func (w *world) one() string {
	launched := w.ask("a prompt in a directory", "launchSession", map[string]any{
		"query": "what is this directory about?", "working_dir": w.work, "title": "a look around", "tags": []string{"docs"}, "idempotency_key": "look-1"})
	id := launched["session_id"].(string)
	w.until(id, api.Status.Final)
	w.ask("a session that has ended", "getSessionState", map[string]any{"session_id": id})
	w.ask("the newest one", "listSessions", map[string]any{"status": []string{"completed"}, "tag": "docs", "limit": 1})
	w.ask("from its beginning", "getConversation", map[string]any{"session_id": id})
	w.indexed()
	w.ask("what the user said, of what a directory's sessions were about", "searchConversations", map[string]any{"query": "direct* -deploy", "working_dir": w.work, "role": "user", "limit": 1})
	child := w.ask("the next question", "continueSession", map[string]any{"session_id": id, "query": "and in one sentence?"})
	w.until(child["session_id"].(string), api.Status.Final)
	w.ask("a better title", "updateSession", map[string]any{"session_id": id, "title": "what it is about", "tags": []string{"docs", "done"}})
	w.ask("two, of which one is not there", "archiveSessions",
		map[string]any{"session_ids": []string{id, "00000000-0000-7000-8000-000000000000"}, "archived": true})
	return id
}

// launch launches an interactive session and waits until it has a status.
func (w *world) launch(query string, wanted api.Status, more map[string]any) string {
	w.t.Helper()
	params := map[string]any{"query": query, "working_dir": w.work, "interactive": true}
	maps.Copy(params, more)
	var r api.LaunchSessionResult
	if err := w.Call(w.ctx, "launchSession", params, &r); err != nil {
		w.t.Fatal(err)
	}
	w.until(r.SessionID, is(wanted))
	return r.SessionID
}

// talk is a session that is told more while it works, and that prints deltas.
func (w *world) talk() {
	id := w.launch("partial: 2\nsilence", api.StatusRunning, map[string]any{"include_partial_messages": true})
	sent := w.ask("behind the turn that runs", "sendMessage",
		map[string]any{"session_id": id, "content": "then write a test for it", "message_id": "01a1fc81-309b-7cdc-bfb7-536bb0679c64"})
	w.ask("what waits", "listMessages", map[string]any{"session_id": id, "state": []string{"queued"}})
	w.ask("before it has started", "cancelMessage", map[string]any{"message_id": sent["message"].(map[string]any)["id"]})
	w.ask("the turn that runs", "interruptSession", map[string]any{"session_id": id})
	w.until(id, is(api.StatusWaitingInput))
	w.ask("one that is idle", "endSession", map[string]any{"session_id": id})
	w.until(id, api.Status.Final)
}

// approvals is a session that asks.
func (w *world) approvals() {
	id := w.launch(`ask: Bash {"command":"make test","description":"Run the tests"}`, api.StatusWaitingInput, nil)
	list := w.ask("of one session", "fetchApprovals", map[string]any{"session_id": id})
	approval := list["approvals"].([]any)[0].(map[string]any)["id"]
	w.ask("one that waits", "getApproval", map[string]any{"approval_id": approval})
	w.ask("yes, but something else", "sendDecision", map[string]any{"approval_id": approval, "decision": "approve",
		"updated_input": map[string]any{"command": "make test PKG=./rpc", "description": "Run the tests"}})
	w.fail(api.ReasonAlreadyResolved, "sendDecision", map[string]any{"approval_id": approval, "decision": "deny", "comment": "not now"})
	w.until(id, is(api.StatusWaitingInput))
}

// jobs are a summary, one that fails, and what was used.
func (w *world) jobs(id string) {
	w.ask("a session of which there is none yet", "getSummary", map[string]any{"session_id": id})
	asked := w.ask("a session that has ended", "summarizeSession", map[string]any{"session_id": id})
	job := asked["job"].(map[string]any)["id"].(string)
	w.job(job, api.JobDone)
	w.ask("the newest", "getSummary", map[string]any{"session_id": id})
	w.ask("what is done", "listJobs", map[string]any{"session_id": id, "state": []string{"done"}})
	other := w.launch("what else is here?", api.StatusWaitingInput, nil)
	w.summarizers("die: KILL")
	asked = w.ask("one that a summariser fails at", "summarizeSession", map[string]any{"session_id": other})
	job = asked["job"].(map[string]any)["id"].(string)
	w.job(job, api.JobDead)
	w.summarizers("")
	w.ask("one that has failed too often", "retryJob", map[string]any{"job_id": job})
	w.job(job, api.JobDone)
	if err := w.send(other, "and what is not?"); err != nil {
		w.t.Fatal(err)
	}
	w.until(other, is(api.StatusWaitingInput))
	w.summarizers("silence")
	asked = w.ask("what is new in it", "summarizeSession", map[string]any{"session_id": other})
	job = asked["job"].(map[string]any)["id"].(string)
	w.job(job, api.JobRunning)
	w.ask("one that is at work", "cancelJob", map[string]any{"job_id": job})
	w.ask("by directory", "getUsage", map[string]any{"by": "directory"})
}

// ends are the methods that keep, copy and clear away.
func (w *world) ends(id string) {
	w.ask("of one tool", "listObservations", map[string]any{"tool_name": "Bash"})
	sub := w.ask("everything from the beginning on", "subscribe", map[string]any{"after_seq": 0, "session_id": id})
	w.ask("no more of it", "unsubscribe", map[string]any{"subscription_id": sub["subscription_id"]})
	w.ask("to a new file", "backup", map[string]any{"path": filepath.Join(filepath.Dir(w.work), "sessiond-backup.db")})
	w.ask("what Claude Code has kept of a project", "importTranscripts", map[string]any{"paths": []string{w.transcript()}})
	w.ask("what would go", "pruneSessions", map[string]any{"before": "2100-01-01T00:00:00.000Z", "tag": "docs", "dry_run": true})
}

// failures are calls that the daemon refuses.
func (w *world) failures(id string) {
	const nobody = "00000000-0000-7000-8000-000000000000"
	w.fail(api.ReasonMethodNotFound, "launch", nil)
	w.fail(api.ReasonInvalidParams, "listSessions", map[string]any{"limit": 0})
	w.fail(api.ReasonSessionNotFound, "getSessionState", map[string]any{"session_id": nobody})
	w.fail(api.ReasonApprovalNotFound, "getApproval", map[string]any{"approval_id": nobody})
	w.fail(api.ReasonMessageNotFound, "cancelMessage", map[string]any{"message_id": nobody})
	w.fail(api.ReasonSubscriptionNotFound, "unsubscribe", map[string]any{"subscription_id": nobody})
	w.fail(api.ReasonJobNotFound, "retryJob", map[string]any{"job_id": nobody})
	w.fail(api.ReasonInvalidState, "sendMessage", map[string]any{"session_id": id, "content": "one more thing"})
	w.fail(api.ReasonCursorExpired, "subscribe", map[string]any{"after_seq": 1000000})
	w.fail(api.ReasonConflict, "launchSession", map[string]any{"query": "something else", "idempotency_key": "look-1"})
	for range 64 {
		if err := w.Call(w.ctx, "subscribe", map[string]any{"session_id": id}, nil); err != nil {
			w.t.Fatal(err)
		}
	}
	w.fail(api.ReasonLimitExceeded, "subscribe", nil)
}

// lastWords are the answers to lines that are no requests.
func (w *world) lastWords() {
	for reason, line := range map[api.Reason]string{api.ReasonParseError: "{'jsonrpc':'2.0'}", api.ReasonInvalidRequest: "[]"} {
		nc, err := net.Dial("unix", w.cfg.Socket)
		if err != nil {
			w.t.Fatal(err)
		}
		defer nc.Close()
		if _, err := nc.Write([]byte(line + "\n")); err != nil {
			w.t.Fatal(err)
		}
		answer, err := bufio.NewReader(nc).ReadBytes('\n')
		if err != nil {
			w.t.Fatal(err)
		}
		var said struct{ Error json.RawMessage }
		if err := json.Unmarshal(answer, &said); err != nil {
			w.t.Fatal(err)
		}
		w.taken.Errors[reason] = w.named(said.Error)
	}
}

// withoutClaude is a daemon that finds no claude.
func (w *world) withoutClaude() {
	other := newWorld(w.t, w.taken)
	if err := os.Remove(other.cfg.Claude); err != nil {
		w.t.Fatal(err)
	}
	other.start()
	other.fail(api.ReasonClaudeUnavailable, "launchSession", map[string]any{"query": "hello"})
}

// withoutIndex is a daemon that has no index of texts.
func (w *world) withoutIndex() {
	other := newWorld(w.t, w.taken)
	if err := os.MkdirAll(other.cfg.StateDir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(search.Dir(other.cfg.StateDir), nil, 0o600); err != nil { // it is to be a directory
		w.t.Fatal(err)
	}
	other.start()
	for w.problem(other) == "" {
		if w.ctx.Err() != nil {
			w.t.Fatal(w.ctx.Err())
		}
	}
	other.fail(api.ReasonSearchUnavailable, "searchConversations", map[string]any{"query": "hello"})
}

func (w *world) problem(of *world) string {
	h, err := of.Health(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return h.Search.Problem
}

// healthy waits until health is as wanted.
func (w *world) healthy(wanted func(api.Health) bool) {
	for {
		h, err := w.Health(w.ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		if wanted(h) {
			return
		}
	}
}

// indexed waits until what was said can be found.
func (w *world) indexed() {
	w.healthy(func(h api.Health) bool {
		there := h.Search.Available && h.Search.Behind == 0
		if !there && h.Search.Problem != "" {
			w.t.Fatal(h.Search.Problem)
		}
		return there
	})
}

// claudeFound waits until the daemon knows claude, whose first answer may take longer
// than health waits.
func (w *world) claudeFound() {
	w.healthy(func(h api.Health) bool { return h.Claude.Available })
}

// events keeps one event of each type.
func (w *world) events() {
	nc, err := net.Dial("unix", w.cfg.Socket)
	if err != nil {
		w.t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte(`{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"after_seq":0,"include_partial":true}}` + "\n")); err != nil {
		w.t.Fatal(err)
	}
	wanted := len(api.EventTypes) - len([]api.EventType{api.EventSessionDeleted})
	launched := false
	for r := bufio.NewReader(nc); len(w.taken.Events) < wanted; {
		line, err := r.ReadBytes('\n')
		if err != nil {
			w.t.Fatalf("%v; events so far: %v", err, slices.Collect(maps.Keys(w.taken.Events)))
		}
		w.event(line)
		if len(w.taken.Events) == wanted-1 && !launched { // the deltas are not in the log
			launched = true
			w.launch("partial: 1", api.StatusWaitingInput, map[string]any{"include_partial_messages": true})
		}
	}
}

// telling picks those events that tell something; of other types it is the first.
var telling = map[api.EventType]string{
	api.EventSessionUpdated:       `"title":"what it is about"`,
	api.EventSessionStatusChanged: `"new_status":"completed"`,
	api.EventConversationUpdated:  `"role":"assistant"`,
	api.EventJobUpdated:           `"state":"done"`,
}

// event keeps an event if it is the first of its type that tells something.
func (w *world) event(line []byte) {
	var n struct {
		Method string
		Params notification
	}
	if err := json.Unmarshal(line, &n); err != nil {
		w.t.Fatal(err)
	}
	if n.Method != "event" {
		return
	}
	var e api.Event
	if err := json.Unmarshal(n.Params.Event, &e); err != nil {
		w.t.Fatal(err)
	}
	if _, kept := w.taken.Events[e.Type]; !kept && bytes.Contains(e.Data, []byte(telling[e.Type])) {
		n.Params.Event = w.named(n.Params.Event)
		w.taken.Events[e.Type] = n.Params
	}
}

// delete deletes a session, and keeps the event that tells it.
func (w *world) delete(id string) {
	nc, err := net.Dial("unix", w.cfg.Socket)
	if err != nil {
		w.t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte(`{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"after_seq":0,"event_types":["session_deleted"]}}` + "\n")); err != nil {
		w.t.Fatal(err)
	}
	r := bufio.NewReader(nc)
	if _, err := r.ReadBytes('\n'); err != nil { // the answer
		w.t.Fatal(err)
	}
	w.ask("a session that has ended", "deleteSession", map[string]any{"session_id": id})
	line, err := r.ReadBytes('\n')
	if err != nil {
		w.t.Fatal(err)
	}
	w.event(line)
}
