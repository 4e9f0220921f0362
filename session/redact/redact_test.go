package redact_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/session/redact"
)

func TestText(t *testing.T) {
	t.Parallel()
	r, err := redact.Parse("# tokens\n\n  sk-[a-z0-9]+  \n(?i)hunter2\n")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"nothing here":                                "nothing here",
		"a<private>b</private>c":                      "a[private]c",
		"a <PRIVATE>b\nb</Private > c":                "a [private] c",
		"a<private reason=\"x\">b</private>c":         "a[private]c",
		"1<private>2<private>3</private>4</private>5": "1[private]5",
		"a<private>to the end":                        "a[private]",
		"a</private>b":                                "a</private>b",
		"<private></private>":                         "[private]",
		"<privateer>ship</privateer>":                 "<privateer>ship</privateer>",
		"key sk-abc123, pass HUNTER2.":                "key [private], pass [private].",
		"<private>sk-abc":                             "[private]",
		"x<private>a</private>y<private>b</private>z": "x[private]y[private]z",
	} {
		if got := r.Text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	var zero *redact.Redactor
	if got := zero.Text("a<private>b</private> sk-a"); got != "a[private] sk-a" {
		t.Errorf("without patterns: %q", got)
	}
}

func TestPatternErrors(t *testing.T) {
	t.Parallel()
	for patterns, line := range map[string]int{"ok\n(": 2, "a*": 1, "#x\n\n|b": 3} {
		_, err := redact.Parse(patterns)
		var e *redact.PatternError
		if !errors.As(err, &e) || e.Line != line || errors.Unwrap(e) == nil || !strings.Contains(err.Error(), e.Pattern) {
			t.Errorf("%q: %v", patterns, err)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	r, err := redact.Parse("secret")
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]string{
		`{"command":"echo \u003cprivate\u003ex\u003c/private\u003e","n":12345678901234567890}`: `{"command":"echo [private]","n":12345678901234567890}`,
		`["a secret",{"secret":true},null]`:                                                    `["a [private]",{"[private]":true},null]`,
		`"<private>x"`:                                                                         `"[private]"`,
		`no JSON <private>x</private>`:                                                         `"no JSON [private]"`,
		`{"a":1} {"b":"secret"}`:                                                               `"{\"a\":1} {\"b\":\"[private]\"}"`,
		strings.Repeat(" ", 30) + "no JSON <private>x":                                         `"` + strings.Repeat(" ", 30) + `no JSON [private]"`,
		`["secret` + strings.Repeat(" ", 30):                                                   `"[\"[private]` + strings.Repeat(" ", 30) + `"`,
	} {
		if got := string(r.JSON(json.RawMessage(raw))); got != want {
			t.Errorf("%s became %s, want %s", raw, got, want)
		}
	}
}

// TestDeepJSON has no text behind a nesting that nobody reads pass for one that was
// looked at.
func TestDeepJSON(t *testing.T) {
	t.Parallel()
	for depth, want := range map[int]string{10_000: `[private]"]`, 10_001: `"[private]"`, 1_000_000: `"[private]"`} {
		raw := "[" + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `,"\u003cprivate\u003ex"]`
		if got := string((&redact.Redactor{}).JSON(json.RawMessage(raw))); strings.Contains(got, "x") || !strings.HasSuffix(got, want) {
			t.Errorf("%d: %.80s", depth, got)
		}
	}
}

// TestASecondLook changes nothing, though a pattern fits the Mark itself.
func TestASecondLook(t *testing.T) {
	t.Parallel()
	r, err := redact.Parse("secret\nprivate\\w*\n\\bkey.\n[0-9]+.*")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"a private b secret":  "a [private] b [private]",
		"privateprivates":     "[private]",
		"[private] [private":  "[private] [[private]",
		"key: secret, key":    "[private] [private], key",
		"secret 1 <private>x": "[private] [private]",
	} {
		once := r.Text(text)
		if twice := r.Text(once); once != want || twice != once {
			t.Errorf("%q became %q, then %q; want %q", text, once, twice, want)
		}
	}
}

// TestNothingPrivateIsLeft holds for tags in any order: what is inside of one never
// comes through.
func TestNothingPrivateIsLeft(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		depth, visible := 0, 0
		for range rapid.IntRange(0, 20).Draw(t, "parts") {
			switch rapid.SampledFrom([]string{"open", "close", "text"}).Draw(t, "part") {
			case "open":
				depth++
				text.WriteString("<private>")
			case "close":
				if depth > 0 {
					depth--
					text.WriteString("</private>")
				}
			case "text":
				if depth > 0 {
					text.WriteString("HIDDEN")
				} else {
					text.WriteString("shown")
					visible++
				}
			}
		}
		got := (&redact.Redactor{}).Text(text.String())
		if strings.Contains(got, "HIDDEN") || strings.Count(got, "shown") != visible {
			t.Fatalf("%q became %q", text.String(), got)
		}
	})
}
