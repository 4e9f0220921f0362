package session

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// pendingLine is the answer to initialize of a claude that waits for these
// questions.
func pendingLine(questions ...string) string {
	return `{"type":"control_response","response":{"subtype":"success","request_id":"i","response":{},"pending_permission_requests":[` +
		strings.Join(questions, ",") + `]}}`
}

// asking is a machine in mid-turn that has printed these questions.
func asking(t *testing.T, questions ...string) *rig {
	t.Helper()
	r := newRig(t, true)
	r.run()
	r.print(lifecycle(r.first(), "started"), lineInit)
	r.print(questions...)
	return r
}

// toolQuestion is a question about a tool use of its own.
func toolQuestion(id string) string {
	return strings.ReplaceAll(question(id), `"tool_use_id":"t"`, fmt.Sprintf(`"tool_use_id":"tool-%s"`, id))
}

// resolved lists how the approvals of a rig were resolved, in order.
func (r *rig) resolved() (all []string) {
	for _, ev := range r.events {
		if ev.Type == api.EventApprovalResolved {
			a := decodeApproval(ev.Data)
			all = append(all, fmt.Sprint(a.Status, " by ", a.ResolvedBy))
		}
	}
	return all
}

// TestReconcile has a daemon that takes over hear what Claude Code waits for.
func TestReconcile(t *testing.T) {
	t.Parallel()
	approve := func(r *rig, i int) {
		id := r.m.approvals[i].ID
		r.do(func(s *step) {
			if _, err := s.decide(api.SendDecisionParams{ApprovalID: id, Decision: api.DecisionApprove}, "test"); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("what is open in both places stays", func(t *testing.T) {
		t.Parallel()
		r := asking(t, toolQuestion("a"), toolQuestion("b"))
		before := r.m.approvals[0].ID
		r.print(pendingLine(toolQuestion("a"), toolQuestion("b")))
		if len(r.m.approvals) != 2 || r.m.approvals[0].ID != before || len(r.resolved()) != 0 {
			t.Errorf("approvals: %+v, resolved: %v", r.m.approvals, r.resolved())
		}
	})
	t.Run("what is no longer open there is cancelled", func(t *testing.T) {
		t.Parallel()
		r := asking(t, toolQuestion("a"), toolQuestion("b"), toolQuestion("c"))
		r.print(pendingLine(toolQuestion("b")))
		if len(r.m.approvals) != 1 || r.m.eng.Questions[r.m.approvals[0].ID] != "b" || fmt.Sprint(r.resolved()) != "[cancelled by claude cancelled by claude]" {
			t.Errorf("approvals: %+v, resolved: %v", r.m.approvals, r.resolved())
		}
	})
	t.Run("the last one is cancelled, and the session runs on", func(t *testing.T) {
		t.Parallel()
		r := asking(t, toolQuestion("a"))
		r.print(pendingLine())
		if len(r.m.approvals) != 0 || r.status != api.StatusRunning {
			t.Errorf("approvals: %+v, %s", r.m.approvals, r.status)
		}
	})
	t.Run("what is new there appears, once", func(t *testing.T) {
		t.Parallel()
		r := asking(t)
		r.print(pendingLine(toolQuestion("a")), toolQuestion("a"), pendingLine(toolQuestion("a")))
		if len(r.m.approvals) != 1 || r.status != api.StatusWaitingInput {
			t.Errorf("approvals: %+v, %s", r.m.approvals, r.status)
		}
	})
	t.Run("what was answered here and is open there is answered again", func(t *testing.T) {
		t.Parallel()
		r := asking(t, toolQuestion("a"))
		approve(r, 0)
		answer := r.wrote[len(r.wrote)-1]
		r.print(pendingLine(toolQuestion("a")), toolQuestion("a"))
		if len(r.m.approvals) != 0 || r.wrote[len(r.wrote)-1] != answer || r.wrote[len(r.wrote)-2] != answer || len(r.resolved()) != 1 {
			t.Errorf("approvals: %+v, resolved: %v, wrote %v", r.m.approvals, r.resolved(), r.wrote)
		}
	})
	t.Run("a second question about one tool use is another question", func(t *testing.T) {
		t.Parallel()
		r := asking(t, question("a"))
		approve(r, 0)
		r.print(pendingLine(question("b")))
		if len(r.m.approvals) != 1 {
			t.Errorf("approvals: %+v", r.m.approvals)
		}
	})
	t.Run("what was withdrawn here does not come back", func(t *testing.T) {
		t.Parallel()
		for name, withdraw := range map[string]func(*step){
			"interrupt": func(s *step) { _ = s.interrupt("") }, "end": func(s *step) { _ = s.end(false) }, "no shim": (*step).orphaned,
		} {
			r := asking(t, toolQuestion("a"))
			r.do(withdraw)
			r.print(pendingLine(toolQuestion("a")))
			if len(r.m.approvals) != 0 {
				t.Errorf("%s: approvals: %+v", name, r.m.approvals)
			}
		}
	})
	t.Run("an answer without a list changes nothing", func(t *testing.T) {
		t.Parallel()
		r := asking(t, toolQuestion("a"))
		r.print(`{"type":"control_response","response":{"subtype":"success","request_id":"i","response":{}}}`)
		if len(r.m.approvals) != 1 {
			t.Errorf("approvals: %+v", r.m.approvals)
		}
	})
}

func decodeApproval(data []byte) (a api.Approval) {
	if err := json.Unmarshal(data, &a); err != nil {
		panic(err)
	}
	return a
}
