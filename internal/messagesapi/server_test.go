package messagesapi

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *Server {
	t.Helper()
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// post asks for a message.
func post(t *testing.T, s *Server, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/messages?beta=true", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-api-key", "a key")
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func ask(text string) string {
	return `{"model":"m","messages":[{"role":"user","content":` + quote(text) + `}]}`
}

// read puts the blocks of a reply together, one line each, and the reason why it stopped.
func read(t *testing.T, r io.Reader) string {
	t.Helper()
	var out strings.Builder
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var e struct {
			Type  string
			Block struct{ Type, Name string } `json:"content_block"`
			Delta struct {
				Text, Thinking string
				Partial        string `json:"partial_json"`
				Stop           string `json:"stop_reason"`
			}
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case "content_block_start":
			out.WriteString(strings.TrimSpace(e.Block.Type+" "+e.Block.Name) + ": ")
		case "content_block_stop":
			out.WriteString("\n")
		default:
			out.WriteString(e.Delta.Text + e.Delta.Thinking + e.Delta.Partial + e.Delta.Stop)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestScripts(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"hello: you", "text: you said: hello: you\nend_turn"},
		{"bash: ls \"x\"", "text: running it\ntool_use Bash: {\"command\":\"ls \\\"x\\\"\",\"description\":\"scripted\"}\ntool_use"},
		{"write: /a", "tool_use Write: {\"file_path\":\"/a\",\"content\":\"hello\\n\"}\ntool_use"},
		{"read: /a", "tool_use Read: {\"file_path\":\"/a\"}\ntool_use"},
		{`tool: Grep {"pattern": "x y"}`, "tool_use Grep: {\"pattern\": \"x y\"}\ntool_use"},
		{"task: bash: ls", "tool_use Task: {\"description\":\"scripted subagent\",\"prompt\":\"bash: ls\",\"subagent_type\":\"general-purpose\"}\ntool_use"},
		{"think: 42", "thinking: let me think about 42\ntext: 42\nend_turn"},
		{"multi: x", "text: one x\ntext: two\ntext: three\ntool_use Bash: {\"command\":\"echo multi\",\"description\":\"scripted\"}\ntool_use"},
		{"slow: 2", "text: tick 0 tick 1 \nend_turn"},
		{"big: 5", "text: xxxxx\nend_turn"},
	}
	s := start(t)
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			resp := post(t, s, ask(test.text))
			if diff := cmp.Diff(test.want, read(t, resp.Body)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body string
		want int
	}{
		{ask("err: 529"), 529},
		{ask("err: 200"), 400},
		{ask("tool: Bash {"), 400},
		{ask("big: many"), 400},
		{ask("slow: -1"), 400},
		{`{`, 400},
	}
	s := start(t)
	for _, test := range tests {
		if resp := post(t, s, test.body); resp.StatusCode != test.want {
			t.Errorf("%s: status %d, want %d", test.body, resp.StatusCode, test.want)
		}
	}
}

func TestWaitUntilReleased(t *testing.T) {
	t.Parallel()
	s := start(t)
	resp := post(t, s, ask("wait: here"))
	if err := s.Reached(t.Context(), "here"); err != nil {
		t.Fatal(err)
	}
	s.Release("here")
	s.Release("here")
	if got, want := read(t, resp.Body), "text: waiting released\nend_turn"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCloseEndsWhatWaits(t *testing.T) {
	t.Parallel()
	s := start(t)
	resp := post(t, s, ask("wait: for ever"))
	if err := s.Reached(t.Context(), "for ever"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil && !strings.Contains(err.Error(), "EOF") {
		t.Error(err)
	}
}

func TestReachedGivesUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := start(t).Reached(ctx, "never"); err == nil {
		t.Error("nobody was there, and yet it was reached")
	}
}

func TestRequestsAreRemembered(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := `{"model":"opus","system":[{"type":"text","text":"be"},{"type":"text","text":"brief"}],
		"tools":[{"name":"Bash"},{"name":"mcp__x__y"}],
		"messages":[{"role":"user","content":[{"type":"text","text":"<system-reminder>no</system-reminder>"},{"type":"text","text":" bash: ls "}]},
			{"role":"assistant","content":[{"type":"text","text":"running it"}]},
			{"role":"user","content":[{"type":"tool_result","content":"x"}]}]}`
	resp := post(t, s, body)
	if got := read(t, resp.Body); got != "text: done with the tool\nend_turn" {
		t.Errorf("behind a tool's result came %q", got)
	}
	want := []Request{{APIKey: "a key", Model: "opus", System: "be\nbrief", Tools: []string{"Bash", "mcp__x__y"}, ToolResult: true,
		Messages: []Message{{"user", " bash: ls "}, {"assistant", "running it"}, {"user", ""}}}}
	if diff := cmp.Diff(want, s.Requests()); diff != "" {
		t.Error(diff)
	}
}

func TestEnvIsClean(t *testing.T) {
	t.Setenv("ANTHROPIC_AUTH_TOKEN", "the user's own")
	env := strings.Join(Env("/home/x", "http://127.0.0.1:1"), "\n")
	for _, want := range []string{"HOME=/home/x\n", "ANTHROPIC_BASE_URL=http://127.0.0.1:1\n", "DISABLE_TELEMETRY=1\n"} {
		if !strings.Contains(env, want) {
			t.Errorf("%q is missing in\n%s", want, env)
		}
	}
	if strings.Contains(env, "the user's own") {
		t.Error("the environment of this process has come through")
	}
}

func TestStructure(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Structure(json.RawMessage(`{"title":"x"}`))
	asked := `{"model":"haiku","tools":[{"name":"StructuredOutput"}],"messages":[{"role":"user","content":"bash: ls"}]}`
	if got := read(t, post(t, s, asked).Body); !strings.Contains(got, "StructuredOutput") || !strings.Contains(got, `{"title":"x"}`) {
		t.Errorf("got %q", got)
	}
	if got := read(t, post(t, s, ask("hello")).Body); !strings.Contains(got, "you said: hello") {
		t.Errorf("without the tool: %q", got)
	}
	if r := s.Requests(); len(r) != 2 || string(r[0].Body) != asked {
		t.Errorf("remembered: %+v", r)
	}
}
