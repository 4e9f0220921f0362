package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// archive is what an archive holds.
type archive struct {
	header    api.ArchiveHeader
	messages  []api.Message
	approvals []api.Approval
	events    []api.Event
	end       *api.ArchiveEnd
}

// readArchive reads an archive as anybody can: gzip, and a JSON value a line.
func readArchive(t testing.TB, path string) archive {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var a archive
	for in := json.NewDecoder(bufio.NewReader(unzip)); ; {
		var line api.ArchiveLine
		if err := in.Decode(&line); errors.Is(err, io.EOF) {
			return a
		} else if err != nil {
			t.Fatal(err)
		}
		switch {
		case a.end != nil:
			t.Error("something stands behind the end")
		case line.Header != nil:
			a.header = *line.Header
		case line.Message != nil:
			a.messages = append(a.messages, *line.Message)
		case line.Approval != nil:
			a.approvals = append(a.approvals, *line.Approval)
		case line.Event != nil:
			a.events = append(a.events, *line.Event)
		default:
			a.end = line.End
		}
	}
}

// prune prunes every session that has ended by now, page by page.
func (w *world) prune(p api.PruneSessionsParams) api.PruneSessionsResult {
	w.t.Helper()
	p.Before = api.At(time.Now().Add(time.Minute))
	var all api.PruneSessionsResult
	for {
		page, err := w.PruneSessions(w.ctx, p)
		if err != nil {
			w.t.Fatalf("pruneSessions: %v", err)
		}
		all.Pruned, all.Failed = append(all.Pruned, page.Pruned...), append(all.Failed, page.Failed...)
		all.Held = page.Held
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			return all
		}
	}
}

func (w *world) gone(id string) bool {
	w.t.Helper()
	_, err := w.GetSessionState(w.ctx, api.SessionParams{SessionID: id})
	if err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}) {
		w.t.Fatal(err)
	}
	return err != nil
}

// withRaw is the conversation as archives have it: without what is computed when
// it is read.
func withRaw(events []api.ConversationEvent) []api.ConversationEvent {
	for i := range events {
		events[i].IsCompleted, events[i].ApprovalID, events[i].ApprovalStatus = nil, "", ""
	}
	return events
}

// TestPruneArchivesBeforeItDeletes has sessions with the oddest lines, with
// questions and with messages: all that was known of each is in its archive.
func TestPruneArchivesBeforeItDeletes(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	asking := w.prompt("ask: Bash {\"command\":\"ls\"}\nsay: done")
	asking.Rules = &[]api.Rule{{Tool: "Bash", Decision: api.DecisionApprove}}
	asking.Tags = &[]string{"asked"}
	for name, p := range map[string]api.LaunchSessionParams{
		"junk": w.prompt("junk\njunk"), "tools": w.prompt("tools: 3\nthink: hm"),
		"half a line": {Query: api.Text(strings.ToValidUTF8("say: hi\nhalf: half\xc3 a line", "?")), LaunchOptions: asking.LaunchOptions},
		"asked":       asking, "failed": w.prompt("die: KILL"),
	} {
		ses := w.until(w.launch(p), final...)
		raw := withRaw(w.conversation(api.GetConversationParams{SessionID: ses.ID, IncludeRaw: true}))
		log := w.log(ses.ID)
		messages, err := w.ListMessages(w.ctx, api.ListMessagesParams{SessionID: ses.ID})
		if err != nil {
			t.Fatal(err)
		}
		approvals, err := w.FetchApprovals(w.ctx, api.FetchApprovalsParams{SessionID: ses.ID, Status: []api.ApprovalStatus{api.ApprovalApproved}})
		if err != nil {
			t.Fatal(err)
		}
		now, err := w.GetSessionState(w.ctx, api.SessionParams{SessionID: ses.ID})
		if err != nil {
			t.Fatal(err)
		}
		result := w.prune(api.PruneSessionsParams{})
		if len(result.Pruned) != 1 || len(result.Failed) != 0 || !w.gone(ses.ID) {
			t.Fatalf("%s: %+v", name, result)
		}
		pruned := result.Pruned[0]
		a := readArchive(t, pruned.Archive)
		if diff := cmp.Diff(now.Session, a.header.Session); diff != "" || a.header.Format != "sessiond-archive" || a.header.Version != 1 {
			t.Errorf("%s: header %+v\n%s", name, a.header, diff)
		}
		if diff := cmp.Diff(messages.Messages, a.messages, cmp.Comparer(api.Content.Equal)); diff != "" {
			t.Errorf("%s: messages: %s", name, diff)
		}
		if len(approvals.Approvals)+len(a.approvals) > 0 {
			if diff := cmp.Diff(approvals.Approvals, a.approvals); diff != "" {
				t.Errorf("%s: approvals: %s", name, diff)
			}
		}
		var said []api.ConversationEvent
		for i, ev := range a.events {
			if ev.Type == api.EventConversationUpdated {
				said = append(said, decode[api.ConversationEvent](t, ev))
				ev.Data = nil
			}
			if i < len(log) {
				if log[i].Type == api.EventConversationUpdated {
					log[i].Data = nil
				}
				if diff := cmp.Diff(log[i], ev); diff != "" {
					t.Errorf("%s: event %d: %s", name, i, diff)
				}
			}
		}
		if diff := cmp.Diff(raw, said); diff != "" {
			t.Errorf("%s: conversation: %s", name, diff)
		}
		want := &api.ArchiveEnd{Messages: len(a.messages), Approvals: len(a.approvals), Events: len(a.events)}
		if diff := cmp.Diff(want, a.end); diff != "" || len(a.events) != len(log)+1 || pruned.Events != len(a.events) {
			t.Errorf("%s: %d events, %d before the last change, %d told of: %s", name, len(a.events), len(log), pruned.Events, diff)
		}
		for path, mode := range map[string]fs.FileMode{pruned.Archive: 0o600, filepath.Dir(pruned.Archive): 0o700 | fs.ModeDir} {
			if fi, err := os.Stat(path); err != nil || fi.Mode() != mode {
				t.Errorf("%s: %v, %v", path, fi.Mode(), err)
			}
		}
	}
}

// TestPruneTellsSubscribers has a subscriber see each session go, and finds its
// directory gone.
func TestPruneTellsSubscribers(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	p := w.prompt("say: hi")
	p.MCPConfig = json.RawMessage(`{"mcpServers":{"none":{"command":"/bin/true"}}}`)
	id := w.until(w.launch(p), final...).ID
	dir := filepath.Join(w.cfg.StateDir, "sessions", id)
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	head, err := w.Health(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.prune(api.PruneSessionsParams{})
	for ev, err := range w.Events(w.ctx, api.SubscribeParams{AfterSeq: &head.Events.HeadSeq, EventTypes: []api.EventType{api.EventSessionDeleted}}) {
		if err != nil || ev.SessionID != id {
			t.Errorf("%+v, %v", ev, err)
		}
		break
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its directory: %v", err)
	}
}

func TestPruneDryRunChangesNothing(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	first, second := w.run("say: one").ID, w.run("say: two").ID
	before, err := w.Health(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	result := w.prune(api.PruneSessionsParams{DryRun: true, Limit: ptr(1)})
	if len(result.Pruned) != 2 || result.Pruned[0].Events == 0 || result.Pruned[0].Bytes == 0 || result.Pruned[0].Archive != "" || result.Held != 0 {
		t.Errorf("%+v", result)
	}
	after, err := w.Health(w.ctx)
	if err != nil || after.Events != before.Events || w.gone(first) || w.gone(second) {
		t.Errorf("%+v, then %+v, %v", before.Events, after.Events, err)
	}
	if _, err := os.Stat(filepath.Join(w.cfg.StateDir, "archive")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("archives: %v", err)
	}
}

// TestPruneKeepsWhatOthersStandOn has a conversation of several sessions: none
// goes while one that stays goes on from it.
func TestPruneKeepsWhatOthersStandOn(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	first := w.run("say: one").ID
	goOn := func(from string, fork bool, prompt string, interactive bool) string {
		r, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: from, Query: api.Text(prompt), Fork: fork,
			LaunchOptions: api.LaunchOptions{Interactive: &interactive}})
		if err != nil {
			t.Fatal(err)
		}
		return r.SessionID
	}
	middle := goOn(first, false, "say: two", false)
	w.until(middle, final...)
	fork := goOn(middle, true, "say: fork", true)
	w.until(fork, api.StatusWaitingInput)
	lone := w.run("say: lone").ID
	if result := w.prune(api.PruneSessionsParams{}); len(result.Pruned) != 1 || result.Pruned[0].SessionID != lone || result.Held != 2 {
		t.Fatalf("with a live fork: %+v", result)
	}
	if _, err := w.EndSession(w.ctx, api.EndSessionParams{SessionID: fork, Force: true}); err != nil {
		t.Fatal(err)
	}
	w.until(fork, final...)
	whole := w.conversation(api.GetConversationParams{SessionID: fork})

	if _, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: first, Tags: &[]string{"old"}}); err != nil {
		t.Fatal(err)
	}
	if result := w.prune(api.PruneSessionsParams{Tag: "old"}); len(result.Pruned) != 0 || result.Held != 1 {
		t.Errorf("only the first: %+v", result)
	}
	// What cannot be archived stays, and with it what it stands on.
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	result := w.prune(api.PruneSessionsParams{ArchiveDir: blocked, Limit: ptr(1)})
	if len(result.Pruned) != 0 || len(result.Failed) != 1 || result.Failed[0].SessionID != fork || !strings.Contains(result.Failed[0].Error, blocked) {
		t.Errorf("into a file: %+v", result)
	}
	if diff := cmp.Diff(whole, w.conversation(api.GetConversationParams{SessionID: fork})); diff != "" {
		t.Error(diff)
	}
	result = w.prune(api.PruneSessionsParams{Limit: ptr(1)})
	var order []string
	for _, p := range result.Pruned {
		order = append(order, p.SessionID)
	}
	if diff := cmp.Diff([]string{fork, middle, first}, order); diff != "" || result.Held != 0 {
		t.Errorf("%+v\n%s", result, diff)
	}
}

// TestPruneLeavesWhatIsRecent has a moment between two sessions.
func TestPruneLeavesWhatIsRecent(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	old := w.run("say: old")
	fresh := w.run("say: fresh")
	for before, want := range map[api.Time]int{old.LastActivityAt: 0, api.At(old.LastActivityAt.Add(time.Millisecond)): 1} {
		result, err := w.PruneSessions(w.ctx, api.PruneSessionsParams{Before: before, DryRun: true})
		if err != nil || len(result.Pruned) != want {
			t.Errorf("before %v: %+v, %v", before, result, err)
		}
	}
	_ = fresh
	for field, p := range map[string]api.PruneSessionsParams{
		"archive_dir": {Before: api.Now(), ArchiveDir: "relative"}, "limit": {Before: api.Now(), Limit: ptr(0)}, "cursor": {Before: api.Now(), Cursor: "x"},
	} {
		_, err := w.PruneSessions(w.ctx, p)
		if refused := new(api.Error); !errors.As(err, &refused) || refused.Data["field"] != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestPruneAgainAfterACrash has the archive of a session that was not deleted:
// the next pruning writes it anew.
func TestPruneAgainAfterACrash(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	ses := w.run("say: hi")
	path := filepath.Join(w.cfg.StateDir, "archive", ses.ID+".jsonl.gz")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("half"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if result := w.prune(api.PruneSessionsParams{}); len(result.Pruned) != 1 || result.Pruned[0].Archive != path {
		t.Fatalf("%+v", result)
	}
	if a := readArchive(t, path); a.header.Session.ID != ses.ID || a.end == nil {
		t.Errorf("%+v", a)
	}
}

// TestPruneKilledInBetween kills the daemon between the steps of a pruning: there
// is an archive before anything is deleted, and the next pruning goes on.
func TestPruneKilledInBetween(t *testing.T) {
	t.Parallel()
	crashing := filepath.Join(t.TempDir(), "sessiond")
	build := exec.Command("go", "build", "-tags", "crashpoints,sqlite_fts5", "-o", crashing, "github.com/sessiond/sessiond/cmd/sessiond")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for point, deleted := range map[crashpoint.Point]bool{crashpoint.PruneArchived: false, crashpoint.DeleteStored: true, crashpoint.PruneDeleted: true} {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			w := scriptedWorld(t, claudecli.Pinned)
			p := w.prompt("say: hi")
			p.MCPConfig = json.RawMessage(`{"mcpServers":{"none":{"command":"/bin/true"}}}`)
			id := w.until(w.launch(p), final...).ID
			w.stop()
			serve := exec.Command(crashing, "serve", "--state-dir", w.cfg.StateDir, "--socket", w.cfg.Socket)
			serve.Env = append(w.environ(), "SESSIOND_CRASH_AT="+string(point))
			if err := serve.Start(); err != nil {
				t.Fatal(err)
			}
			exited := make(chan error, 1)
			go func() { exited <- serve.Wait() }()
			c, err := client.Dial(w.ctx, w.cfg.Socket)
			for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				c, err = client.Dial(w.ctx, w.cfg.Socket)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.PruneSessions(w.ctx, api.PruneSessionsParams{Before: api.At(time.Now().Add(time.Minute))}); !errors.Is(err, client.ErrDisconnected) {
				t.Errorf("pruneSessions: %v", err)
			}
			if err := <-exited; err == nil || err.Error() != "signal: killed" {
				t.Errorf("the daemon ended: %v", err)
			}
			w.start()
			path := filepath.Join(w.cfg.StateDir, "archive", id+".jsonl.gz")
			if a := readArchive(t, path); a.header.Session.ID != id || a.end == nil {
				t.Errorf("%+v", a)
			}
			if w.gone(id) != deleted {
				t.Errorf("the session is gone: %v", !deleted)
			}
			if result := w.prune(api.PruneSessionsParams{}); len(result.Failed) != 0 || !w.gone(id) {
				t.Errorf("the next pruning: %+v", result)
			}
			w.swept(filepath.Join(w.cfg.StateDir, "sessions", id))
			if a := readArchive(t, path); a.header.Session.ID != id || a.end == nil {
				t.Errorf("in the end: %+v", a)
			}
		})
	}
}
