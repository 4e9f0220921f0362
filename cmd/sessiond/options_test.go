package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestEveryLaunchFlagReachesItsOption(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mcp.json")
	if err := os.WriteFile(file, []byte(`{"mcpServers":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	set := pflag.NewFlagSet("launch", pflag.ContinueOnError)
	l := newLaunchFlags(set)
	err := set.Parse([]string{
		"--dir=/d", "--title=t", "--model=m", "--permission-mode=plan", "--allowed-tools=Bash(git log:*), Read",
		"--allowed-tools=Edit", "--disallowed-tools=", "--add-dir=/a", "--system-prompt=s", "--append-system-prompt=p",
		"--mcp-config=" + file, "--max-turns=3", "--max-budget-usd=1.5", "--tag=x", "--tag=y", "--interactive",
		"--unattended=false", "--include-partial-messages", "--rule=approve Bash(git *)", "--rule=deny Edit: why",
		"--permission-mode-timeout=2m",
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.options()
	if err != nil {
		t.Fatal(err)
	}
	want := api.LaunchOptions{
		WorkingDir: new("/d"), Title: new("t"), Model: new("m"), PermissionMode: new("plan"),
		AllowedTools: &[]string{"Bash(git log:*), Read", "Edit"}, DisallowedTools: &[]string{},
		AdditionalDirectories: &[]string{"/a"}, SystemPrompt: new("s"), AppendSystemPrompt: new("p"),
		MCPConfig: []byte(`{"mcpServers":{}}`), MaxTurns: new(3), MaxBudgetUSD: new(1.5), Tags: &[]string{"x", "y"},
		Interactive: new(true), Unattended: new(false), IncludePartialMessages: new(true),
		Rules: &[]api.Rule{{Tool: "Bash(git *)", Decision: api.DecisionApprove}, {Tool: "Edit", Decision: api.DecisionDeny, Comment: "why"}}, PermissionModeTimeoutMS: new(int64(120_000)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFlagsThatAreNotGivenAreNotSent(t *testing.T) {
	t.Parallel()
	got, err := newLaunchFlags(pflag.NewFlagSet("launch", pflag.ContinueOnError)).options()
	if diff := cmp.Diff(api.LaunchOptions{}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestThePromptComesFromArgumentsOrStandardInput(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args  []string
		stdin string
		want  string
		err   string
	}{
		{[]string{"fix", "it"}, "unread", "fix it", ""},
		{[]string{"-"}, "from\nstdin\n", "from\nstdin", ""},
		{nil, "piped", "piped", ""},
		{nil, " \n", "", "empty"},
		{[]string{""}, "unread", "", "empty"},
	} {
		a := &app{stdin: strings.NewReader(tc.stdin)}
		got, err := a.prompt(tc.args)
		if got.Text() != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%q with %q: got %q, %v", tc.args, tc.stdin, got.Text(), err)
		}
	}
}
