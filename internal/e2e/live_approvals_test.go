package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestRealDeny refuses a tool: it does not run, and the model reads why.
func TestRealDeny(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.interactive("bash: touch refused")
		a := w.asked(id)
		got := w.decide(api.SendDecisionParams{ApprovalID: a.ID, Decision: api.DecisionDeny, Comment: "not in this house"})
		if got.Status != api.ApprovalDenied || got.Comment != "not in this house" || got.ResolvedBy == "" || got.ResolvedAt.IsZero() {
			t.Errorf("approval: %+v", got)
		}
		if ses := w.idle(id, 1); ses.PendingApprovals != 0 {
			t.Errorf("session: %+v", ses)
		}
		if _, err := os.Stat(filepath.Join(w.work, "refused")); err == nil {
			t.Error("the tool ran")
		}
		if said := w.results(id); len(said) != 1 || !strings.Contains(said[0], "not in this house") {
			t.Errorf("the model has read %q", said)
		}
		_, err := w.SendDecision(w.ctx, api.SendDecisionParams{ApprovalID: a.ID, Decision: api.DecisionApprove})
		if e := refused(t, err, api.ReasonAlreadyResolved); !strings.Contains(e.Message, got.ResolvedBy) || e.Data["approval"] == nil {
			t.Errorf("the second answer learns %q, %v", e.Message, e.Data)
		}
	})
}

// TestRealChangedInput approves a tool with another input, and it is that which runs.
func TestRealChangedInput(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.interactive("bash: touch proposed")
		a := w.asked(id)
		if a.Kind != api.ApprovalTool || a.ToolName != "Bash" || !strings.Contains(string(a.ToolInput), "touch proposed") || a.ToolUseID == "" {
			t.Errorf("approval: %+v", a)
		}
		w.decide(api.SendDecisionParams{ApprovalID: a.ID, Decision: api.DecisionApprove, UpdatedInput: json.RawMessage(`{"command":"echo changed","description":"x"}`)})
		w.idle(id, 1)
		if diff := cmp.Diff([]string{"changed"}, w.results(id)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRealRemember hands a suggestion back: the same is not asked again.
func TestRealRemember(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.interactive("bash: touch remembered")
		a := w.asked(id)
		if len(a.Suggestions) == 0 {
			t.Fatalf("nothing is suggested: %+v", a)
		}
		all := make([]int, len(a.Suggestions))
		for i := range all {
			all[i] = i
		}
		w.decide(api.SendDecisionParams{ApprovalID: a.ID, Decision: api.DecisionApprove, Remember: all})
		w.idle(id, 1)
		w.say(id, "bash: touch remembered")
		w.idle(id, 2)
		list, err := w.FetchApprovals(w.ctx, api.FetchApprovalsParams{SessionID: id, Status: []api.ApprovalStatus{"pending", "approved", "denied", "cancelled"}})
		if err != nil || len(list.Approvals) != 1 {
			t.Errorf("asked %d times: %v", len(list.Approvals), err)
		}
		if said := w.results(id); len(said) != 2 {
			t.Errorf("the tool ran %d times: %q", len(said), said)
		}
	})
}

// TestRealQuestion answers what Claude Code asks its user.
func TestRealQuestion(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		const question = `{"questions":[{"question":"Which colour?","header":"Colour","options":[{"label":"Red","description":"warm"},{"label":"Blue","description":"cold"}],"multiSelect":false}]}`
		id := w.interactive("tool: AskUserQuestion " + question)
		a := w.asked(id)
		if a.Kind != api.ApprovalQuestion {
			t.Errorf("approval: %+v", a)
		}
		var input map[string]any
		if err := json.Unmarshal(a.ToolInput, &input); err != nil {
			t.Fatal(err)
		}
		input["answers"] = map[string]string{"Which colour?": "Blue"}
		answer, err := json.Marshal(input)
		if err != nil {
			t.Fatal(err)
		}
		w.decide(api.SendDecisionParams{ApprovalID: a.ID, Decision: api.DecisionApprove, UpdatedInput: answer})
		w.idle(id, 1)
		if said := w.results(id); len(said) != 1 || !strings.Contains(said[0], "Blue") {
			t.Errorf("the model has read %q", said)
		}
	})
}

// TestRealRules has the daemon answer by itself, and record that it did.
func TestRealRules(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		p := w.prompt("bash: touch by-rule")
		p.Interactive = ptr(true)
		p.Rules = &[]api.Rule{{Tool: "Bash(touch *)", Decision: api.DecisionApprove}, {Tool: "Write", Decision: api.DecisionDeny, Comment: "never write"}}
		id := w.launch(p)
		w.idle(id, 1)
		w.say(id, "write: "+filepath.Join(w.work, "written"))
		w.idle(id, 2)
		list, err := w.FetchApprovals(w.ctx, api.FetchApprovalsParams{SessionID: id, Status: []api.ApprovalStatus{"pending", "approved", "denied", "cancelled"}})
		if err != nil || len(list.Approvals) != 2 {
			t.Fatalf("approvals: %+v, %v", list, err)
		}
		yes, no := list.Approvals[0], list.Approvals[1]
		if yes.Status != api.ApprovalApproved || yes.ResolvedBy != "rule Bash(touch *)" {
			t.Errorf("approved: %+v", yes)
		}
		if no.Status != api.ApprovalDenied || no.ResolvedBy != "rule Write" || no.Comment != "never write" {
			t.Errorf("denied: %+v", no)
		}
		if _, err := os.Stat(filepath.Join(w.work, "by-rule")); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(w.work, "written")); err == nil {
			t.Error("the refused tool ran")
		}
		if said := w.results(id); !strings.Contains(said[len(said)-1], "never write") {
			t.Errorf("the model has read %q", said)
		}
		for _, c := range w.reasons(id) {
			if c == "approval" {
				t.Error("the session has waited for somebody")
			}
		}
		if _, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: id, Rules: &[]api.Rule{}}); err != nil {
			t.Fatal(err)
		}
		w.say(id, "bash: touch by-hand")
		w.decide(api.SendDecisionParams{ApprovalID: w.asked(id).ID, Decision: api.DecisionApprove})
		w.idle(id, 3)
	})
}

// TestRealInterruptWhileAsking voids the question: nobody can answer it any more.
func TestRealInterruptWhileAsking(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.interactive("bash: touch never")
		a := w.asked(id)
		if _, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id}); err != nil {
			t.Fatal(err)
		}
		// The answer comes after the interrupt, and so too late, at once.
		_, err := w.SendDecision(w.ctx, api.SendDecisionParams{ApprovalID: a.ID, Decision: api.DecisionApprove})
		e := refused(t, err, api.ReasonAlreadyResolved)
		if was, ok := e.Data["approval"].(map[string]any); !ok || was["status"] != "cancelled" || was["resolved_by"] != "interrupt" {
			t.Errorf("resolved as %v", e.Data["approval"])
		}
		w.idle(id, 1)
		if _, err := os.Stat(filepath.Join(w.work, "never")); err == nil {
			t.Error("the tool ran")
		}
		w.say(id, "go on")
		w.idle(id, 2)
		if diff := cmp.Diff([]api.MessageState{api.MessageCompleted, api.MessageCompleted}, w.states(id)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRealSubagentAsks answers a question of a subagent's.
func TestRealSubagentAsks(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		p := w.prompt("task: bash: touch from-the-subagent")
		p.AllowedTools = &[]string{"Task"}
		id := w.launch(p)
		a := w.asked(id)
		if a.ToolName != "Bash" {
			t.Errorf("approval: %+v", a)
		}
		w.decide(api.SendDecisionParams{ApprovalID: a.ID, Decision: api.DecisionApprove})
		if ses := w.until(id, final...); ses.Status != api.StatusCompleted {
			t.Errorf("session: %+v\n%s", ses, w.dump(id))
		}
		if _, err := os.Stat(filepath.Join(w.work, "from-the-subagent")); err != nil {
			t.Error(err)
		}
		if !slices.Contains(w.reasons(id), "approval") {
			t.Errorf("reasons: %v", w.reasons(id))
		}
	})
}
