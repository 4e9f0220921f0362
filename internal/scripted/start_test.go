package scripted

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, version := range claudecli.Versions() {
		out, err := exec.Command(newPlace(t, version).claude, "--version").Output()
		if err != nil || string(out) != version+" (Claude Code)\n" {
			t.Errorf("%q, %v", out, err)
		}
	}
}

func TestRefusedArguments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		version, arg, want string
	}{
		{claudecli.Pinned, "--nonsense", "error: unknown option '--nonsense'"},
		{claudecli.Kept, "--system-prompt-snapshot=off", "error: unknown option '--system-prompt-snapshot=off'"},
		{claudecli.Pinned, "--permission-mode=x", "error: option '--permission-mode <mode>' argument 'x' is invalid."},
		{claudecli.Pinned, "--session-id=x", "Error: Invalid session ID. Must be a valid UUID."},
		{claudecli.Pinned, "--max-turns=x", "error: option '--max-turns <turns>' argument 'x' is invalid."},
		{claudecli.Pinned, "--max-budget-usd=-1", "error: option '--max-budget-usd <amount>' argument '-1' is invalid."},
		{claudecli.Pinned, "--system-prompt-file=/nope", "Error: System prompt file not found: /nope"},
		{claudecli.Pinned, "--mcp-config=/nope", "Error: Invalid MCP configuration:\nMCP config file not found: /nope"},
		{claudecli.Pinned, "--model", "error: option '--model <value>' argument missing"},
	}
	for _, test := range tests {
		t.Run(test.arg, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, test.version).start(t, test.arg)
			if lines, _ := p.rest(); len(lines) != 0 {
				t.Errorf("it printed %s", lines[0].raw)
			}
			if code := p.wait(); code != 1 || !strings.HasPrefix(p.stderr.String(), test.want) {
				t.Errorf("code %d, %s", code, p.stderr.String())
			}
		})
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	here := newPlace(t, claudecli.Pinned)
	files := map[string]string{"--system-prompt-file": "be brief", "--append-system-prompt-file": "always", "--mcp-config": `{"mcpServers":{"x":{"command":"y"}}}`}
	var args []string
	for flag, content := range files {
		path := filepath.Join(here.home, strings.TrimPrefix(flag, "--"))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, flag+"="+path)
	}
	p := here.start(t, args...)
	p.send("1", "report")
	if init := p.until("system init"); !strings.Contains(init.raw, `"mcp_servers":[{"name":"x"`) {
		t.Errorf("init hides the MCP server: %s", init.raw)
	}
	line, _ := p.next()
	var got Report
	if err := json.Unmarshal([]byte(line.text()), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files, got.Files); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(append(always[:len(always):len(always)], args...), got.Argv); diff != "" {
		t.Error(diff)
	}
	if got.Env["HOME"] != here.home || got.Cwd == "" {
		t.Errorf("home %s, directory %s", got.Env["HOME"], got.Cwd)
	}
}

// history asks a process for its prompts so far.
func history(p *process) string {
	p.send("9", "history")
	for {
		if line := p.until("system init"); line.Type != "" {
			line, _ = p.next()
			return line.text()
		}
	}
}

func TestResumeAndFork(t *testing.T) {
	t.Parallel()
	here := newPlace(t, claudecli.Pinned)
	session := newSession()
	p := here.start(t, "--session-id="+session)
	p.send("1", "say: one")
	one := p.until("assistant one")
	p.until("idle")
	p.send("2", "say: two")
	p.until("idle")
	p.end()

	taken := here.start(t, "--session-id="+session)
	if code := taken.wait(); code != 1 || taken.stderr.String() != "Error: Session ID "+session+" is already in use.\n" {
		t.Errorf("code %d, %s", code, taken.stderr.String())
	}

	fork := newSession()
	forked := here.start(t, "--resume="+session, "--fork-session", "--session-id="+fork, "--resume-session-at="+one.UUID)
	if got := history(forked); got != `["say: one","history"]` {
		t.Errorf("the fork holds %s", got)
	}
	forked.end()

	resumed := here.start(t, "--resume="+session)
	resumed.send("1", "say: again") // taken by the first process
	if got := history(resumed); got != `["say: one","say: two","history"]` {
		t.Errorf("the conversation holds %s", got)
	}
	resumed.end()
	again := here.start(t, "--resume="+fork)
	again.send("3", "say: on")
	if line := again.until("assistant on"); line.SessionID != fork {
		t.Errorf("the fork goes on as %s", line.SessionID)
	}
}

func TestUnknownConversation(t *testing.T) {
	t.Parallel()
	here := newPlace(t, claudecli.Pinned)
	p := here.start(t, "--resume="+newSession())
	p.until("result error_during_execution (error)")
	if code := p.wait(); code != 1 || !strings.HasPrefix(p.stderr.String(), "No conversation found with session ID: ") {
		t.Errorf("code %d, %s", code, p.stderr.String())
	}
}

func TestBrokenInput(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, input, want string }{
		{"no JSON", "not json\n", "Error parsing streaming input line"},
		{"half a line", `{"type":"user","mess`, "Error parsing streaming input line"},
		{"no request", `{"type":"control_request","request_id":"x"}` + "\n", "Error: Missing request on control_request"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, claudecli.Pinned).start(t)
			p.send("1", "silence")
			p.until("system init")
			if _, err := p.stdin.Write([]byte(test.input)); err != nil {
				t.Fatal(err)
			}
			_ = p.stdin.Close()
			if code := p.wait(); code != 1 || !strings.HasPrefix(p.stderr.String(), test.want) {
				t.Errorf("code %d, %s", code, p.stderr.String())
			}
		})
	}
	t.Run("what is unknown is left alone", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, claudecli.Pinned).start(t)
		p.write("{\"type\":\"nonsense\"}\n\n[1]\n42")
		if code, whats := p.end(); code != 0 || len(whats) != 0 {
			t.Errorf("code %d, %q", code, whats)
		}
	})
}
