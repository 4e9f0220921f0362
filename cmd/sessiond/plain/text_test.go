package plain

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
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
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Line("two\n\tlines \x1b"); got != "two lines ␛" {
		t.Errorf("Line: %q", got)
	}
}

func FuzzCleanLeavesNothingUnsafe(f *testing.F) {
	f.Add("a\x1b[31mb\r\n\u009b\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		if got := Clean(s); strings.ContainsFunc(got, Unsafe) {
			t.Fatalf("Clean(%q) = %q", s, got)
		}
		b, err := api.Marshal(s)
		if err != nil {
			t.Skip()
		}
		var before, after string
		safe := JSON(b)
		if strings.ContainsFunc(string(safe), Unsafe) {
			t.Fatalf("JSON(%q) = %q", b, safe)
		}
		if json.Unmarshal(b, &before) != nil || json.Unmarshal(safe, &after) != nil || before != after {
			t.Fatalf("JSON changed %q to %q", before, after)
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
		if got := Cut(tc.in, tc.n); got != tc.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tc.in, tc.n, got, tc.want)
		}
	}
	if got := Pad("漢", 4); got != "漢  " {
		t.Errorf("Pad: %q", got)
	}
}
