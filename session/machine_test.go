package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// fatalf is what both testing.T and rapid.T can do.
type fatalf interface {
	Helper()
	Fatalf(format string, args ...any)
}

// rig drives a machine without an actor, and checks every step that it makes.
type rig struct {
	t      fatalf
	m      *machine
	now    time.Time
	status api.Status // as the events tell it
	events []store.Event
	states map[string]api.MessageState // as the events tell it
	wrote  []string                    // for Claude Code
	closed bool                        // input
}

func newRig(t fatalf, interactive bool) *rig {
	r := &rig{t: t, now: time.Unix(1e9, 0), status: api.StatusQueued, states: map[string]api.MessageState{}}
	ses := api.Session{ID: newID(), RunID: newID(), ClaudeSessionID: newID(), Status: api.StatusQueued, Interactive: interactive, Tags: []string{}}
	r.m = &machine{row: store.SessionRow{N: 1, Session: ses}}
	r.do(func(s *step) { s.addMessage(newID(), api.Text("first"), api.DeliveryQueue) })
	return r
}

// do makes a step as an actor does, and checks what it leaves behind.
func (r *rig) do(change func(*step)) *step {
	r.t.Helper()
	r.now = r.now.Add(time.Millisecond)
	s := r.m.begin(api.At(r.now))
	before, _ := json.Marshal(r.m.eng)
	change(s)
	if !s.m.row.Session.Status.Final() {
		s.pump()
		s.settle("test")
	}
	if _, err := s.finish(); err != nil {
		r.t.Fatalf("finish: %v", err)
	}
	if after, _ := json.Marshal(r.m.eng); string(after) != string(before) {
		r.t.Fatalf("a step changed the machine that it was made on:\n%s\n%s", before, after)
	}
	r.check(s)
	r.m = s.m
	for _, line := range s.lines {
		r.wrote = append(r.wrote, string(line))
	}
	r.closed = r.closed || s.closeInput
	return s
}

// table is the protocol's own list of changes, written down a second time.
const table = `queued>starting queued>interrupted queued>failed
starting>running starting>interrupting starting>failed
running>waiting_input running>interrupting running>completed running>failed running>interrupted
waiting_input>running waiting_input>interrupting waiting_input>completed waiting_input>failed waiting_input>interrupted
interrupting>running interrupting>waiting_input interrupting>completed interrupting>failed interrupting>interrupted`

func (r *rig) check(s *step) {
	r.t.Helper()
	if len(s.faults) > 0 {
		r.t.Fatalf("refused change of status: %v", errors.Join(s.faults...))
	}
	for _, ev := range s.batch.Events {
		r.events = append(r.events, ev)
		switch ev.Type {
		case api.EventSessionStatusChanged:
			r.checkStatus(ev)
		case api.EventMessageUpdated:
			r.checkMessage(ev)
		}
	}
	ses := &s.m.row.Session
	if ses.Status != r.status {
		r.t.Fatalf("status is %s, the events say %s", ses.Status, r.status)
	}
	if (ses.WaitingFor != "") != (ses.Status == api.StatusWaitingInput) {
		r.t.Fatalf("status %s waits for %q", ses.Status, ses.WaitingFor)
	}
	if ses.PendingApprovals != len(s.m.approvals) || len(s.m.eng.Questions) != len(s.m.approvals) {
		r.t.Fatalf("%d approvals counted, %d pending, %d request ids", ses.PendingApprovals, len(s.m.approvals), len(s.m.eng.Questions))
	}
	if ses.WaitingFor == api.WaitingForApproval && len(s.m.approvals) == 0 {
		r.t.Fatalf("waits for an approval that is not there")
	}
	if ses.Status.Final() && (len(s.m.approvals) > 0 || len(s.m.messages) > 0 || ses.CompletedAt.IsZero()) {
		r.t.Fatalf("final with open things: %+v", s.m)
	}
}

func (r *rig) checkStatus(ev store.Event) {
	r.t.Helper()
	var c api.StatusChange
	if err := json.Unmarshal(ev.Data, &c); err != nil {
		r.t.Fatalf("status event: %v", err)
	}
	if c.OldStatus != r.status {
		r.t.Fatalf("old status %s, was %s", c.OldStatus, r.status)
	}
	if !slices.Contains(strings.Fields(table), fmt.Sprintf("%s>%s", c.OldStatus, c.NewStatus)) {
		r.t.Fatalf("the protocol knows no change from %s to %s", c.OldStatus, c.NewStatus)
	}
	r.status = c.NewStatus
}

func (r *rig) checkMessage(ev store.Event) {
	r.t.Helper()
	var msg api.Message
	if err := json.Unmarshal(ev.Data, &msg); err != nil {
		r.t.Fatalf("message event: %v", err)
	}
	was, known := r.states[msg.ID]
	if was.Final() || !known && msg.State != api.MessageQueued || known && slices.Index(api.MessageStates, msg.State) <= slices.Index(api.MessageStates, was) {
		r.t.Fatalf("message %s went from %q to %s", msg.ID, was, msg.State)
	}
	r.states[msg.ID] = msg.State
}

// print has Claude Code print lines.
func (r *rig) print(lines ...string) {
	r.t.Helper()
	for _, l := range lines {
		r.do(func(s *step) { s.take([]shim.Line{{Bytes: []byte(l), End: s.m.row.JournalOffset + int64(len(l)) + 1}}) })
	}
}

func (r *rig) run() {
	r.do(func(s *step) { s.setStatus(api.StatusStarting, "", "test") })
	r.do(func(s *step) { s.started(shim.Started{PID: 7, StartedAt: r.now}) })
}

func (r *rig) exit(code int) {
	r.do(func(s *step) { s.exited(&shim.Exit{ExitCode: &code}) })
}

// first is the id of the oldest message that is not final.
func (r *rig) first() string { return r.m.messages[0].ID }

func (r *rig) prompts() (n int) {
	for _, ev := range r.events {
		if ev.Type == api.EventConversationUpdated && !ev.FromLine {
			n++
		}
	}
	return n
}

const (
	lineInit    = `{"type":"system","subtype":"init","model":"opus","permissionMode":"default"}`
	lineText    = `{"type":"assistant","uuid":"a","message":{"content":[{"type":"text","text":"hi"}]}}`
	lineOK      = `{"type":"result","subtype":"success","is_error":false,"result":"done","num_turns":1}`
	lineError   = `{"type":"result","subtype":"success","is_error":true,"result":"API Error"}`
	lineAborted = `{"type":"result","subtype":"error_during_execution","is_error":true,"errors":["x"],"terminal_reason":"aborted_streaming"}`
	lineIdle    = `{"type":"system","subtype":"session_state_changed","state":"idle"}`
	lineRunning = `{"type":"system","subtype":"session_state_changed","state":"running"}`
)

func lifecycle(id, state string) string {
	return fmt.Sprintf(`{"type":"command_lifecycle","command_uuid":%q,"state":%q}`, id, state)
}

func echo(id string) string {
	return fmt.Sprintf(`{"type":"user","uuid":%q,"isReplay":true,"message":{"content":"x"}}`, id)
}

func question(id string) string {
	return fmt.Sprintf(`{"type":"control_request","request_id":%q,"request":{"subtype":"can_use_tool","tool_name":"Bash","input":{},"tool_use_id":"t","permission_suggestions":[{"type":"setMode"}]}}`, id)
}

// TestFinalStatus is the protocol's paragraph "Which final one", case by case.
func TestFinalStatus(t *testing.T) {
	t.Parallel()
	code := func(c int) func(*rig) { return func(r *rig) { r.exit(c) } }
	say := func(lines ...string) func(*rig) { return func(r *rig) { r.print(lines...) } }
	interrupt := func(r *rig) { r.do(func(s *step) { _ = s.interrupt("") }) }
	end := func(r *rig) { r.do(func(s *step) { _ = s.end(false) }) }
	unknown := func(r *rig) { r.do(func(s *step) { s.exited(nil) }) }
	signal := func(r *rig) { r.do(func(s *step) { s.exited(&shim.Exit{Signal: "SIGKILL"}) }) }
	for name, tc := range map[string]struct {
		interactive bool
		steps       []func(*rig)
		want        api.Status
		message     string // part of error_message
	}{
		"done":                              {false, []func(*rig){say(lineInit, lineText, lineOK), code(0)}, api.StatusCompleted, ""},
		"error result":                      {false, []func(*rig){say(lineInit, lineText, lineError), code(1)}, api.StatusFailed, "API Error"},
		"error result, exit code 0":         {false, []func(*rig){say(lineInit, lineText, lineError), code(0)}, api.StatusFailed, "API Error"},
		"no result":                         {false, []func(*rig){say(lineInit, lineText), code(0)}, api.StatusFailed, "before its turn had a result"},
		"no output":                         {false, []func(*rig){code(1)}, api.StatusFailed, "before it printed anything"},
		"exit code 3 after a result":        {false, []func(*rig){say(lineInit, lineText, lineOK), code(3)}, api.StatusFailed, "code 3 after its last result"},
		"signal after a result":             {false, []func(*rig){say(lineInit, lineText, lineOK), signal}, api.StatusFailed, "SIGKILL"},
		"nobody saw the exit":               {false, []func(*rig){say(lineInit, lineText, lineOK), unknown}, api.StatusFailed, "not known"},
		"interrupted":                       {false, []func(*rig){say(lineInit, lineText), interrupt, say(lineAborted), code(1)}, api.StatusInterrupted, ""},
		"interrupt too late":                {false, []func(*rig){say(lineInit, lineText), interrupt, say(lineOK), code(0)}, api.StatusCompleted, ""},
		"died while interrupting":           {false, []func(*rig){say(lineInit, lineText), interrupt, code(0)}, api.StatusInterrupted, ""},
		"interrupted while starting":        {false, []func(*rig){interrupt, say(lineInit, lineText, lineAborted), code(1)}, api.StatusInterrupted, ""},
		"ended in mid-turn":                 {true, []func(*rig){say(lineInit, lineText), end, code(1)}, api.StatusInterrupted, ""},
		"ended in mid-turn, turn completes": {true, []func(*rig){say(lineInit, lineText), end, say(lineOK), code(0)}, api.StatusInterrupted, ""},
		"ended while idle, seen": {true, []func(*rig){say(lineInit, lineText, lineOK), end, func(r *rig) {
			if r.status != api.StatusWaitingInput {
				r.t.Fatalf("%s while an idle session ends", r.status)
			}
		}, code(0)}, api.StatusCompleted, ""},
		"ended while idle":                  {true, []func(*rig){say(lineInit, lineText, lineOK), end, code(0)}, api.StatusCompleted, ""},
		"ended while idle after an error":   {true, []func(*rig){say(lineInit, lineText, lineError), end, code(1)}, api.StatusCompleted, ""},
		"interrupted, ended while idle":     {true, []func(*rig){say(lineInit, lineText), interrupt, say(lineAborted), end, code(0)}, api.StatusInterrupted, ""},
		"ended while starting":              {true, []func(*rig){end, code(0)}, api.StatusInterrupted, ""},
		"second turn dies":                  {true, []func(*rig){say(lineInit, lineText, lineOK, lineInit, lineText), code(0)}, api.StatusFailed, "before its turn"},
		"interrupted, then idle, then gone": {true, []func(*rig){say(lineInit, lineText), interrupt, say(lineAborted), code(0)}, api.StatusInterrupted, ""},
		"a good turn after an interrupted":  {true, []func(*rig){say(lineInit, lineText), interrupt, say(lineAborted, lineInit, lineText, lineOK), code(0)}, api.StatusCompleted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, tc.interactive)
			r.run()
			for _, step := range tc.steps {
				step(r)
			}
			ses := &r.m.row.Session
			if ses.Status != tc.want || !strings.Contains(ses.ErrorMessage, tc.message) || (tc.message == "") != (ses.ErrorMessage == "") {
				t.Errorf("ended %s (%q), want %s (…%s…)", ses.Status, ses.ErrorMessage, tc.want, tc.message)
			}
		})
	}
}

// TestMachineKeepsItsPromises plays anything at all against the machine: the
// rig checks after each step that no change of status is one that the protocol
// does not have, that events and state agree, and that no message goes back.
func TestMachineKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(t, rapid.Bool().Draw(t, "interactive"))
		if rapid.Bool().Draw(t, "ends before it starts") {
			r.do(func(s *step) { _ = s.interrupt(api.QueuedKeep) })
			return
		}
		r.run()
		asked := 0
		for i := rapid.IntRange(0, 60).Draw(t, "steps"); i > 0; i-- {
			r.anything(t, &asked)
		}
		sent := map[string]int{}
		for _, line := range r.wrote {
			for id := range r.states {
				if strings.Contains(line, `"uuid":"`+id) {
					sent[id]++
				}
			}
		}
		for id, n := range sent {
			if n > 1 {
				t.Fatalf("message %s was written %d times", id, n)
			}
		}
		switch rapid.IntRange(0, 2).Draw(t, "exit") {
		case 0:
			r.exit(rapid.IntRange(0, 3).Draw(t, "code"))
		case 1:
			r.do(func(s *step) { s.exited(nil) })
		default:
			r.do(func(s *step) { s.exited(&shim.Exit{Signal: "SIGTERM"}) })
		}
		if !r.status.Final() {
			t.Fatalf("status %s after the exit", r.status)
		}
		for id, state := range r.states {
			if !state.Final() {
				t.Fatalf("message %s is %s after the exit", id, state)
			}
		}
	})
}

// anything makes one step of any kind.
func (r *rig) anything(t *rapid.T, asked *int) {
	id := newID()
	if len(r.m.messages) > 0 {
		id = rapid.SampledFrom(r.m.messages).Draw(t, "message").ID
	}
	switch rapid.IntRange(0, 12).Draw(t, "step") {
	case 0:
		r.print(rapid.SampledFrom([]string{lineInit, lineText, lineOK, lineError, lineAborted, lineIdle, lineRunning, "", "junk", `{"type":"stream_event"}`,
			`{"type":"system","subtype":"background_tasks_changed","tasks":[{"task_type":"local_agent"}]}`,
			`{"type":"system","subtype":"background_tasks_changed","tasks":[]}`,
			`{"type":"user","message":{"content":[{"type":"text","text":"[Request interrupted by user]"}]}}`}).Draw(t, "line"))
	case 1, 2:
		r.print(lifecycle(id, rapid.SampledFrom([]string{"queued", "started", "completed", "cancelled", "discarded", "refused"}).Draw(t, "state")))
	case 3:
		r.print(echo(id))
	case 4:
		*asked++
		r.print(question(fmt.Sprint("q", *asked)))
	case 5:
		r.print(fmt.Sprintf(`{"type":"control_cancel_request","request_id":"q%d"}`, rapid.IntRange(0, *asked).Draw(t, "question")))
	case 6:
		if r.m.mayTake() == nil {
			delivery := rapid.SampledFrom([]api.Delivery{api.DeliveryQueue, api.DeliveryNow}).Draw(t, "delivery")
			r.do(func(s *step) { s.addMessage(newID(), api.Text("more"), delivery) })
		}
	case 7:
		r.do(func(s *step) {
			_ = s.interrupt(rapid.SampledFrom([]api.QueuedAfter{api.QueuedKeep, api.QueuedCancel}).Draw(t, "queued"))
		})
	case 8:
		if len(r.m.approvals) > 0 {
			a := rapid.SampledFrom(r.m.approvals).Draw(t, "approval")
			decision := rapid.SampledFrom([]api.Decision{api.DecisionApprove, api.DecisionDeny}).Draw(t, "decision")
			r.do(func(s *step) {
				_, _ = s.decide(api.SendDecisionParams{ApprovalID: a.ID, Decision: decision, Comment: "c"}, "test")
			})
		}
	case 9:
		r.print(`{"type":"control_response","response":{"subtype":"success","request_id":"x","response":{"still_queued":["` + id + `"]}}}`)
	case 10:
		if rapid.IntRange(0, 9).Draw(t, "end") == 0 {
			r.do(func(s *step) { _ = s.end(false) })
		}
	default:
		r.print(lineInit, lineText, lineOK)
	}
}

// turn plays an ordinary turn as the two kinds of claude print it.
func (r *rig) turn(modern bool) {
	id := r.first()
	if modern {
		r.print(lineRunning, lifecycle(id, "queued"), lifecycle(id, "started"), lineInit, lineText, lineOK, lifecycle(id, "completed"), lineIdle)
	} else {
		r.print(lineInit, echo(id), lineText, lineOK)
	}
}

func TestTurns(t *testing.T) {
	t.Parallel()
	for _, modern := range []bool{true, false} {
		t.Run(fmt.Sprint("modern ", modern), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, true)
			r.run()
			r.do(func(s *step) { s.addMessage(newID(), api.Text("second"), api.DeliveryQueue) })
			if len(r.wrote) != 1 {
				t.Fatalf("written before its turn: %v", r.wrote)
			}
			r.turn(modern)
			if len(r.wrote) != 2 || r.status != api.StatusRunning {
				t.Fatalf("status %s, written %v", r.status, r.wrote)
			}
			r.turn(modern)
			if ses := r.m.row.Session; r.status != api.StatusWaitingInput || ses.WaitingFor != api.WaitingForMessage || ses.NumTurns != 2 || r.prompts() != 2 || r.closed {
				t.Fatalf("%s %s, %d turns, %d prompts, closed %v", r.status, ses.WaitingFor, ses.NumTurns, r.prompts(), r.closed)
			}
		})
	}
}

// TestPromptComesBeforeItsAnswer holds even for a claude that acknowledges nothing.
func TestPromptComesBeforeItsAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, false)
	r.run()
	r.print(lineInit, lineText, lineOK)
	var kinds []api.ConversationType
	for _, ev := range r.events {
		if ev.Type == api.EventConversationUpdated {
			kinds = append(kinds, ev.Kind)
		}
	}
	if r.prompts() != 1 || !slices.Equal(kinds, []api.ConversationType{api.ConversationSystem, api.ConversationMessage, api.ConversationMessage, api.ConversationResult}) {
		t.Errorf("%d prompts, %v", r.prompts(), kinds)
	}
	if !r.closed {
		t.Error("the input of a one-turn session is open after its turn")
	}
}

func TestInputStaysOpenForSubagents(t *testing.T) {
	t.Parallel()
	r := newRig(t, false)
	r.run()
	r.print(lineRunning, lifecycle(r.first(), "started"), lineInit, lineText,
		`{"type":"system","subtype":"background_tasks_changed","tasks":[{"task_type":"local_agent"}]}`, lineOK)
	if r.closed || r.status != api.StatusRunning {
		t.Fatalf("closed %v, %s while a subagent works", r.closed, r.status)
	}
	r.print(question("q1"))
	if r.status != api.StatusWaitingInput {
		t.Fatalf("%s when the subagent asks", r.status)
	}
	r.do(func(s *step) {
		_, _ = s.decide(api.SendDecisionParams{ApprovalID: s.m.approvals[0].ID, Decision: api.DecisionApprove}, "me")
	})
	r.print(question("q2"), lineInit, lineText, lineOK)
	if r.status != api.StatusWaitingInput || len(r.m.approvals) != 1 {
		t.Fatalf("%s, %d questions open, when a turn has ended in which the subagent has asked", r.status, len(r.m.approvals))
	}
	r.do(func(s *step) {
		_, _ = s.decide(api.SendDecisionParams{ApprovalID: s.m.approvals[0].ID, Decision: api.DecisionApprove}, "me")
	})
	r.print(`{"type":"system","subtype":"background_tasks_changed","tasks":[]}`)
	if r.closed {
		t.Fatal("closed before the turn that the subagent's end begins")
	}
	r.print(lineInit, lineText, lineOK)
	if !r.closed || r.m.row.Session.NumTurns != 3 {
		t.Fatalf("closed %v after %d turns", r.closed, r.m.row.Session.NumTurns)
	}
}

func TestEarlyInterruptHitsItsTurn(t *testing.T) {
	t.Parallel()
	r := newRig(t, true)
	r.run()
	id := r.first()
	r.do(func(s *step) { _ = s.interrupt("") })
	r.do(func(s *step) { _ = s.interrupt("") })
	if len(r.wrote) != 1 || r.status != api.StatusInterrupting {
		t.Fatalf("%s, written before the turn began: %v", r.status, r.wrote)
	}
	r.print(lifecycle(id, "queued"), lifecycle(id, "started"))
	if len(r.wrote) != 2 || !strings.Contains(r.wrote[1], `"interrupt"`) {
		t.Fatalf("the turn began, written: %v", r.wrote)
	}
	r.print(lineInit, lineAborted, lifecycle(id, "cancelled"), lineIdle)
	if ses := r.m.row.Session; ses.ErrorMessage != "" || ses.Result != "" {
		t.Errorf("an interrupted turn shows as an error: %q, %q", ses.ErrorMessage, ses.Result)
	}
	if r.status != api.StatusWaitingInput || r.states[id] != api.MessageCompleted {
		t.Fatalf("%s, message %s", r.status, r.states[id])
	}
}

func TestInterruptVoidsQuestions(t *testing.T) {
	t.Parallel()
	r := newRig(t, true)
	r.run()
	r.print(lineInit, lineText, question("q1"), question("q2"), question("q1"))
	if len(r.m.approvals) != 2 {
		t.Fatalf("%d approvals", len(r.m.approvals))
	}
	id := r.m.approvals[0].ID
	r.do(func(s *step) { _ = s.interrupt("") })
	r.do(func(s *step) {
		if _, err := s.decide(api.SendDecisionParams{ApprovalID: id, Decision: api.DecisionApprove}, "me"); !errors.Is(err, errResolved) {
			t.Errorf("a void question was answered: %v", err)
		}
	})
	if r.status != api.StatusInterrupting {
		t.Fatalf("status %s", r.status)
	}
}

// TestWithdrawnBeforeItBegan takes back the only message of a session that waits
// for a slot, and of one whose process is just being started.
func TestWithdrawnBeforeItBegan(t *testing.T) {
	t.Parallel()
	for _, starting := range []bool{false, true} {
		r := newRig(t, false)
		if starting {
			r.do(func(s *step) { s.setStatus(api.StatusStarting, "", "test") })
		}
		r.do(func(s *step) { s.cancel(s.m.messages[0].ID) })
		if starting {
			r.do(func(s *step) { s.started(shim.Started{PID: 7, StartedAt: r.now}) })
			if !r.closed {
				t.Error("a process that has nothing to do has its input open")
			}
			r.exit(1)
		}
		if r.status != api.StatusInterrupted || r.prompts() != 0 {
			t.Errorf("starting %v: %s, %d prompts", starting, r.status, r.prompts())
		}
	}
}

// TestSeveralQuestions: a session waits for an approval until the last is answered.
func TestSeveralQuestions(t *testing.T) {
	t.Parallel()
	r := newRig(t, true)
	r.run()
	r.print(lineInit, lineText, question("q1"), question("q2"), question("q3"))
	for left := 2; left >= 0; left-- {
		if r.status != api.StatusWaitingInput || r.m.row.Session.WaitingFor != api.WaitingForApproval {
			t.Fatalf("%s with %d questions open", r.status, len(r.m.approvals))
		}
		id := r.m.approvals[left].ID
		r.do(func(s *step) {
			if _, err := s.decide(api.SendDecisionParams{ApprovalID: id, Decision: api.DecisionDeny, Comment: "no"}, "me"); err != nil {
				t.Error(err)
			}
		})
	}
	if r.status != api.StatusRunning || len(r.wrote) != 4 {
		t.Fatalf("%s, written %d", r.status, len(r.wrote))
	}
}
