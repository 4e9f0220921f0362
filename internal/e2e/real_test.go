package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
)

// eachReal runs a test with both versions of the real Claude Code.
func eachReal(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	for _, version := range claudecli.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			test(t, realWorld(t, version))
		})
	}
}

func TestRealOneTurn(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		ses := w.run("hello")
		if ses.Status != api.StatusCompleted || ses.Result != "you said: hello" || ses.NumTurns != 1 || ses.ExitCode == nil || *ses.ExitCode != 0 {
			t.Errorf("session: %+v", ses)
		}
		if ses.CostUSD <= 0 || ses.InputTokens != 12 || ses.OutputTokens != 20 || ses.CacheReadInputTokens != 5 || ses.CacheCreationInputTokens != 3 || ses.DurationMS <= 0 {
			t.Errorf("figures: %+v", ses)
		}
		if diff := cmp.Diff([]string{"user: hello", "assistant: you said: hello"}, texts(w.conversation(api.GetConversationParams{SessionID: ses.ID}))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]api.Status{"starting", "running", "completed"}, w.changes(ses.ID)); diff != "" {
			t.Error(diff)
		}
		messages, err := w.ListMessages(w.ctx, api.ListMessagesParams{SessionID: ses.ID})
		if err != nil || len(messages.Messages) != 1 || messages.Messages[0].State != api.MessageCompleted {
			t.Errorf("messages: %+v, %v", messages, err)
		}
	})
}

func TestRealTool(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		p := w.prompt("bash: echo from the tool; touch made")
		p.AllowedTools = &[]string{"Bash"}
		ses := w.until(w.launch(p), final...)
		if ses.Status != api.StatusCompleted || ses.Result != "done with the tool" {
			t.Errorf("session: %+v", ses)
		}
		if _, err := os.Stat(filepath.Join(w.work, "made")); err != nil {
			t.Errorf("the tool did not run in the session's directory: %v", err)
		}
		var call, result *api.ConversationEvent
		for _, ev := range w.conversation(api.GetConversationParams{SessionID: ses.ID}) {
			switch ev.EventType {
			case api.ConversationToolCall:
				call = &ev
			case api.ConversationToolResult:
				result = &ev
			}
		}
		if call == nil || result == nil {
			t.Fatalf("no call or no result:\n%s", w.dump(ses.ID))
		}
		if call.ToolName != "Bash" || !strings.Contains(string(call.ToolInput), "from the tool") || call.IsCompleted == nil || !*call.IsCompleted {
			t.Errorf("call: %+v", call)
		}
		if result.ToolResultForID != call.ToolID || result.Content != "from the tool" || *result.IsError {
			t.Errorf("result: %+v", result)
		}
	})
}

func TestRealAPIError(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		ses := w.run("err: 400")
		if ses.Status != api.StatusFailed || !strings.Contains(ses.ErrorMessage, "400") || ses.ExitCode == nil || *ses.ExitCode != 1 {
			t.Errorf("session: %+v", ses)
		}
	})
}

func TestRealContinue(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		p := w.prompt("my name is Ada")
		p.AppendSystemPrompt = ptr("always rhyme")
		p.Model = ptr("sonnet")
		p.Tags = &[]string{"demo"}
		parent := w.until(w.launch(p), final...)
		result, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: parent.ID, Query: api.Text("what is my name?")})
		if err != nil {
			t.Fatal(err)
		}
		child := w.until(result.SessionID, final...)
		if child.Status != api.StatusCompleted || child.ParentSessionID != parent.ID || child.ClaudeSessionID != parent.ClaudeSessionID || child.Model != parent.Model {
			t.Errorf("child: %+v\nparent: %+v", child, parent)
		}
		requests := w.API.Requests()
		last := requests[len(requests)-1]
		if !strings.Contains(last.System, "always rhyme") {
			t.Errorf("the system prompt was not inherited: %s", last.System)
		}
		var heard []string
		for _, m := range last.Messages {
			heard = append(heard, m.Role+": "+m.Text)
		}
		if !slices.ContainsFunc(heard, func(s string) bool { return strings.Contains(s, "my name is Ada") }) {
			t.Errorf("the model has not heard the first prompt again: %q", heard)
		}
		want := []string{"user: my name is Ada", "assistant: you said: my name is Ada", "user: what is my name?", "assistant: you said: what is my name?"}
		if diff := cmp.Diff(want, texts(w.conversation(api.GetConversationParams{SessionID: child.ID}))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want[2:], texts(w.conversation(api.GetConversationParams{SessionID: child.ID, IncludeAncestors: ptr(false)}))); diff != "" {
			t.Error(diff)
		}
		_, err = w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: parent.ID, Query: api.Text("again")})
		if refused := new(api.Error); !errors.As(err, &refused) || refused.Reason != api.ReasonInvalidState || !strings.Contains(refused.Message, child.ID) {
			t.Errorf("an older session was continued: %v", err)
		}
	})
}

// TestRealChangedPrompt needs the option that makes Claude Code forget the
// prompt that it has recorded, which only the pinned version has.
func TestRealChangedPrompt(t *testing.T) {
	t.Parallel()
	w := realWorld(t, claudecli.Pinned)
	p := w.prompt("one")
	p.AppendSystemPrompt = ptr("always rhyme")
	parent := w.until(w.launch(p), final...)
	change := api.ContinueSessionParams{SessionID: parent.ID, Query: api.Text("two")}
	change.AppendSystemPrompt = ptr("never rhyme")
	result, err := w.ContinueSession(w.ctx, change)
	if err != nil {
		t.Fatal(err)
	}
	child := w.until(result.SessionID, final...)
	result, err = w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: child.ID, Query: api.Text("three")})
	if err != nil {
		t.Fatal(err)
	}
	w.until(result.SessionID, final...)
	var prompts []string
	for _, r := range w.API.Requests() {
		for _, word := range []string{"always rhyme", "never rhyme"} {
			if strings.Contains(r.System, word) && slices.Contains([]string{"one", "two", "three"}, r.Text) {
				prompts = append(prompts, r.Text+": "+word)
			}
		}
	}
	if diff := cmp.Diff([]string{"one: always rhyme", "two: never rhyme", "three: never rhyme"}, prompts); diff != "" {
		t.Error(diff)
	}
}

func TestRealFork(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		parent := w.run("one")
		result, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: parent.ID, Query: api.Text("two")})
		if err != nil {
			t.Fatal(err)
		}
		child := w.until(result.SessionID, final...)
		var point int64
		for _, ev := range w.conversation(api.GetConversationParams{SessionID: child.ID}) {
			if ev.Role == "assistant" && ev.Content == "you said: one" {
				point = ev.Seq
			}
		}
		for name, p := range map[string]api.ContinueSessionParams{
			"at an event of an ancestor": {SessionID: child.ID, AtSeq: &point},
			"of an older session":        {SessionID: parent.ID, Fork: true},
		} {
			p.Query = api.Text("three")
			result, err = w.ContinueSession(w.ctx, p)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			fork := w.until(result.SessionID, final...)
			if fork.Status != api.StatusCompleted || fork.ClaudeSessionID == parent.ClaudeSessionID {
				t.Errorf("%s: %+v\n%s", name, fork, w.dump(fork.ID))
			}
			want := []string{"user: one", "assistant: you said: one", "user: three", "assistant: you said: three"}
			if diff := cmp.Diff(want, texts(w.conversation(api.GetConversationParams{SessionID: fork.ID}))); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			requests := w.API.Requests()
			for _, m := range requests[len(requests)-1].Messages {
				if m.Text == "two" {
					t.Errorf("%s: the fork's model has heard what came after the fork", name)
				}
			}
		}
		if _, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: child.ID, Query: api.Text("four")}); err != nil {
			t.Errorf("the forked conversation itself cannot be continued: %v", err)
		}
	})
}

func TestRealUnknownConversation(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		parent := w.run("hello")
		if err := os.RemoveAll(filepath.Join(w.home, ".claude")); err != nil {
			t.Fatal(err)
		}
		result, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: parent.ID, Query: api.Text("still there?")})
		if err != nil {
			t.Fatal(err)
		}
		child := w.until(result.SessionID, final...)
		if child.Status != api.StatusFailed || !strings.Contains(child.ErrorMessage, "No conversation found") {
			t.Errorf("session: %+v", child)
		}
	})
}

func TestRealInterrupt(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.launch(w.prompt("wait: a"))
		if err := w.API.Reached(w.ctx, "a"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id}); err != nil {
			t.Fatal(err)
		}
		if ses := w.until(id, final...); ses.Status != api.StatusInterrupted {
			t.Errorf("session: %+v", ses)
		}
		if diff := cmp.Diff([]api.Status{"starting", "running", "interrupting", "running", "interrupted"}, w.changes(id)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRealInterruptAtOnce(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.launch(w.prompt("wait: a"))
		result, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id})
		if err != nil || result.Status != api.StatusInterrupting {
			t.Fatalf("%+v, %v", result, err)
		}
		if ses := w.until(id, final...); ses.Status != api.StatusInterrupted {
			t.Errorf("session: %+v", ses)
		}
	})
}

func TestRealEnd(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		p := w.prompt("hello")
		p.Interactive = ptr(true)
		id := w.launch(p)
		if ses := w.until(id, api.StatusWaitingInput); ses.WaitingFor != api.WaitingForMessage {
			t.Errorf("session: %+v", ses)
		}
		if _, err := w.EndSession(w.ctx, api.EndSessionParams{SessionID: id}); err != nil {
			t.Fatal(err)
		}
		if ses := w.until(id, final...); ses.Status != api.StatusCompleted {
			t.Errorf("ended while idle: %+v", ses)
		}
		id = w.launch(w.prompt("wait: b"))
		if err := w.API.Reached(w.ctx, "b"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.EndSession(w.ctx, api.EndSessionParams{SessionID: id}); err != nil {
			t.Fatal(err)
		}
		if ses := w.until(id, final...); ses.Status != api.StatusInterrupted {
			t.Errorf("ended in mid-turn: %+v", ses)
		}
	})
}

// TestRealRestart stops the daemon in mid-turn: the session goes on without it.
func TestRealRestart(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.launch(w.prompt("wait: a"))
		if err := w.API.Reached(w.ctx, "a"); err != nil {
			t.Fatal(err)
		}
		w.stop()
		w.API.Release("a")
		w.start()
		ses := w.until(id, final...)
		if ses.Status != api.StatusCompleted || ses.Result != "waiting released" {
			t.Errorf("session: %+v", ses)
		}
	})
}

func TestRealApproval(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.launch(w.prompt("bash: touch asked"))
		if ses := w.until(id, api.StatusWaitingInput); ses.WaitingFor != api.WaitingForApproval || ses.PendingApprovals != 1 {
			t.Fatalf("session: %+v", ses)
		}
		list, err := w.FetchApprovals(w.ctx, api.FetchApprovalsParams{SessionID: id})
		if err != nil || len(list.Approvals) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		if _, err := w.SendDecision(w.ctx, api.SendDecisionParams{ApprovalID: list.Approvals[0].ID, Decision: api.DecisionApprove}); err != nil {
			t.Fatal(err)
		}
		if ses := w.until(id, final...); ses.Status != api.StatusCompleted {
			t.Errorf("session: %+v", ses)
		}
		if _, err := os.Stat(filepath.Join(w.work, "asked")); err != nil {
			t.Error(err)
		}
	})
}

func TestRealSubagent(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		p := w.prompt("task: bash: echo from the subagent")
		p.AllowedTools = &[]string{"Bash", "Task"}
		ses := w.until(w.launch(p), final...)
		if ses.Status != api.StatusCompleted {
			t.Fatalf("session: %+v", ses)
		}
		var task string
		inside := 0
		for _, ev := range w.conversation(api.GetConversationParams{SessionID: ses.ID}) {
			if ev.EventType == api.ConversationToolCall && ev.ParentToolUseID == "" {
				task = ev.ToolID
			}
			if ev.ParentToolUseID != "" && ev.ParentToolUseID == task {
				inside++
			}
		}
		if task == "" || inside < 2 {
			t.Errorf("%d events inside the subagent:\n%s", inside, w.dump(ses.ID))
		}
	})
}
