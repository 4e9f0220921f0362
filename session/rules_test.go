package session

import (
	"encoding/json"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestRules(t *testing.T) {
	t.Parallel()
	bash := func(command string) api.Approval {
		return api.Approval{Kind: api.ApprovalTool, ToolName: "Bash", ToolInput: mustJSON(map[string]string{"command": command})}
	}
	edit := api.Approval{Kind: api.ApprovalTool, ToolName: "Edit", ToolInput: json.RawMessage(`{"file_path":"/src/a.go"}`)}
	mcp := api.Approval{Kind: api.ApprovalTool, ToolName: "mcp__db__query", ToolInput: json.RawMessage(`{"sql":"select 1"}`)}
	const yes, no = api.DecisionApprove, api.DecisionDeny
	for _, tc := range []struct {
		rule     string
		decision api.Decision
		asked    api.Approval
		want     bool
	}{
		{"Bash", yes, bash("rm -rf /"), true},
		{"Edit", yes, bash("ls"), false},
		{"Bash(git log *)", yes, bash("git log -1"), true},
		{"Bash(git log *)", yes, bash("git log"), true},
		{"Bash(git log *)", yes, bash("git logs"), false},
		{"Bash(git *)", yes, bash("git log; rm -rf /"), false},
		{"Bash(git *)", yes, bash("git log && rm x"), false},
		{"Bash(git *)", yes, bash("git log $(rm x)"), false},
		{"Bash(git *)", yes, bash("git log > /etc/passwd"), false},
		{"Bash(git *)", yes, bash("git log\nrm x"), false},
		{"Bash(rm *)", no, bash("rm x"), true},
		{"Bash(rm *)", no, bash("cd / && rm x"), true},
		{"Bash(rm *)", no, bash("echo $(rm x)"), true},
		{"Bash(rm *)", no, bash("echo rm x"), false},
		{"Edit(/src/*.go)", yes, edit, true},
		{"Edit(/src/*.py)", yes, edit, false},
		{"Edit(/doc/*)", no, edit, false},
		{"mcp__*", yes, mcp, true},
		{"mcp__db__*(*select*)", yes, mcp, true},
		{"mcp__db__*(*drop*)", yes, mcp, false},
		{"*", no, mcp, true},
		{"*", yes, api.Approval{Kind: api.ApprovalQuestion, ToolName: "AskUserQuestion"}, false},
	} {
		rule := api.Rule{Tool: tc.rule, Decision: tc.decision}
		if got := ruleFor([]api.Rule{rule}, &tc.asked) != nil; got != tc.want {
			t.Errorf("%s %s answers %s %s: %v", tc.decision, tc.rule, tc.asked.ToolName, tc.asked.ToolInput, got)
		}
	}
	for _, bad := range []api.Rule{{Tool: "", Decision: yes}, {Tool: "Bash(", Decision: yes}, {Tool: "Bash)", Decision: yes}, {Tool: "(x)", Decision: yes}, {Tool: "Bash", Decision: "maybe"}} {
		if checkRules([]api.Rule{bad}) == nil {
			t.Errorf("taken: %+v", bad)
		}
	}
}

func TestFirstRuleCounts(t *testing.T) {
	t.Parallel()
	r := newRig(t, true)
	r.m.row.Session.Rules = []api.Rule{{Tool: "Bash", Decision: api.DecisionDeny, Comment: "no shell here"}, {Tool: "*", Decision: api.DecisionApprove}}
	r.run()
	r.print(lineInit, lineText, question("q1"))
	if len(r.m.approvals) != 0 || r.status != api.StatusRunning || len(r.wrote) != 2 {
		t.Fatalf("%d approvals, %s, written %q", len(r.m.approvals), r.status, r.wrote)
	}
	var types []api.EventType
	var last api.Approval
	for _, ev := range r.events {
		if ev.Type == api.EventNewApproval || ev.Type == api.EventApprovalResolved {
			types = append(types, ev.Type)
			if err := json.Unmarshal(ev.Data, &last); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(types) != 2 || last.Status != api.ApprovalDenied || last.ResolvedBy != "rule Bash" || last.Comment != "no shell here" {
		t.Errorf("%v, %+v", types, last)
	}
}
