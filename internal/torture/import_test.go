package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestImportCrashes kills the daemon in the midst of an import, at the steps of a
// transaction: whatever is asked for again goes on where it was, and each line is
// there once.
func TestImportCrashes(t *testing.T) {
	t.Parallel()
	for _, p := range []crashpoint.Point{crashpoint.ImportCommitted, crashpoint.IngestApplied, crashpoint.IngestCommitted, crashpoint.IngestAnnounced} {
		for _, times := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s/%d", p, times), func(t *testing.T) {
				t.Parallel()
				crashImport(t, p, times)
			})
		}
	}
}

// crashImport imports two transcripts, one of them with a subagent's, while the
// daemon dies once.
func crashImport(t *testing.T, p crashpoint.Point, times int) {
	w := newWorld(t, crashing, claudecli.Pinned)
	projects := filepath.Join(w.dir, "home", ".claude", "projects")
	files := map[string][]byte{}
	for k := range 2 {
		id := uuid.NewString()
		path := filepath.Join(projects, "-work", id+".jsonl")
		files[id] = manyLines(id, "", 2000)
		writeLines(t, path, files[id])
		if k == 0 {
			agent := manyLines(id, "a1", 700)
			writeLines(t, filepath.Join(strings.TrimSuffix(path, ".jsonl"), "subagents", "agent-a1.jsonl"), agent)
			files[id+" a1"] = agent
		}
	}
	count := filepath.Join(w.dir, "count")
	w.daemon.env = append(w.daemon.env, fmt.Sprintf("SESSIOND_CRASH_AT=%s:%d", p, times), "SESSIOND_CRASH_COUNT="+count)
	relax := w.supervise()
	w.connect()
	for _, want := range []api.ImportOutcome{"", api.ImportUnchanged} {
		params := api.ImportTranscriptsParams{Paths: []string{projects}}
		for again := true; again; {
			var page api.ImportTranscriptsResult
			err := w.again(func(ctx context.Context) (err error) {
				page, err = w.client.ImportTranscripts(ctx, params)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range page.Transcripts {
				if one.Outcome == api.ImportSkipped || want != "" && one.Outcome != want {
					t.Errorf("%+v", one)
				}
			}
			params.Cursor = page.NextCursor
			again = params.Cursor != ""
		}
	}
	if crashes := relax(); crashes != 1 {
		t.Errorf("the daemon has crashed %d times", crashes)
	}
	sessions := w.list()
	if len(sessions) != 2 {
		t.Fatalf("%d sessions", len(sessions))
	}
	for id, ses := range sessions {
		for of, lines := range w.rawLines(id) {
			key := strings.TrimSpace(ses.ClaudeSessionID + " " + of)
			if !bytes.Equal(lines, files[key]) {
				t.Errorf("%s: the log has %d bytes, the file %d, and they differ", key, len(lines), len(files[key]))
			}
			delete(files, key)
		}
		if ses.Status != api.StatusCompleted || ses.NumTurns != 1000 || ses.OutputTokens < 2000 {
			t.Errorf("%+v", ses)
		}
	}
	if len(files) > 0 {
		t.Errorf("%d files are not in the log", len(files))
	}
}

// rawLines is what the log holds of a session's lines, by the subagent.
func (w *world) rawLines(id string) map[string][]byte {
	w.t.Helper()
	all := map[string][]byte{}
	p := api.GetConversationParams{SessionID: id, IncludeRaw: true}
	for {
		page, err := w.client.GetConversation(w.ctx, p)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, ev := range page.Events {
			if ev.Raw == nil {
				continue
			}
			of := ""
			if strings.Contains(*ev.Raw, `"agentId":"a1"`) {
				of = "a1"
			}
			all[of] = append(append(all[of], *ev.Raw...), '\n')
		}
		if page.NextAfterSeq == nil {
			return all
		}
		p.AfterSeq = *page.NextAfterSeq
	}
}

// manyLines is a transcript of so many lines, half of them prompts.
func manyLines(id, agent string, lines int) []byte {
	var b bytes.Buffer
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for n := range lines / 2 {
		stamp := at.Add(time.Duration(n) * time.Second).Format(time.RFC3339)
		common := fmt.Sprintf(`"sessionId":%q,"agentId":%q,"isSidechain":%v,"timestamp":%q,"cwd":"/work"`, id, agent, agent != "", stamp)
		fmt.Fprintf(&b, `{"type":"user","uuid":"u%s%d",%s,"message":{"role":"user","content":"prompt %d"}}`+"\n", agent, n, common, n)
		fmt.Fprintf(&b, `{"type":"assistant","uuid":"a%s%d",%s,"message":{"id":"m%s%d","role":"assistant","stop_reason":"end_turn","content":[{"type":"text","text":"%s"}],"usage":{"output_tokens":2}}}`+"\n",
			agent, n, common, agent, n, strings.Repeat("answer ", 100))
	}
	return b.Bytes()
}

func writeLines(t *testing.T, path string, lines []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, lines, 0o600)); err != nil {
		t.Fatal(err)
	}
}
