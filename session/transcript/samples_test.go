package transcript

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
)

// versions of Claude Code whose transcripts are in testdata.
var versions = []string{"2.1.197", "2.1.329"}

// sample puts a recorded transcript, and that of its subagent, where Claude Code has
// them, and returns its path.
func sample(t testing.TB, version, name string) string {
	t.Helper()
	const id = "6e9a881b-e763-4990-9ecb-37775de8657d"
	dir := t.TempDir()
	place := func(from, to string) {
		b, err := os.ReadFile(filepath.Join("testdata", version, from))
		if errors.Is(err, os.ErrNotExist) && from != name+".jsonl" {
			return
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o700)
		}
		if err == nil {
			err = os.WriteFile(to, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, id+suffix)
	agent := filepath.Join(dir, id, "subagents", "agent-a586bc4a4bf681128")
	place(name+suffix, path)
	place(name+".agent.jsonl", agent+suffix)
	place(name+".agent.meta.json", agent+".meta.json")
	return path
}

// read takes in a transcript as a whole.
func read(t testing.TB, path string) (steps []Step, s State) {
	t.Helper()
	agents, err := Agents(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(append([]Source{{Path: path}}, agents...), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		step, err := r.Next()
		if errors.Is(err, io.EOF) {
			return steps, s
		}
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
		s.Take(&step.Line, step.Source > 0)
	}
}

// TestSamples is what transcripts come to that the real Claude Code wrote.
func TestSamples(t *testing.T) {
	t.Parallel()
	usage := func(messages int64) claude.Usage {
		return claude.Usage{InputTokens: 12 * messages, OutputTokens: 20 * messages, CacheCreationInputTokens: 3 * messages, CacheReadInputTokens: 5 * messages}
	}
	for name, want := range map[string]struct {
		query, title, err, answer string
		status                    api.Status
		turns                     int
		messages                  int64 // that the tokens are of; -1: not looked at
		copy                      bool
	}{
		"text":        {query: "hello", answer: "you said: third", status: api.StatusCompleted, turns: 3, messages: 3},
		"tool":        {query: "bash: echo hi from tool", answer: "done with the tool", status: api.StatusCompleted, turns: 1, messages: 2},
		"task":        {query: "task: bash: echo sub", status: api.StatusCompleted, messages: -1},
		"error":       {query: "err: 400", err: "API Error: 400", status: api.StatusFailed, turns: 1},
		"interrupted": {query: "slow: 30", status: api.StatusInterrupted, turns: 1, messages: -1},
		"killed":      {query: "slow: 30", status: api.StatusInterrupted},
		"compacted":   {query: "hello", answer: "you said: after compaction", status: api.StatusCompleted, turns: 3, messages: -1},
		"commands":    {query: "/usage", status: api.StatusCompleted},
		"fork":        {query: "hello", answer: "you said: fork here", status: api.StatusCompleted, turns: 4, messages: -1, copy: true},
		"interactive": {query: "hello there", title: "my title", status: api.StatusInterrupted, turns: 3, messages: -1},
	} {
		for _, version := range versions {
			t.Run(version+"/"+name, func(t *testing.T) {
				t.Parallel()
				steps, s := read(t, sample(t, version, name))
				if s.Query != want.query || s.Title != want.title || s.Status() != want.status || s.Turned && want.answer != "" && s.Answer != want.answer ||
					!strings.Contains(s.Error, want.err) || (want.err == "") != (s.Error == "") || s.Copy != want.copy {
					t.Errorf("%+v", s)
				}
				if want.turns > 0 && s.Turns != want.turns {
					t.Errorf("%d turns", s.Turns)
				}
				if want.messages >= 0 && s.Usage != usage(want.messages) {
					t.Errorf("tokens: %+v", s.Usage)
				}
				if !s.Known || !s.Said || s.Dir != "/home/ada/work" || s.First.IsZero() || s.Last.Before(s.First.Time) || int(s.Lines) != len(steps) {
					t.Errorf("%+v", s)
				}
				for i, step := range steps {
					if len(step.Line.Parts) == 0 || step.Line.Type == "" {
						t.Errorf("line %d: %s", i, step.Raw.Bytes)
					}
					for part, p := range step.Line.Parts {
						claude.Render(step.Raw.Bytes, part, p.Kind)
					}
				}
			})
		}
	}
}

// TestCosts is what 2.1.329 says that a conversation has cost.
func TestCosts(t *testing.T) {
	t.Parallel()
	_, s := read(t, sample(t, "2.1.329", "text"))
	want := &claude.Totals{CostUSD: 0.0013920000000000002, Usage: s.Usage}
	if diff := cmp.Diff(want, s.Totals); diff != "" {
		t.Error(diff)
	}
	_, fork := read(t, sample(t, "2.1.329", "fork"))
	if fork.Origin != "6e9a881b-e763-4990-9ecb-37775de8657d" || fork.Root != s.Root || fork.Usage.InputTokens != 12 {
		t.Errorf("%+v", fork)
	}
}

// TestSubagents come between the call that started them and what follows it.
func TestSubagents(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		path := sample(t, version, "task")
		agents, err := Agents(path)
		if err != nil || len(agents) != 1 || agents[0].ToolUseID != "toolu_000010_0" || agents[0].Agent != "a586bc4a4bf681128" {
			t.Fatal(agents, err)
		}
		steps, _ := read(t, path)
		first, last, call := -1, -1, -1
		for i, step := range steps {
			if step.Source == 1 {
				if last = i; first < 0 {
					first = i
				}
			}
			for _, p := range step.Line.Parts {
				if p.ToolID == "toolu_000010_0" && p.Kind == api.ConversationToolCall {
					call = i
				}
			}
		}
		if call < 0 || first < call || last == len(steps)-1 {
			t.Errorf("%s: the call is %d, the subagent %d to %d of %d", version, call, first, last, len(steps))
		}
	}
}
