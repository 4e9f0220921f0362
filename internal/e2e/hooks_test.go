package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/messagesapi"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session"
)

// installHooks puts the hooks into the settings of the claude that the user starts.
func (w *world) installHooks() {
	w.t.Helper()
	cmd := exec.Command(sessiond, "hooks", "install", "--patience=5m") // nothing is to be lost on a busy machine
	cmd.Env = []string{"HOME=" + w.home, "SESSIOND_STATE_DIR=" + w.cfg.StateDir, "PATH=" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
}

// terminal is a claude that the user has started in a terminal.
type terminal struct {
	w     *world
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func (w *world) hooked(args ...string) *terminal {
	w.t.Helper()
	t := &terminal{w: w, cmd: exec.Command(w.cfg.Claude, append([]string{"-p", "--allowed-tools=Bash"}, args...)...)}
	t.cmd.Env, t.cmd.Dir = messagesapi.Env(w.home, w.url), w.work
	var err error
	if t.stdin, err = t.cmd.StdinPipe(); err != nil {
		w.t.Fatal(err)
	}
	if err := t.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = t.cmd.Process.Kill(); _ = t.cmd.Wait() })
	return t
}

// talking is one that talks until its input ends.
func (w *world) talking(args ...string) *terminal {
	return w.hooked(append([]string{"--input-format=stream-json", "--output-format=stream-json", "--verbose"}, args...)...)
}

func (t *terminal) say(text string) {
	t.w.t.Helper()
	if _, err := fmt.Fprintf(t.stdin, `{"type":"user","message":{"role":"user","content":%q}}`+"\n", text); err != nil {
		t.w.t.Fatal(err)
	}
}

// end ends its input, and waits for it.
func (t *terminal) end() {
	t.w.t.Helper()
	_ = t.stdin.Close()
	if err := t.cmd.Wait(); err != nil {
		t.w.t.Errorf("claude: %v", err)
	}
}

// externals waits until the sessions of terminals are as wanted, the oldest first.
func (w *world) externals(wanted func([]api.Session) bool) []api.Session {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		list, err := w.ListSessions(w.ctx, api.ListSessionsParams{Limit: ptr(500)})
		if err != nil {
			w.t.Fatal(err)
		}
		found := slices.DeleteFunc(list.Sessions, func(s api.Session) bool { return s.Origin != api.OriginExternal })
		slices.SortFunc(found, func(a, b api.Session) int { return a.CreatedAt.Compare(b.CreatedAt.Time) })
		if wanted(found) {
			return found
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("sessions of terminals: %+v", found)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// hears waits until an answer is in the transcript, and taken in: 2.1.197 may write it
// down behind the hook that tells of the turn's end.
func (w *world) hears(id, answer string) {
	w.t.Helper()
	if !poll(func() bool {
		return slices.Contains(said(w.conversation(api.GetConversationParams{SessionID: id})), "assistant: "+answer)
	}) {
		w.t.Fatalf("%q is not heard", answer)
	}
}

func allEnded(n int) func([]api.Session) bool {
	return func(list []api.Session) bool {
		return len(list) == n && !slices.ContainsFunc(list, func(s api.Session) bool { return !s.Status.Final() })
	}
}

// said lists what was said, but for the user's commands to Claude Code itself.
func said(events []api.ConversationEvent) []string {
	return slices.DeleteFunc(texts(events), func(text string) bool { return strings.HasPrefix(text, "user: <command-name>") })
}

// tools lists the tools of a conversation: call and answer, each as often as it is there.
func tools(events []api.ConversationEvent) (found []string) {
	for _, ev := range events {
		switch ev.EventType {
		case api.ConversationToolCall:
			found = append(found, "call "+ev.ToolName+" "+string(ev.ToolInput))
		case api.ConversationToolResult:
			found = append(found, "answer "+ev.Content)
		}
	}
	return found
}

func reason(err error) api.Reason {
	var answered *api.Error
	errors.As(err, &answered)
	if answered == nil {
		return ""
	}
	return answered.Reason
}

// TestRealHookOneTurn is a run of `claude -p` in a terminal.
func TestRealHookOneTurn(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		w.installHooks()
		w.hooked("bash: echo hi").end()
		ses := w.externals(allEnded(1))[0]
		if ses.Status != api.StatusCompleted || ses.Query != "bash: echo hi" || ses.WorkingDir != w.work || ses.NumTurns != 1 ||
			ses.Result != "done with the tool" || ses.Model == "" || ses.InputTokens == 0 || ses.PID != 0 || ses.CompletedAt.IsZero() {
			t.Errorf("session: %+v", ses)
		}
		events := w.conversation(api.GetConversationParams{SessionID: ses.ID})
		if diff := cmp.Diff([]string{"user: bash: echo hi", "assistant: running it", "assistant: done with the tool"}, texts(events)); diff != "" {
			t.Error(diff)
		}
		found := tools(events)
		if len(found) != 2 || !strings.HasPrefix(found[0], "call Bash") || !strings.Contains(found[0], "echo hi") || !strings.Contains(found[1], "hi") {
			t.Errorf("tools: %q", found)
		}
		if diff := cmp.Diff([]api.Status{"waiting_input", "running", "waiting_input", "completed"}, w.changes(ses.ID)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRealHookTalk is a longer run, in which the user begins anew, and goes on here
// when it has ended.
func TestRealHookTalk(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		w.installHooks()
		term := w.talking()
		term.say("one")
		ses := w.externals(func(list []api.Session) bool { return len(list) == 1 && list[0].NumTurns == 1 })[0]
		if ses.Status != api.StatusWaitingInput || ses.WaitingFor != api.WaitingForMessage || ses.PID != term.cmd.Process.Pid && ses.PID != 0 {
			t.Errorf("session: %+v", ses)
		}
		w.hears(ses.ID, "you said: one")
		w.refusesLive(ses.ID)
		term.say("wait: a")
		w.externals(func(list []api.Session) bool { return list[0].Status == api.StatusRunning })
		w.API.Release("a")
		w.externals(func(list []api.Session) bool { return list[0].NumTurns == 2 })
		w.hears(ses.ID, "waiting released")
		term.say("bash: echo two")
		w.externals(func(list []api.Session) bool { return list[0].NumTurns == 3 })
		w.hears(ses.ID, "done with the tool")
		term.say("/clear")
		term.say("three")
		w.externals(func(list []api.Session) bool { return len(list) == 2 && list[1].NumTurns == 1 })
		term.end()
		list := w.externals(allEnded(2))
		for i, want := range [][]string{
			{"user: one", "assistant: you said: one", "user: wait: a", "assistant: waiting released", "user: bash: echo two", "assistant: running it", "assistant: done with the tool"},
			{"user: three", "assistant: you said: three"},
		} {
			if list[i].Status != api.StatusCompleted {
				t.Errorf("session: %+v", list[i])
			}
			if diff := cmp.Diff(want, said(w.conversation(api.GetConversationParams{SessionID: list[i].ID}))); diff != "" {
				t.Error(diff)
			}
		}

		result, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: list[1].ID, Query: api.Text("four")})
		if err != nil {
			t.Fatal(err)
		}
		child := w.until(result.SessionID, final...)
		want := []string{"user: three", "assistant: you said: three", "user: four", "assistant: you said: four"}
		if diff := cmp.Diff(want, said(w.conversation(api.GetConversationParams{SessionID: child.ID}))); diff != "" || child.Origin != api.OriginLaunched {
			t.Errorf("%+v: %s", child, diff)
		}
		// And the user goes on with that in his terminal again.
		w.hooked("--resume="+child.ClaudeSessionID, "five").end()
		list = w.externals(allEnded(3))
		if list[2].ParentSessionID != child.ID || list[2].ClaudeSessionID != child.ClaudeSessionID {
			t.Errorf("resumed: %+v", list[2])
		}
		want = append(want, "user: five", "assistant: you said: five")
		if diff := cmp.Diff(want, said(w.conversation(api.GetConversationParams{SessionID: list[2].ID}))); diff != "" {
			t.Error(diff)
		}
	})
}

// refusesLive has calls refused that need a process of the daemon's.
func (w *world) refusesLive(id string) {
	w.t.Helper()
	_, send := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("x")})
	_, interrupt := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id})
	_, end := w.EndSession(w.ctx, api.EndSessionParams{SessionID: id})
	_, model := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: id, Model: ptr("opus")})
	_, goOn := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: id, Query: api.Text("x")})
	_, fork := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: id, Query: api.Text("x"), Fork: true})
	_, remove := w.DeleteSession(w.ctx, api.SessionParams{SessionID: id})
	for name, err := range map[string]error{"send": send, "interrupt": interrupt, "end": end, "model": model, "continue": goOn, "fork": fork, "delete": remove} {
		if reason(err) != api.ReasonInvalidState {
			w.t.Errorf("%s: %v", name, err)
		}
	}
	if result, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: id, Tags: &[]string{"mine"}}); err != nil || len(result.Session.Tags) != 1 {
		w.t.Errorf("tags: %+v, %v", result, err)
	}
}

// TestRealHookKilled is a claude that is killed in mid-turn, without a daemon: the
// next one finds out.
func TestRealHookKilled(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		w.installHooks()
		term := w.talking()
		term.say("bash: echo one")
		w.externals(func(list []api.Session) bool { return len(list) == 1 && list[0].NumTurns == 1 })
		term.say("wait: never")
		w.externals(func(list []api.Session) bool { return list[0].Status == api.StatusRunning })
		w.stop()
		if err := term.cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = term.cmd.Wait()
		w.start()
		ses := w.externals(allEnded(1))[0]
		if ses.Status != api.StatusFailed || ses.ErrorMessage == "" {
			t.Errorf("session: %+v", ses)
		}
	})
}

// TestRealHookLaunched has a session of the daemon's own recorded once, hooks or no.
func TestRealHookLaunched(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		w.installHooks()
		p := w.prompt("bash: echo hi")
		p.AllowedTools = &[]string{"Bash"}
		ses := w.until(w.launch(p), final...)
		w.hooked("a mark").end() // whatever had been left before is taken in by now
		w.externals(allEnded(1))
		list, err := w.ListSessions(w.ctx, api.ListSessionsParams{})
		if err != nil || len(list.Sessions) != 2 {
			t.Errorf("sessions: %+v, %v", list, err)
		}
		if found := tools(w.conversation(api.GetConversationParams{SessionID: ses.ID})); len(found) != 2 {
			t.Errorf("tools: %q", found)
		}
	})
}

// TestRealHookPrivate keeps nothing of what the user has marked, be it said, done or
// answered, be it known by the hook or by the transcript; nor does the hook's spool,
// while there is no daemon.
func TestRealHookPrivate(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		w.stop()
		w.cfg.RedactPatterns = "open-[a-z]+"
		w.start()
		w.stop()
		w.installHooks()
		w.hooked(`bash: echo "<private>sesame</private> open open-sesame"`).end()
		spooled := grep(t, filepath.Join(w.cfg.StateDir, "hooks"), "[private] open [private]")
		if found := grep(t, w.cfg.StateDir, "sesame"); len(found) != 0 || len(spooled) < 2 {
			t.Errorf("in %q, and marked in %q", found, spooled)
		}
		w.start()
		ses := w.externals(allEnded(1))[0]
		events := w.conversation(api.GetConversationParams{SessionID: ses.ID, IncludeRaw: true})
		shown := fmt.Sprintf("%+v", ses)
		for _, ev := range events {
			shown += fmt.Sprintf("%+v %s", ev, deref(ev.Raw))
		}
		if strings.Contains(shown, "sesame") || !strings.Contains(shown, "[private] open [private]") {
			t.Errorf("kept: %.4000s", shown)
		}
	})
}

// grep lists the files below a directory that contain a text.
func grep(t *testing.T, dir, text string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), text) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// TestRealHookSummary has a session of a terminal's summarised when its turn has ended.
func TestRealHookSummary(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		w.stop()
		w.cfg.Summaries = session.Summaries{Auto: true, Idle: time.Millisecond}
		w.start()
		w.installHooks()
		w.API.Structure(json.RawMessage(`{"title":"Say two","request":"to say it","investigated":"","learned":"","completed":"said","next_steps":""}`))
		term := w.talking()
		term.say("bash: echo two")
		ses := w.externals(func(list []api.Session) bool { return len(list) > 0 && list[0].Summary != nil })[0]
		if ses.Status.Final() || ses.Title != "Say two" {
			t.Errorf("session: %+v", ses)
		}
		seen, err := w.ListObservations(w.ctx, api.ListObservationsParams{SessionID: ses.ID})
		if err != nil || len(seen.Observations) != 1 {
			t.Errorf("observations: %+v, %v", seen, err)
		}
		term.end()
		w.externals(allEnded(1)) // the summariser is none
	})
}
