package scripted

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
)

func TestOneTurn(t *testing.T) {
	t.Parallel()
	modern := []string{"running", "queued 1", "started 1", "system init", "assistant you said: hello", "result success", "completed 1", "idle"}
	old := []string{"running", "system init", "assistant you said: hello", "result success", "idle"}
	for version, want := range map[string][]string{claudecli.Pinned: modern, claudecli.Kept: old} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			session := newSession()
			p := newPlace(t, version).start(t, "--session-id="+session)
			p.send("1", "hello")
			init := p.until("system init")
			if init.Version != version || init.SessionID != session {
				t.Errorf("init says version %s, session %s", init.Version, init.SessionID)
			}
			code, whats := p.end()
			tail := want[len(want)-len(whats):]
			if diff := cmp.Diff(tail, whats); diff != "" || code != 0 {
				t.Errorf("code %d\n%s", code, diff)
			}
		})
	}
}

func TestVersionsOrderResultsDifferently(t *testing.T) {
	t.Parallel()
	for version, first := range map[string]bool{claudecli.Pinned: false, claudecli.Kept: true} {
		lines, _ := newPlace(t, version).once(t, "say: x")
		found := false
		for _, l := range lines {
			if l.Type == "result" {
				found = true
				if got := strings.HasPrefix(l.raw, `{"type":"result"`); got != first {
					t.Errorf("%s: the result begins with its type: %v", version, got)
				}
			}
		}
		if !found {
			t.Errorf("%s: no result", version)
		}
	}
}

func TestQueuedMessagesAreTakenTogether(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t, "--replay-user-messages")
	p.send("1", "silence")
	p.until("started 1")
	p.send("2", "say: two")
	p.send("3", "say: later", "priority", "later")
	p.send("4", "say: four")
	p.send("2", "say: again") // taken: nothing happens
	code, whats := p.end()
	want := []string{"result success", "completed 1",
		"started 2", "started 4", "system init", "user \"say: two\"", "user \"say: four\"", "assistant two", "assistant four", "result success", "completed 2", "completed 4",
		"started 3", "system init", "user \"say: later\"", "assistant later", "result success", "completed 3", "idle"}
	whats = whats[len(whats)-len(want):]
	if diff := cmp.Diff(want, whats); diff != "" || code != 0 {
		t.Errorf("code %d\n%s", code, diff)
	}
}

func TestMessageIsFoldedBehindTool(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t, "--permission-prompt-tool=stdio")
	p.send("1", `ask: Bash {"command":"ls"}`)
	question := p.until("can_use_tool")
	p.send("2", "and this")
	p.until("queued 2")
	p.answer(question.RequestID, "behavior", "allow", "updatedInput", object{"command", "ls -l"})
	code, whats := p.end()
	want := []string{"running", `user ran Bash with {"command":"ls -l"}`, "started 2", "assistant done with the tool; also: and this",
		"completed 2", "result success", "completed 1", "idle"}
	if diff := cmp.Diff(want, whats); diff != "" || code != 0 {
		t.Errorf("code %d\n%s", code, diff)
	}
}

func TestUrgentMessageOvertakes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t)
	p.send("1", "silence")
	p.until("system init")
	p.send("2", "say: now", "priority", "now")
	p.until("queued 2")
	result := p.until("result success")
	if result.Terminal != "aborted_streaming" || result.IsError {
		t.Errorf("the turn ended so: %s", result.raw)
	}
	code, whats := p.end()
	want := []string{"cancelled 1", "started 2", "system init", "assistant now", "result success", "completed 2", "idle"}
	if diff := cmp.Diff(want, whats); diff != "" || code != 0 {
		t.Errorf("code %d\n%s", code, diff)
	}
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t)
	p.request("i0", "interrupt")
	p.until("control_response")
	p.send("1", "silence")
	p.until("system init")
	p.send("2", "say: two")
	p.until("queued 2")
	p.request("i1", "interrupt")
	if got, want := string(p.until("control_response").Response.Response), `{"still_queued":["`+id("2")+`"]}`; got != want {
		t.Errorf("the answer is %s, not %s", got, want)
	}
	code, whats := p.end()
	want := []string{"user [Request interrupted by user]", "result error_during_execution (error)", "cancelled 1",
		"started 2", "system init", "assistant two", "result success", "completed 2", "idle"}
	if diff := cmp.Diff(want, whats); diff != "" || code != 0 {
		t.Errorf("code %d\n%s", code, diff)
	}
}

func TestFailedTurnIsTheExitCode(t *testing.T) {
	t.Parallel()
	lines, code := newPlace(t, claudecli.Pinned).once(t, "error: no money")
	for _, l := range lines {
		if l.Type == "result" && (l.Subtype != "success" || !l.IsError || l.Result != "no money") {
			t.Errorf("the result is %s", l.raw)
		}
	}
	if code != 1 {
		t.Errorf("the exit code is %d", code)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	tests := []struct{ arg, prompt, want string }{
		{"--max-turns=2", "tools: 5", "result error_max_turns (error)"},
		{"--max-budget-usd=0.0001", "say: dear", "result error_max_budget_usd (error)"},
		{"--max-turns=3", "tools: 2", "result success"},
	}
	for _, test := range tests {
		t.Run(test.arg, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, claudecli.Pinned).start(t, test.arg)
			p.send("1", test.prompt)
			p.until(test.want)
		})
	}
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, claudecli.Pinned).start(t)
		p.send("1", "error: x")
		p.until("idle")
		p.request("e", "end_session")
		if code := p.wait(); code != 0 {
			t.Errorf("the exit code is %d", code)
		}
	})
	t.Run("in a turn", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, claudecli.Pinned).start(t)
		p.send("1", "silence")
		p.until("system init")
		p.send("2", "say: never")
		p.until("queued 2")
		p.request("e", "end_session")
		_, whats := p.rest()
		want := []string{"control_response", "user [Request interrupted by user]", "result error_during_execution (error)", "cancelled 1", "idle", "discarded 2"}
		if diff := cmp.Diff(want, whats); diff != "" || p.wait() != 1 {
			t.Error(diff)
		}
	})
	t.Run("in a turn of the old version", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, claudecli.Kept).start(t)
		p.send("1", "silence")
		p.until("system init")
		p.send("2", "say: still")
		p.request("e", "end_session")
		p.until("assistant still")
		if code := p.wait(); code != 0 {
			t.Errorf("the exit code is %d", code)
		}
	})
}
