package search

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"The Quick-Brown FOX!":       "the quick brown fox",
		"user_id a.b::c don't":       "user id a b c don t",
		"crème BRÛLÉE Straße ﬁle":    "creme brulee strasse file",
		"cre\u0300me":                "creme",
		"日本語 text カタカナ":              "日 本 語 text カ タ カ ナ",
		"한국어":                        "한 국 어",
		"Ελληνικά ПОИСК йод":         "ελληνικα поиск иод",
		"ｗｉｄｅ １２":                    "wide 12",
		"":                           "",
		" \t\n.,;-_\"'()\x00\xff🎉":   "",
		"readFile":                   "readfile",
		strings.Repeat("x", 100):     strings.Repeat("x", maxToken),
		"\ue000s1 \ue000ruser":       "s1 ruser", // what events are filtered by is in no text
		"a" + strings.Repeat("b", 2): "abb",
	} {
		if got := words(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestParseQuery(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"apple":                   `("apple")`,
		"Apple PIE":               `("apple") AND ("pie")`,
		`"apple pie" x`:           `("apple pie") AND ("x")`,
		"user_id":                 `("user id")`,
		"a OR b c":                `("a" OR "b") AND ("c")`,
		"a AND b OR c":            `("a") AND ("b" OR "c")`,
		"a -b NOT c":              `(("a")) NOT ("b" OR "c")`,
		"app* foo.ba*":            `("app"*) AND ("foo ba"*)`,
		`"apple pi"* x`:           `("apple pi"*) AND ("x")`,
		`"a*" "OR" or and not`:    `("a") AND ("or") AND ("or") AND ("and") AND ("not")`,
		"--flag -f":               `(("flag")) NOT ("f")`,
		`a -"b c"`:                `(("a")) NOT ("b c")`,
		"日本*":                     `("日 本"*)`,
		`NEAR(a b, 5) col:x ^y`:   `("near a") AND ("b") AND ("5") AND ("col x") AND ("y")`,
		"' OR '1'='1":             "",
		`a" "b`:                   "",
		"foo)*( x":                `("foo") AND ("x")`,
		"a\x00b":                  `("a b")`,
		"  a\u00a0\u3000b  ":      `("a") AND ("b")`,
		"C++ -- x":                "",
		`said "OR" -"not this" y`: `(("said") AND ("or") AND ("y")) NOT ("not this")`,
	} {
		q, err := parseQuery(text)
		if want == "" {
			if err == nil {
				t.Errorf("%q is taken for %s", text, q.match())
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := q.match(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// What cannot be understood is an error about the param, with the place and the next step.
func TestQueriesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                              "query: says nothing to look for: give a word",
		"  ":                            "query: says nothing to look for: give a word",
		"-a":                            "query: says only what is not looked for: give a word without - too",
		`é "b c`:                        "query: at character 3: the quote that begins here has no end",
		"a +++":                         `query: at character 3: "+++" has neither letters nor digits, and nothing else can be looked for`,
		`a ""`:                          `query: at character 3: "" has neither letters nor digits, and nothing else can be looked for`,
		"a b*":                          "query: at character 3: at least 2 characters have to stand before the *",
		"a OR":                          "query: at character 3: nothing follows OR; to look for the word, write it in quotes",
		"OR a":                          "query: at character 1: OR needs a word before it that is looked for; to look for the word, write it in quotes",
		"AND a":                         "query: at character 1: AND needs a word before it; to look for the word, write it in quotes",
		"a -b OR c":                     "query: at character 6: OR needs a word before it that is looked for; to look for the word, write it in quotes",
		"a OR -b":                       "query: at character 6: OR and - exclude each other",
		"a OR AND b":                    "query: at character 6: AND follows OR; to look for the word, write it in quotes",
		strings.Repeat("a ", 33):        "query: at character 65: there are more than 32 words and phrases",
		strings.Repeat("a", maxQuery+1): "query: it has 1001 characters, and at most 1000 are taken",
	} {
		_, err := parseQuery(text)
		var e *api.Error
		if !errors.As(err, &e) || e.Reason != api.ReasonInvalidParams || e.Data["field"] != "query" || e.Message != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		if at, told := e.Data["at"].(int); told && (at < 1 || at > utf8.RuneCountInString(text)) {
			t.Errorf("%q: at %d", text, at)
		}
	}
}

func TestSnippets(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("lorem ipsum dolor ", 40)
	for name, c := range map[string]struct{ text, query, want string }{
		"short":      {"an Apple a day", "apple", "an «Apple» a day"},
		"several":    {"apple pie,\n\tapple", "apple", "«apple» pie, «apple»"},
		"phrase":     {"one apple-\n pie and an apple", `"apple pie"`, "one «apple- pie» and an apple"},
		"prefix":     {"applesauce", "app*", "«applesauce»"},
		"accents":    {"crème brûlée", "creme BRULEE", "«crème» «brûlée»"},
		"characters": {"私は日本語を話す", "日本語", "私は«日本語»を話す"},
		"wide":       {"🎉 é apple", "apple", "🎉 é «apple»"},
		"in the middle": {filler + "the apple is here " + filler, "apple",
			"lorem ipsum dolor the «apple» is here lorem ipsum"},
		"both together": {"apple " + filler + "an apple pie " + filler, "apple pie", "an «apple» «pie»"},
		"at the end":    {filler + "apple", "apple", " «apple»"},
		"one long word": {strings.Repeat("x", 500) + " apple", "apple", "…«apple»"},
		"not the other": {"apple pear", "apple -plum", "«apple» pear"},
	} {
		q, err := parseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		text, ranges := snippet(c.text, q)
		if runes := []rune(text); len(runes) > snippetSize+2 || !utf8.ValidString(text) {
			t.Errorf("%s: %d characters", name, len(runes))
		}
		if got := marked(text, ranges); !strings.Contains(got, c.want) || len(c.text) < snippetSize && got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// marked puts marks around what is highlighted.
func marked(text string, ranges []api.TextRange) string {
	runes := []rune(text)
	for _, r := range slices.Backward(ranges) {
		runes = slices.Concat(runes[:r.Start], []rune{'«'}, runes[r.Start:r.End], []rune{'»'}, runes[r.End:])
	}
	return string(runes)
}

func TestWhatIsSaidIsBounded(t *testing.T) {
	t.Parallel()
	s, ok := whatIsSaid(&api.ConversationEvent{EventType: api.ConversationMessage, Content: strings.Repeat("é", maxText)})
	if !ok || len(s.text) > maxText || !utf8.ValidString(s.text) {
		t.Errorf("%d bytes", len(s.text))
	}
	input := `{"a":"one","b":{"c":["two",3,{"d":"three"}]},"e":"` + strings.Repeat("x", 2*maxText) + `","f":"four"}`
	s, _ = whatIsSaid(&api.ConversationEvent{EventType: api.ConversationToolCall, ToolName: "T", ToolInput: []byte(input)})
	if !strings.HasPrefix(s.text, "one\ntwo\nthree\nxxx") || len(s.text) != maxText {
		t.Errorf("%d bytes: %.40q", len(s.text), s.text)
	}
	if diff := cmp.Diff("one", stringsIn([]byte(`{"a":"one","b":`))); diff != "" {
		t.Error(diff)
	}
}
