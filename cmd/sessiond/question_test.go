package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

func TestAnAnswerNamesAnOption(t *testing.T) {
	t.Parallel()
	var q plain.Question
	if err := json.Unmarshal([]byte(`{"question":"Which?","options":[{"label":"Red"},{"label":"Rose"},{"label":"Blue, dark"},{"label":"4"},{"label":"Re"}]}`), &q); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		text  string
		multi bool
		want  string
	}{
		{"1", false, "Red"},
		{"4", false, "4"},
		{"9", false, ""}, // a slip of the finger is no answer
		{"0", false, ""},
		{" ROSE ", false, "Rose"},
		{"bl", false, "Blue, dark"},
		{"re", false, "Re"},
		{"r", false, ""},
		{"", false, ""},
		{"something, else", false, "something, else"},
		{"1, rose,neither", true, "Red, Rose, neither"},
		{"1,", true, ""},
	} {
		q.MultiSelect = tc.multi
		got, err := q.Answer(tc.text)
		if got != tc.want || (err != nil) != (tc.want == "") {
			t.Errorf("%q: got %q, %v", tc.text, got, err)
		}
	}
}

func TestAnswersLeaveTheInputAsItIs(t *testing.T) {
	t.Parallel()
	q := api.Approval{Kind: api.ApprovalQuestion, ToolInput: json.RawMessage(`{"questions":[{"question":"A <b>?"}],"metadata":{"n":1.0}}`)}
	got, err := answered(q, []string{"yes"})
	if want := `{"answers":{"A <b>?":"yes"},"metadata":{"n":1.0},"questions":[{"question":"A <b>?"}]}`; string(got) != want || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := answered(api.Approval{Kind: api.ApprovalTool, ToolInput: q.ToolInput}, []string{"yes"}); exitCode(err) != exitUsage {
		t.Errorf("a tool was answered: %v", err)
	}
}

func TestWhatIsAskedIsShownWhole(t *testing.T) {
	t.Parallel()
	v, out := testView(0)
	v.wants(api.Approval{ToolName: "Bash", ToolInput: json.RawMessage(`{"command":"ls\n\u001b[2Jrm x","timeout":5,"more":{"a":[1]}}`)})
	v.wants(api.Approval{ToolName: "Odd", ToolInput: json.RawMessage(`[1]`)})
	v.wants(api.Approval{ToolName: "Long", ToolInput: fmt.Appendf(nil, `{"command":%q}`, strings.Repeat("y ", 500))})
	v.wants(api.Approval{ToolName: "Write", ToolInput: fmt.Appendf(nil, `{"content":%q}`, strings.Repeat("line\n", 99))})
	_ = v.Flush()
	want := `? may Bash run
  command:
      ls
      ␛[2Jrm x
  timeout: 5
  more: {"a":[1]}
? may Odd run  [1]
? may Long run
  command: ` + strings.Repeat("y ", 500) + `
? may Write run
  content:
` + strings.Repeat("      line\n", maxInputLines-1) + "  … and 60 lines more: sessiond approvals --json\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSuggestionsAreLegible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"type":"addRules","rules":[{"toolName":"Bash","ruleContent":"git log *"},{"toolName":"Edit"}],"behavior":"allow","destination":"localSettings"}`: "allow Bash(git log *), Edit, in this directory",
		`{"type":"setMode","mode":"acceptEdits","destination":"session"}`:                                                                                  "mode acceptEdits, in this session",
		`{"type":"addDirectories","directories":["/a","/b"],"destination":"session"}`:                                                                      "use /a, /b, in this session",
		`{"type":"odd","x":1}`: `{"type":"odd","x":1}`,
	} {
		if got := suggestionText(json.RawMessage(in)); got != want {
			t.Errorf("%s: %q", in, got)
		}
	}
}

func TestRulesAreReadAsTheyAreShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]api.Rule{
		"approve Bash(git log *)":          {Decision: api.DecisionApprove, Tool: "Bash(git log *)"},
		"deny Bash(rm: *): not here: ever": {Decision: api.DecisionDeny, Tool: "Bash(rm: *)", Comment: "not here: ever"},
		"deny mcp__*: why":                 {Decision: api.DecisionDeny, Tool: "mcp__*", Comment: "why"},
	} {
		got, err := parseRule(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || ruleText(got) != text {
			t.Errorf("%q: %v %q\n%s", text, err, ruleText(got), diff)
		}
	}
	for _, text := range []string{"", "deny", "approve ", "allow Bash", "Bash(git *)"} {
		if r, err := parseRule(text); exitCode(err) != exitUsage {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
}
