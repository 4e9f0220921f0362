package session

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/traces"
	"github.com/sessiond/sessiond/rpc/api"
)

// outcome is what a trace makes of a session.
type outcome struct {
	Statuses  []string // each with what it waits for, repeats left out
	Approvals []string // kind, tool and status
	Turns     int
	Failed    bool // the last turn
}

// differences are the traces whose outcome is not the same in all versions, and
// why it need not be.
var differences = map[string]string{
	"ended_mid_turn":           "2.1.197 still does the messages that it holds when it is told to end, 2.1.329 discards them",
	"subagent":                 "2.1.329 runs subagents in the background, and takes a turn when one has ended",
	"message_folded_into_turn": "2.1.197 tells by an echo that it has taken a message into a turn, and was recorded without",
	"command_lifecycle":        "2.1.197 tells only by the answer to the request that a message is withdrawn, which is another host's here",
}

// TestTracesOfAllVersions plays what each version printed into a machine: it
// makes the same of both.
func TestTracesOfAllVersions(t *testing.T) {
	t.Parallel()
	versions := traces.Versions()
	for _, name := range traces.Names(versions[0]) {
		if traces.Out(versions[1], name) == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := playTrace(t, versions[0], name), playTrace(t, versions[1], name)
			diff := cmp.Diff(one, other)
			if why, differ := differences[name]; differ != (diff != "") {
				t.Errorf("%s and %s (%q):\n%s\n%+v", versions[0], versions[1], why, diff, one)
			}
			if !slices.Contains(one.Statuses, "running") && one.Turns > 0 {
				t.Errorf("never ran: %+v", one)
			}
		})
	}
}

// hostLine is what is looked at in what the host of a trace wrote.
type hostLine struct {
	Type    string `json:"type"`
	UUID    string `json:"uuid"`
	ID      string `json:"request_id"`
	Request struct {
		Subtype string `json:"subtype"`
	} `json:"request"`
	Response struct {
		ID       string `json:"request_id"`
		Response struct {
			Behavior string `json:"behavior"`
		} `json:"response"`
	} `json:"response"`
}

// playTrace has a session do what the host of a trace did: its messages are all
// written, its questions answered the same way, its turn interrupted before the
// line that answers that.
func playTrace(t *testing.T, version, name string) outcome {
	r := newRig(t, true)
	var answers []string
	interrupts := map[string]bool{}
	messages := 0
	for raw := range bytes.Lines(traces.In(version, name)) {
		var l hostLine
		if json.Unmarshal(raw, &l) != nil {
			continue // a trace of what is no JSON
		}
		switch {
		case l.Type == "user":
			r.expect(l.UUID, messages == 0)
			messages++
		case l.Type == "control_response":
			answers = append(answers, l.Response.Response.Behavior)
		case l.Request.Subtype == "interrupt":
			interrupts[l.ID] = true
		}
	}
	r.run()
	for raw := range bytes.Lines(traces.Out(version, name)) {
		var l hostLine
		if json.Unmarshal(raw, &l) == nil && interrupts[l.Response.ID] {
			r.do(func(s *step) { _ = s.interrupt("") })
		}
		r.print(string(bytes.TrimSuffix(raw, []byte("\n"))))
		if len(r.m.approvals) > 0 && len(answers) > 0 {
			r.answer(answers[0])
			answers = answers[1:]
		}
	}
	return r.outcome(t)
}

// expect puts a message of a trace into the inbox; the first is there already,
// under another id.
func (r *rig) expect(id string, first bool) {
	if id == "" {
		id = newID()
	}
	if first {
		r.m.messages[0].ID = id
		r.states = map[string]api.MessageState{id: api.MessageQueued}
		return
	}
	if r.m.message(id) < 0 { // else it is one that the trace repeats
		r.do(func(s *step) { s.addMessage(id, api.Text("next"), api.DeliveryNow) })
	}
}

// answer answers the oldest question.
func (r *rig) answer(behaviour string) {
	p := decision(behaviour, r.m.approvals[0].ID)
	r.do(func(s *step) { _, _ = s.decide(p, "test") })
}

func decision(behaviour, id string) api.SendDecisionParams {
	if behaviour == "deny" {
		return api.SendDecisionParams{ApprovalID: id, Decision: api.DecisionDeny, Comment: "no"}
	}
	return api.SendDecisionParams{ApprovalID: id, Decision: api.DecisionApprove}
}

// outcome gathers what the events have told.
func (r *rig) outcome(t *testing.T) outcome {
	o := outcome{Turns: r.m.row.Session.NumTurns, Failed: r.m.eng.ResultError}
	for _, ev := range r.events {
		switch ev.Type {
		case api.EventSessionStatusChanged:
			var c api.StatusChange
			if err := json.Unmarshal(ev.Data, &c); err != nil {
				t.Fatal(err)
			}
			status := string(c.NewStatus)
			if c.WaitingFor != "" {
				status += " " + string(c.WaitingFor)
			}
			o.Statuses = append(o.Statuses, status)
		case api.EventApprovalResolved:
			var a api.Approval
			if err := json.Unmarshal(ev.Data, &a); err != nil {
				t.Fatal(err)
			}
			o.Approvals = append(o.Approvals, string(a.Kind)+" "+a.ToolName+" "+string(a.Status))
		}
	}
	o.Statuses = slices.Compact(o.Statuses)
	return o
}
