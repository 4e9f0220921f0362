package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

// terminal runs the real Claude Code as someone in a terminal would, and returns
// the transcript that it has kept.
func (w *world) terminal(prompt string, args ...string) *transcript {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	tr := &transcript{id: uuid.NewString()}
	if !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--resume=") }) {
		args = append(args, "--session-id="+tr.id)
	}
	cmd := exec.CommandContext(ctx, w.cfg.Claude, append([]string{"-p"}, args...)...)
	cmd.Env, cmd.Dir, cmd.Stdin = w.environ(), w.work, strings.NewReader(prompt)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return w.found(tr.id)
}

// found is the transcript of a conversation as it is now; nil if there is none.
func (w *world) found(id string) *transcript {
	w.t.Helper()
	paths, err := filepath.Glob(filepath.Join(w.projects(), "*", id+".jsonl"))
	if err != nil || len(paths) != 1 {
		return nil
	}
	b, err := os.ReadFile(paths[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return &transcript{id: id, path: paths[0], lines: b}
}

// goOn continues a session, and returns the one that does, at its end.
func (w *world) goOn(p api.ContinueSessionParams) api.Session {
	w.t.Helper()
	result, err := w.ContinueSession(w.ctx, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.until(result.SessionID, final...)
}

// TestRealImport imports what the real Claude Code has kept of a conversation in a
// terminal, and goes on with it.
func TestRealImport(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		tr := w.terminal("my name is Ada")
		if one := w.imports(api.ImportTranscriptsParams{})[tr.id]; one.Outcome != api.ImportNew {
			t.Fatalf("%+v", one)
		}
		ses := w.imported(tr)
		if ses.Status != api.StatusCompleted || ses.Query != "my name is Ada" || ses.Result != "you said: my name is Ada" || ses.WorkingDir != w.work ||
			ses.InputTokens != 12 || ses.NumTurns != 1 || ses.Model == "" {
			t.Errorf("%+v", ses)
		}
		if !bytes.Equal(tr.lines, w.raw(ses.ID)) {
			t.Error("the log does not hold the file")
		}
		// What is said in the terminal behind the import is taken in by continuing.
		w.terminal("bash: echo tool", "--resume="+tr.id, "--allowedTools=Bash")
		child := w.goOn(api.ContinueSessionParams{SessionID: ses.ID, Query: api.Text("what is my name?")})
		if child.Status != api.StatusCompleted || child.ParentSessionID != ses.ID || child.ClaudeSessionID != tr.id || child.Origin != api.OriginLaunched || child.WorkingDir != w.work {
			t.Errorf("%+v\n%s", child, w.dump(child.ID))
		}
		w.toldModel("my name is Ada", "bash: echo tool", "what is my name?")
		want := []string{"user: my name is Ada", "assistant: you said: my name is Ada", "user: bash: echo tool", "assistant: running it", "assistant: done with the tool",
			"user: what is my name?", "assistant: you said: what is my name?"}
		if diff := cmp.Diff(want, texts(w.conversation(api.GetConversationParams{SessionID: child.ID}))); diff != "" {
			t.Error(diff)
		}
		if child.CostUSD <= 0 || child.CostUSD > 0.001 || child.InputTokens != 12 {
			t.Errorf("the child has used %v, %d tokens", child.CostUSD, child.InputTokens)
		}
		if one := w.imports(api.ImportTranscriptsParams{})[tr.id]; one.Reason != api.SkippedContinued || one.SessionID != child.ID {
			t.Errorf("behind the continuation: %+v", one)
		}
		if got := w.found(tr.id); got == nil || !bytes.HasPrefix(got.lines, w.raw(ses.ID)) {
			t.Error("what was imported is not the beginning of the file")
		}
		last := w.goOn(api.ContinueSessionParams{SessionID: child.ID, Query: api.Text("and then?")})
		if last.Status != api.StatusCompleted || last.ParentSessionID != child.ID {
			t.Errorf("%+v", last)
		}
	})
}

// toldModel checks what the model was told in its last request.
func (w *world) toldModel(texts ...string) {
	w.t.Helper()
	requests := w.API.Requests()
	var heard []string
	for _, m := range requests[len(requests)-1].Messages {
		heard = append(heard, m.Text)
	}
	for _, text := range texts {
		if !slices.ContainsFunc(heard, func(s string) bool { return strings.Contains(s, text) }) {
			w.t.Errorf("the model has not heard %q: %q", text, heard)
		}
	}
}

// TestRealImportOutlives goes on with a conversation whose transcript Claude Code has
// cleaned away: it is written again, as it was. So can a fork.
func TestRealImportOutlives(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		for _, fork := range []bool{false, true} {
			tr := w.terminal("my name is Ada")
			w.imports(api.ImportTranscriptsParams{})
			if err := os.RemoveAll(w.projects()); err != nil {
				t.Fatal(err)
			}
			if w.found(tr.id) != nil {
				t.Fatal("it is still there")
			}
			ses := w.imported(tr)
			child := w.goOn(api.ContinueSessionParams{SessionID: ses.ID, Query: api.Text("what is my name?"), Fork: fork})
			if child.Status != api.StatusCompleted || child.Result != "you said: what is my name?" || (child.ClaudeSessionID == tr.id) == fork {
				t.Errorf("%+v\n%s", child, w.dump(child.ID))
			}
			w.toldModel("my name is Ada", "what is my name?")
			got := w.found(tr.id)
			if got == nil || got.path != tr.path || !bytes.HasPrefix(got.lines, tr.lines) {
				t.Error("the transcript is not there as it was")
			}
			if info, err := os.Stat(got.path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
		}
	})
}

// TestRealImportOfOpenConversation leaves alone what someone has open in a terminal,
// until it is not any more: killed, say, without a word.
func TestRealImportOfOpenConversation(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := uuid.NewString()
		cmd := exec.CommandContext(w.ctx, w.cfg.Claude, "-p", "--session-id="+id)
		cmd.Env, cmd.Dir, cmd.Stdin = w.environ(), w.work, strings.NewReader("wait: a")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if err := w.API.Reached(w.ctx, "a"); err != nil {
			t.Fatal(err)
		}
		var one api.ImportedTranscript
		for end := time.Now().Add(patience); one.SessionID == "" && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if _, err := os.Stat(w.projects()); err == nil {
				one = w.imports(api.ImportTranscriptsParams{})[id]
			}
		}
		ses := w.imported(&transcript{id: id})
		if ses.Status != api.StatusInterrupted {
			t.Errorf("in mid-turn: %+v", ses)
		}
		_, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: ses.ID, Query: api.Text("me too")})
		if e := refused(t, err, api.ReasonInvalidState); !strings.Contains(e.Message, "is open in Claude Code") {
			t.Error(e)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-ended
		if child := w.goOn(api.ContinueSessionParams{SessionID: ses.ID, Query: api.Text("and now?")}); child.Status != api.StatusCompleted {
			t.Errorf("%+v", child)
		}
	})
}

// TestRealImportBehindOurs takes in what someone says in a terminal to a conversation
// that the daemon has launched: a session that continues it.
func TestRealImportBehindOurs(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		ours := w.run("my name is Ada")
		if one := w.imports(api.ImportTranscriptsParams{})[ours.ClaudeSessionID]; one.Reason != api.SkippedLaunched || one.SessionID != ours.ID {
			t.Errorf("%+v", one)
		}
		w.terminal("and I am 36", "--resume="+ours.ClaudeSessionID)
		one := w.imports(api.ImportTranscriptsParams{})[ours.ClaudeSessionID]
		if one.Outcome != api.ImportNew {
			t.Fatalf("%+v", one)
		}
		got, err := w.GetSessionState(w.ctx, api.SessionParams{SessionID: one.SessionID})
		if err != nil {
			t.Fatal(err)
		}
		ses := got.Session
		if ses.ParentSessionID != ours.ID || ses.Origin != api.OriginImported || ses.Query != "and I am 36" || ses.Status != api.StatusCompleted ||
			ses.NumTurns != 1 || ses.InputTokens != 12 || ses.CostUSD > ours.CostUSD*1.5 {
			t.Errorf("%+v", ses)
		}
		want := []string{"user: my name is Ada", "assistant: you said: my name is Ada", "user: and I am 36", "assistant: you said: and I am 36"}
		if diff := cmp.Diff(want, texts(w.conversation(api.GetConversationParams{SessionID: ses.ID}))); diff != "" {
			t.Error(diff)
		}
		for _, again := range w.imports(api.ImportTranscriptsParams{}) {
			if again.Outcome != api.ImportUnchanged {
				t.Errorf("%+v", again)
			}
		}
		_, err = w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: ours.ID, Query: api.Text("hm")})
		if e := refused(t, err, api.ReasonInvalidState); !strings.Contains(e.Message, ses.ID) {
			t.Error(e)
		}
		child := w.goOn(api.ContinueSessionParams{SessionID: ses.ID, Query: api.Text("who am I?")})
		if child.Status != api.StatusCompleted || child.CostUSD > ours.CostUSD*1.5 {
			t.Errorf("%+v", child)
		}
		w.toldModel("my name is Ada", "and I am 36", "who am I?")
		want = append(want, "user: who am I?", "assistant: you said: who am I?")
		if diff := cmp.Diff(want, texts(w.conversation(api.GetConversationParams{SessionID: child.ID}))); diff != "" {
			t.Error(diff)
		}
		w.terminal("good bye", "--resume="+ours.ClaudeSessionID)
		last := w.imports(api.ImportTranscriptsParams{})[ours.ClaudeSessionID]
		if last.Outcome != api.ImportNew || last.SessionID == ses.ID {
			t.Fatalf("%+v", last)
		}
		want = append(want, "user: good bye", "assistant: you said: good bye")
		if diff := cmp.Diff(want, texts(w.conversation(api.GetConversationParams{SessionID: last.SessionID}))); diff != "" {
			t.Error(diff)
		}
		// Its beginning was recorded as it was printed: there is no transcript of it to put back.
		if err := os.RemoveAll(w.projects()); err != nil {
			t.Fatal(err)
		}
		_, err = w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: last.SessionID, Query: api.Text("hm")})
		refused(t, err, api.ReasonInvalidState)
	})
}
