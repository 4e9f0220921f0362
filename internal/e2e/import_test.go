package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestImport takes in what the real Claude Code has written: once, however often it
// is asked for, and byte for byte.
func TestImport(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	var all []*transcript
	for _, version := range claudecli.Versions() {
		for _, name := range []string{"text", "tool", "error", "interrupted", "killed", "compacted", "commands", "interactive"} {
			all = append(all, w.keep(recorded(t, version, name)))
		}
	}
	for _, one := range w.imports(api.ImportTranscriptsParams{DryRun: true}) {
		if one.Outcome != api.ImportNew || one.SessionID != "" || one.Title == "" {
			t.Errorf("dry run: %+v", one)
		}
	}
	if list, err := w.ListSessions(w.ctx, api.ListSessionsParams{}); err != nil || len(list.Sessions) != 0 {
		t.Fatalf("a dry run has made %d sessions, %v", len(list.Sessions), err)
	}
	got := w.imports(api.ImportTranscriptsParams{})
	for _, tr := range all {
		ses := w.imported(tr)
		if one := got[tr.id]; one.Outcome != api.ImportNew || one.SessionID != ses.ID || int(one.Lines) != bytes.Count(tr.lines, []byte("\n")) {
			t.Errorf("%+v", one)
		}
		if ses.Origin != api.OriginImported || !ses.Status.Final() || ses.WorkingDir != "/home/ada/work" || ses.Query == "" ||
			ses.LastActivityAt.Year() != 2026 || ses.CreatedAt.IsZero() || ses.CreatedAt.After(ses.LastActivityAt.Time) {
			t.Errorf("%+v", ses)
		}
		if diff := cmp.Diff(string(tr.lines), string(w.raw(ses.ID))); diff != "" {
			t.Error(diff)
		}
	}
	head := w.head()
	for _, one := range w.imports(api.ImportTranscriptsParams{}) {
		if one.Outcome != api.ImportUnchanged || one.Lines != 0 {
			t.Errorf("the second time: %+v", one)
		}
	}
	if now := w.head(); now != head {
		t.Errorf("an import of nothing new has made events %d to %d", head, now)
	}
	w.stop()
	w.start()
	for _, one := range w.imports(api.ImportTranscriptsParams{}) {
		if one.Outcome != api.ImportUnchanged {
			t.Errorf("another daemon: %+v", one)
		}
	}
	w.healthy("behind an import")
}

// TestImportedSession is what is known of one.
func TestImportedSession(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	tr := w.keep(recorded(t, "2.1.329", "text"))
	w.imports(api.ImportTranscriptsParams{})
	ses := w.imported(tr)
	if ses.Status != api.StatusCompleted || ses.NumTurns != 3 || ses.Query != "hello" || ses.Result != "you said: third" || ses.Model != "claude-opus-5-5" ||
		ses.InputTokens != 36 || ses.OutputTokens != 60 || ses.CostUSD < 0.0013 || ses.CostUSD > 0.0014 || ses.ClaudeSessionID != tr.id {
		t.Errorf("%+v", ses)
	}
	events := w.conversation(api.GetConversationParams{SessionID: ses.ID})
	want := []string{"user: hello", "assistant: you said: hello", "user: again", "assistant: you said: again", "user: third", "assistant: you said: third"}
	if diff := cmp.Diff(want, texts(events)); diff != "" {
		t.Error(diff)
	}
	for i, ev := range events {
		if !strings.HasPrefix(ev.CreatedAt.Format(time.RFC3339), "2026-11-28T14:45:2") {
			t.Errorf("event %d has the time %s, not its line's", i, ev.CreatedAt)
		}
	}
	if diff := cmp.Diff([]api.Status{api.StatusCompleted}, w.changes(ses.ID)); diff != "" {
		t.Error(diff)
	}
}

// TestImportGrows takes in what was added, whole lines only, and what a person has
// changed meanwhile stays.
func TestImportGrows(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	began := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	tr := w.keep(nil)
	tr.add(t, turn(tr.id, "one", "1", began))
	w.imports(api.ImportTranscriptsParams{})
	ses := w.imported(tr)
	if !ses.CreatedAt.Equal(began) || !ses.LastActivityAt.Equal(began) || ses.WorkingDir != "/somewhere" || ses.Model != "claude-x" || ses.NumTurns != 1 {
		t.Errorf("%+v", ses)
	}
	if _, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: ses.ID, Title: ptr("mine"), Tags: &[]string{"kept"}}); err != nil {
		t.Fatal(err)
	}
	next := turn(tr.id, "two", "2", began.Add(time.Hour))
	tr.add(t, next[:len(next)/4])
	if one := w.imports(api.ImportTranscriptsParams{})[tr.id]; one.Outcome != api.ImportUnchanged {
		t.Errorf("half a line: %+v", one)
	}
	prompt := bytes.IndexByte(next, '\n') + 1
	tr.add(t, next[len(next)/4:prompt])
	if one := w.imports(api.ImportTranscriptsParams{})[tr.id]; one.Outcome != api.ImportGrown || one.Lines != 1 {
		t.Errorf("a line: %+v", one)
	}
	if got := w.imported(tr); got.Status != api.StatusInterrupted || got.Title != "mine" {
		t.Errorf("in mid-turn: %+v", got)
	}
	tr.add(t, next[prompt:])
	tr.add(t, fmt.Appendf(nil, `{"type":"custom-title","customTitle":"theirs","sessionId":%q}`+"\n", tr.id))
	if one := w.imports(api.ImportTranscriptsParams{})[tr.id]; one.Outcome != api.ImportGrown || one.Lines != 2 || one.SessionID != ses.ID {
		t.Errorf("the rest: %+v", one)
	}
	got := w.imported(tr)
	if got.ID != ses.ID || got.Status != api.StatusCompleted || got.Title != "mine" || !slices.Equal(got.Tags, []string{"kept"}) || got.NumTurns != 2 ||
		got.Result != "2" || !got.LastActivityAt.Equal(began.Add(time.Hour)) || got.OutputTokens != 4 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(string(tr.lines), string(w.raw(ses.ID))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]api.Status{"completed", "interrupted", "completed"}, w.changes(ses.ID)); diff != "" {
		t.Error(diff)
	}
}

// TestImportLeavesAlone is what is not imported, and why.
func TestImportLeavesAlone(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	mine := w.run("say: hi") // which leaves a transcript
	now := time.Now()
	gone, changed, old := w.keep(nil), w.keep(nil), w.keep(nil)
	for _, tr := range []*transcript{gone, changed, old} {
		tr.add(t, turn(tr.id, "one", "1", now))
	}
	w.imports(api.ImportTranscriptsParams{})
	session := w.imported(gone)
	if _, err := w.DeleteSession(w.ctx, api.SessionParams{SessionID: session.ID}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(changed.path, bytes.Replace(changed.lines, []byte("one"), []byte("eno"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(old.path, now.Add(-48*time.Hour), now.Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	empty := w.keep([]byte(`{"type":"mode","mode":"normal","sessionId":"x"}` + "\n"))
	void := w.keep(nil)
	junk := w.keep([]byte("root:x:0:0\n{\"a\":1}\n"))
	link, pipe := w.keep(nil), w.keep(nil)
	for _, path := range []string{link.path, pipe.path} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(old.path, link.path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe.path, 0o600); err != nil {
		t.Fatal(err)
	}
	got := w.imports(api.ImportTranscriptsParams{Since: api.At(now.Add(-24 * time.Hour))})
	for id, want := range map[string]api.ImportReason{mine.ClaudeSessionID: api.SkippedLaunched, gone.id: api.SkippedDeleted, changed.id: api.SkippedChanged,
		old.id: api.SkippedOlder, empty.id: api.SkippedEmpty, void.id: api.SkippedEmpty, junk.id: api.SkippedNoTranscript,
		link.id: api.SkippedNotRegular, pipe.id: api.SkippedNotRegular} {
		if one := got[id]; one.Outcome != api.ImportSkipped || one.Reason != want || one.Message == "" {
			t.Errorf("%s: %+v", want, one)
		}
	}
	if one := got[mine.ClaudeSessionID]; one.SessionID != mine.ID {
		t.Errorf("%+v", one)
	}
	file := filepath.Join(w.home, "passwd")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if one := w.imports(api.ImportTranscriptsParams{Paths: []string{file}})[""]; one.Reason != api.SkippedNoTranscript {
		t.Errorf("%+v", one)
	}
	if one := w.imports(api.ImportTranscriptsParams{Again: true})[gone.id]; one.Outcome != api.ImportNew || w.imported(gone).ID == session.ID {
		t.Errorf("again: %+v", one)
	}
	if one := w.imports(api.ImportTranscriptsParams{})[gone.id]; one.Outcome != api.ImportUnchanged {
		t.Errorf("behind again: %+v", one)
	}
	for _, p := range []api.ImportTranscriptsParams{{Paths: []string{}}, {Paths: []string{"here"}}, {Paths: []string{filepath.Join(w.home, "nowhere")}},
		{Paths: []string{w.home}, Cursor: "!"}} {
		_, err := w.ImportTranscripts(w.ctx, p)
		refused(t, err, api.ReasonInvalidParams)
	}
}

// TestImportOfDamage keeps whatever a file holds, byte for byte.
func TestImportOfDamage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Claude, w.cfg.MaxLineBytes = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned), 1<<20
	w.start()
	tr := w.keep(nil)
	tr.add(t, turn(tr.id, "one", "1", time.Now()))
	for _, line := range []string{"", "{", "null", "[]", `"text"`, "not \xff\xfe UTF-8", `{"type":"user","message":{"role":"user","content":"\ud800 half"}}`, "\x00\x00",
		`{"type":"assistant","message":7,"timestamp":"soon"}`, `{"type":["user"],"uuid":3}`, `{"type":"stream_event"}`, `{"type":"result","result":5}`,
		`{"type":"user","timestamp":"99999-01-01T00:00:00Z","message":{"content":[{"type":"text"},{"type":"tool_result","tool_use_id":"x"}]}}`,
		`{"type":"cost-state","totalCostUSD":-1,"modelUsage":{"m":{"inputTokens":-5}}}`, `{"type":"user","isMeta":true,"message":{"content":"\u0000"}}`,
		`{"type":"summary","summary":"` + strings.Repeat("é", 500) + `","leafUuid":"nobody"}`, "carriage return\r",
		`{"type":"user","uuid":"u","sessionId":"s","message":{"role":"user","content":"` + strings.Repeat("long ", 600_000) + `"}}`} {
		tr.add(t, []byte(line+"\n"))
	}
	tr.add(t, turn(tr.id, "two", "2", time.Now()))
	if one := w.imports(api.ImportTranscriptsParams{})[tr.id]; one.Outcome != api.ImportNew {
		t.Fatalf("%+v", one)
	}
	ses := w.imported(tr)
	if !bytes.Equal(tr.lines, w.raw(ses.ID)) {
		t.Error("what the log holds is not what the file does")
	}
	if ses.Status != api.StatusCompleted || ses.Result != "2" || ses.CostUSD != 0 || ses.InputTokens != 2 {
		t.Errorf("%+v", ses)
	}
	if one := w.imports(api.ImportTranscriptsParams{})[tr.id]; one.Outcome != api.ImportUnchanged {
		t.Errorf("%+v", one)
	}
	w.healthy("behind damage")
}

// TestImportLinks ties conversations that were copied from others to those, in
// whatever order they are imported.
func TestImportLinks(t *testing.T) {
	t.Parallel()
	for _, version := range claudecli.Versions() {
		for _, first := range []string{"original", "copy"} {
			t.Run(version+"/"+first, func(t *testing.T) {
				t.Parallel()
				w := scriptedWorld(t, claudecli.Pinned)
				dir := filepath.Join(w.projects(), "-work")
				text := &transcript{id: "6e9a881b-e763-4990-9ecb-37775de8657d"} // as the lines of the copy have it
				text.path = filepath.Join(dir, text.id+".jsonl")
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				text.add(t, recorded(t, version, "text"))
				fork := w.keep(recorded(t, version, "fork"))
				order := []*transcript{text, fork}
				if first == "copy" {
					slices.Reverse(order)
				}
				for _, tr := range order {
					w.imports(api.ImportTranscriptsParams{Paths: []string{tr.path}})
				}
				if parent, child := w.imported(text), w.imported(fork); child.ParentSessionID != parent.ID || parent.ParentSessionID != "" {
					t.Errorf("the copy's parent is %q, the original is %s, whose parent is %q", child.ParentSessionID, parent.ID, parent.ParentSessionID)
				}
				want := []string{"user: hello", "assistant: you said: hello", "user: again", "assistant: you said: again", "user: third", "assistant: you said: third",
					"user: fork here", "assistant: you said: fork here"}
				if diff := cmp.Diff(want, texts(w.conversation(api.GetConversationParams{SessionID: w.imported(fork).ID}))); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestImportSubagents has their lines in the session that they worked for.
func TestImportSubagents(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	for _, version := range claudecli.Versions() {
		tr := w.keep(recorded(t, version, "task"))
		dir := filepath.Join(strings.TrimSuffix(tr.path, ".jsonl"), "subagents")
		agent := recorded(t, version, "task.agent")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		meta, err := os.ReadFile(filepath.Join("..", "..", "session", "transcript", "testdata", version, "task.agent.meta.json"))
		if err != nil {
			t.Fatal(err)
		}
		half := bytes.IndexByte(agent, '\n') + 1
		for name, content := range map[string][]byte{"agent-a1.jsonl": agent[:half], "agent-a1.meta.json": meta, "unrelated.txt": []byte("x")} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		w.imports(api.ImportTranscriptsParams{})
		if err := os.WriteFile(filepath.Join(dir, "agent-a1.jsonl"), agent, 0o600); err != nil {
			t.Fatal(err)
		}
		if one := w.imports(api.ImportTranscriptsParams{})[tr.id]; one.Outcome != api.ImportGrown || int(one.Lines) != bytes.Count(agent[half:], []byte("\n")) {
			t.Errorf("%+v", one)
		}
		inside, own := 0, 0
		for _, ev := range w.conversation(api.GetConversationParams{SessionID: w.imported(tr).ID, IncludeRaw: true}) {
			switch {
			case ev.Raw == nil:
			case ev.ParentToolUseID == "toolu_000010_0":
				inside++
			case ev.ParentToolUseID == "":
				own++
			}
		}
		if inside != bytes.Count(agent, []byte("\n")) || own != bytes.Count(tr.lines, []byte("\n")) {
			t.Errorf("%s: %d lines of the subagent, %d of the conversation", version, inside, own)
		}
	}
}
