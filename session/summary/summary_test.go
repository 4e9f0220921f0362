package summary

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/redact"
)

func TestCut(t *testing.T) {
	t.Parallel()
	const family, flag, accent, hand = "👨‍👩‍👧", "🇩🇪", "e\u0301", "👍🏽"
	for text, whole := range map[string]string{
		"abc" + family + "d": "abc", "abc" + flag + "d": "abc", "ab" + accent + "c": "ab", "a" + hand + "b": "a", "abcä": "abc",
	} {
		for n := len(whole); n < len(text)-1; n++ {
			if got := Cut(text, n); got != whole {
				t.Errorf("%q cut to %d bytes is %q, want %q", text, n, got, whole)
			}
		}
		if got := Cut(text, len(text)); got != text {
			t.Errorf("%q cut to all it has is %q", text, got)
		}
	}
	if got := Cut("", 5); got != "" {
		t.Errorf("nothing is %q", got)
	}
}

// TestCutAnywhere: what is cut is valid, the beginning of the text, and not too long;
// not even a character without end makes it nothing.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "ä", "€", "😀", "\u0301", "\u200d", "🇩", "🏽", "\n"})).Draw(t, "text"), "")
		n := rapid.IntRange(0, 40).Draw(t, "bytes")
		got := Cut(text, n)
		if len(got) > n && n < len(text) || !strings.HasPrefix(text, got) || !utf8.ValidString(got) {
			t.Fatalf("%q cut to %d is %q", text, n, got)
		}
		if short := shorten(text, n); !utf8.ValidString(short) {
			t.Fatalf("%q shortened to %d is %q", text, n, short)
		}
	})
	if got := Cut("a"+strings.Repeat("\u0301", 1000), 500); len(got) < 400 {
		t.Errorf("only %d bytes are left", len(got))
	}
}

func message(role, text string) *api.ConversationEvent {
	return &api.ConversationEvent{EventType: api.ConversationMessage, Role: role, Content: text}
}

func TestExtract(t *testing.T) {
	t.Parallel()
	failed := true
	r, err := redact.Parse(`sk-\w+`)
	if err != nil {
		t.Fatal(err)
	}
	x := NewExtract(r)
	for _, ev := range []*api.ConversationEvent{
		message("user", "fix it, with <private>my name</private> and sk-abc"),
		{EventType: api.ConversationThinking, Content: "hm"},
		{EventType: api.ConversationSystem, Content: "init"},
		message("assistant", "I look \xff"),
		{EventType: api.ConversationToolCall, ToolName: "Bash", ToolInput: json.RawMessage(`{"command":"echo \u003cprivate\u003ex\u003c/private\u003e"}`)},
		{EventType: api.ConversationToolResult, Content: "no such file", IsError: &failed},
		{EventType: api.ConversationMessage, Role: "assistant", Content: "inside", ParentToolUseID: "toolu_1"},
		message("assistant", "  "),
	} {
		x.Add(ev)
	}
	const want = "[user]\nfix it, with [private] and [private]\n\n[assistant]\nI look \uFFFD\n\n" +
		"[tool Bash]\n{\"command\":\"echo [private]\"}\n\n[result, an error]\nno such file\n\n"
	if got := x.String(); got != want || x.Steps() != 4 {
		t.Errorf("%d steps:\n%s", x.Steps(), got)
	}
}

// TestExtractIsBounded: of a conversation without end the beginning and the end are
// there, and what is private stays out wherever it is cut.
func TestExtractIsBounded(t *testing.T) {
	t.Parallel()
	x := NewExtract(&redact.Redactor{})
	x.Add(message("user", "THE WISH"))
	for i := range 20_000 {
		x.Add(message("assistant", fmt.Sprintf("step %d %s", i, strings.Repeat("ä", i%500))))
	}
	private := strings.Repeat("x", maxMessage*2/3-5) + "<private>" + strings.Repeat("SECRET", 1000) + "</private>" + strings.Repeat("y", 2*maxMessage)
	x.Add(message("assistant", private))
	x.Add(message("assistant", "THE END"))
	got := x.String()
	if len(got) > 100<<10 || !utf8.ValidString(got) {
		t.Errorf("%d bytes", len(got))
	}
	for _, want := range []string{"THE WISH", "step 1 ", "step 19999 ", "THE END", "steps left out", "bytes left out"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(got, "SECRET") {
		t.Error("it holds what is private")
	}
}

func TestPrompt(t *testing.T) {
	t.Parallel()
	one, err := Prompt(nil, "[user]\n/clear\n\n")
	if err != nil || strings.HasPrefix(one, "/") || !strings.Contains(one, "\n/clear\n") || strings.Contains(one, "came before") {
		t.Errorf("%v: %s", err, one)
	}
	two, err := Prompt(&api.SummaryText{Title: "so far"}, "[user]\n===== end =====\n\n")
	if err != nil || !strings.Contains(two, `"title": "so far"`) {
		t.Errorf("%v: %s", err, two)
	}
	mark := strings.Split(two, `"`)
	if len(mark) < 2 || strings.Contains(one, mark[1]) {
		t.Error("the mark can be guessed")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	whole := func(title, rest string) string {
		return fmt.Sprintf(`{"title":%q,"request":"r","investigated":"","learned":"","completed":"c","next_steps":%q}`, title, rest)
	}
	got, err := Parse([]byte(whole("  a\n title ", strings.Repeat("ä", maxField))))
	if err != nil || got.Title != "a title" || got.Request != "r" || got.Completed != "c" || len(got.NextSteps) != maxField || !utf8.ValidString(got.NextSteps) {
		t.Errorf("%+v, %v", got, err)
	}
	for answer, want := range map[string]string{
		"":                  "no JSON",
		"SECRET":            "no JSON",
		`["SECRET"]`:        "no object",
		`{"title":"x"}`:     "request is missing",
		whole("", "SECRET"): "title is empty",
		whole(" ", ""):      "title is empty",
		strings.Replace(whole("x", ""), `"c"`, `["SECRET"]`, 1):        "completed is no text",
		strings.Replace(whole("x", ""), `{`, `{"SECRET":"SECRET",`, 1): "fields that are none",
	} {
		if _, err := Parse([]byte(answer)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v, want %s", answer, err, want)
		}
	}
	if !json.Valid([]byte(Schema())) || !strings.Contains(Schema(), "next_steps") {
		t.Error(Schema())
	}
}
