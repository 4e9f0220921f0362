package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestRealSummary has the real Claude Code summarise: from the extract alone, with no
// tool but that for its answer, no hook of the user's, and no transcript.
func TestRealSummary(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		hooked, secret := filepath.Join(w.home, "hooked"), filepath.Join(w.home, "notes.txt")
		hook := []map[string]any{{"hooks": []map[string]string{{"type": "command", "command": "touch " + hooked}}}}
		settings, err := json.Marshal(map[string]any{"hooks": map[string]any{"SessionStart": hook, "UserPromptSubmit": hook, "Stop": hook, "SessionEnd": hook}})
		if err != nil {
			t.Fatal(err)
		}
		ses := w.run("look at @" + secret + " and at <private>my name</private>")
		if err := os.MkdirAll(filepath.Join(w.home, ".claude"), 0o700); err != nil {
			t.Fatal(err)
		}
		for file, content := range map[string][]byte{filepath.Join(w.home, ".claude", "settings.json"): settings, secret: []byte("TOP SECRET")} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		before := len(w.API.Requests())
		w.API.Structure(json.RawMessage(`{"title":"Look at notes","request":"to look","investigated":"","learned":"nothing","completed":"","next_steps":"all"}`))
		if job := w.summarize(ses.ID); job.State != api.JobDone {
			t.Fatalf("job: %+v", job)
		}
		sum := w.summary(ses.ID)
		if sum.Title != "Look at notes" || sum.NextSteps != "all" || sum.CostUSD <= 0 || sum.InputTokens == 0 || !strings.Contains(sum.Model, "haiku") {
			t.Errorf("summary: %+v", sum)
		}
		if now := w.until(ses.ID, final...); now.Title != sum.Title || now.Summary == nil {
			t.Errorf("session: %+v", now)
		}
		for _, r := range w.API.Requests()[before:] {
			tools := slices.DeleteFunc(slices.Clone(r.Tools), func(tool string) bool { return tool == "DeferredToolPlaceholder" })
			if !slices.Equal(tools, []string{"StructuredOutput"}) || !strings.Contains(r.Model, "haiku") || !strings.Contains(r.System, "You summarise sessions") {
				t.Errorf("request: model %s, tools %q, system %q", r.Model, r.Tools, r.System)
			}
			said, err := json.Marshal(r.Messages)
			if err != nil || !strings.Contains(string(said), "look at @") || strings.Contains(string(said), "my name") {
				t.Errorf("it was told %s, %v", said, err)
			}
			if bodies := string(r.Body); strings.Contains(bodies, "TOP SECRET") {
				t.Error("it has read a file that the conversation names")
			}
		}
		if _, err := os.Stat(hooked); err == nil {
			t.Error("a hook of the user's was run")
		}
		transcripts, err := filepath.Glob(filepath.Join(w.home, ".claude", "projects", "*", "*.jsonl"))
		if err != nil || len(transcripts) != 1 {
			t.Errorf("transcripts: %q, %v", transcripts, err)
		}
	})
}
