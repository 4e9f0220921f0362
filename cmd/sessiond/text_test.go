package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTextFromElsewhereIsHarmless(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\n\ttext, ünïcode 漢字 🙂": "plain\n\ttext, ünïcode 漢字 🙂",
		"\x1b[2Jgone":                 "␛[2Jgone",
		"\x1b]0;title\x07":            "␛]0;title␇",
		"over\rwritten":               "overwritten",
		"c1: \u009b2J":                "c1: \uFFFD2J",
		"back\bspace \x7f":            "back␈space \uFFFD",
		"\u202eright to left\u2066":   "right to left",
		"not \xff UTF-8":              "not \uFFFD UTF-8",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := cleanLine("two\n\tlines \x1b"); got != "two lines ␛" {
		t.Errorf("cleanLine: %q", got)
	}
}

func FuzzCleanLeavesNothingUnsafe(f *testing.F) {
	f.Add("a\x1b[31mb\r\n\u009b\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		if got := clean(s); strings.ContainsFunc(got, unsafeRune) {
			t.Fatalf("clean(%q) = %q", s, got)
		}
		b, err := encode(s)
		if err != nil {
			t.Skip()
		}
		var before, after string
		safe := cleanJSON(b)
		if strings.ContainsFunc(string(safe), unsafeRune) {
			t.Fatalf("cleanJSON(%q) = %q", b, safe)
		}
		if json.Unmarshal(b, &before) != nil || json.Unmarshal(safe, &after) != nil || before != after {
			t.Fatalf("cleanJSON changed %q to %q", before, after)
		}
	})
}

func TestTextIsCutToColumns(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 10, "short"},
		{"exactly", 7, "exactly"},
		{"too long", 7, "too lo…"},
		{"漢字漢字", 8, "漢字漢字"},
		{"漢字漢字", 6, "漢字…"},
		{"e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"},
		{"any width", 0, "any width"},
	} {
		if got := cut(tc.in, tc.n); got != tc.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tc.in, tc.n, got, tc.want)
		}
	}
	if got := pad("漢", 4); got != "漢  " {
		t.Errorf("pad: %q", got)
	}
}
