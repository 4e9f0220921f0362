package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

// projects is where Claude Code keeps its transcripts in a world.
func (w *world) projects() string { return filepath.Join(w.home, ".claude", "projects") }

// transcript is a file of Claude Code's that a test makes.
type transcript struct {
	id, path string
	lines    []byte
}

// keep puts a transcript where Claude Code has them.
func (w *world) keep(lines []byte) *transcript {
	w.t.Helper()
	id := uuid.NewString()
	tr := &transcript{id: id, path: filepath.Join(w.projects(), "-work", id+".jsonl")}
	if err := os.MkdirAll(filepath.Dir(tr.path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	tr.add(w.t, lines)
	return tr
}

// add appends to a transcript.
func (tr *transcript) add(t testing.TB, lines []byte) {
	t.Helper()
	f, err := os.OpenFile(tr.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(lines)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	tr.lines = append(tr.lines, lines...)
}

// recorded is a transcript that the real Claude Code wrote.
func recorded(t testing.TB, version, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "session", "transcript", "testdata", version, name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// turn is a prompt and its answer, as a transcript has them.
func turn(id, prompt, answer string, at time.Time) []byte {
	stamp := at.UTC().Format("2006-01-02T15:04:05.000Z")
	return fmt.Appendf(nil, `{"type":"user","uuid":%q,"sessionId":%q,"cwd":"/somewhere","timestamp":%q,"message":{"role":"user","content":%q}}
{"type":"assistant","uuid":%q,"sessionId":%q,"timestamp":%q,"message":{"id":%q,"model":"claude-x","role":"assistant","content":[{"type":"text","text":%q}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}}
`, uuid.NewString(), id, stamp, prompt, uuid.NewString(), id, stamp, uuid.NewString(), answer)
}

// imports imports page by page, and returns what became of each file, by its
// conversation.
func (w *world) imports(p api.ImportTranscriptsParams) map[string]api.ImportedTranscript {
	w.t.Helper()
	if p.Paths == nil {
		p.Paths = []string{w.projects()}
	}
	all := map[string]api.ImportedTranscript{}
	for {
		page, err := w.ImportTranscripts(w.ctx, p)
		if err != nil {
			w.t.Fatalf("importTranscripts: %v", err)
		}
		for _, one := range page.Transcripts {
			if _, twice := all[one.Path]; twice {
				w.t.Errorf("%s comes twice", one.Path)
			}
			all[one.ClaudeSessionID] = one
		}
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			if page.FilesDone != page.Files || page.BytesDone != page.Bytes {
				w.t.Errorf("at the end: %+v", page)
			}
			return all
		}
	}
}

// imported is the session of a transcript.
func (w *world) imported(tr *transcript) api.Session {
	w.t.Helper()
	var found []api.Session
	p := api.ListSessionsParams{Limit: ptr(500)}
	for {
		page, err := w.ListSessions(w.ctx, p)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, ses := range page.Sessions {
			if ses.ClaudeSessionID == tr.id {
				found = append(found, ses)
			}
		}
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			break
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("%d sessions have the conversation %s", len(found), tr.id)
	}
	return found[0]
}

// raw is what the log holds of a session's lines.
func (w *world) raw(id string) []byte {
	w.t.Helper()
	var b bytes.Buffer
	for _, ev := range w.conversation(api.GetConversationParams{SessionID: id, IncludeRaw: true, IncludeAncestors: ptr(false)}) {
		switch {
		case ev.Raw != nil:
			b.WriteString(*ev.Raw)
		case ev.RawBase64 != nil:
			b.Write(ev.RawBase64)
		default:
			continue
		}
		if !ev.RawUnterminated {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// head is the newest seq.
func (w *world) head() int64 {
	w.t.Helper()
	h, err := w.Health(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return h.Events.HeadSeq
}
