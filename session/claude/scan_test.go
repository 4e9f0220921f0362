package claude

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// scanAny reads everything there is by means of the scanner.
func scanAny(s *scanner) any {
	switch s.kind() {
	case '"':
		return s.string()
	case '{':
		object := map[string]any{}
		for s.into(); s.more(); {
			name := s.name()
			object[name] = scanAny(s)
		}
		return object
	case '[':
		list := []any{}
		for s.into(); s.more(); {
			list = append(list, scanAny(s))
		}
		return list
	}
	switch word := s.skip(); word {
	case "null":
		return nil
	case "true", "false":
		return word == "true"
	default:
		return json.Number(word)
	}
}

// FuzzScan: what the scanner reads of JSON is what a decoder does, and of anything
// else it comes to an end.
func FuzzScan(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, ` { "a" : [ 1 , -2.5e+3, true ,false, null ] , "b":{"c":{}} } `, `"a\"b\\"`, `"\\\\"`, `["\\",{"\"":"\\\""}]`,
		`{"a":1,"a":2}`, `"\ud83d\ude00 \ud83d \u00e9"`, "{\"a\":\t[\r\n]}", `[[[["]"]]]]`, `{"a":"}","b":"{"}`, `12`, ``, `{`, `{"a`, `{"a":`, `[}`, `]]`, `:,`, "\"\x00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := scanner{text: text}
		whole := s.skip()
		s = scanner{text: text}
		got := scanAny(&s)
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var want any
		if !utf8.ValidString(text) || !json.Valid([]byte(text)) || d.Decode(&want) != nil {
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %#v, want %#v", text, got, want)
		}
		if whole != strings.Trim(text, " \t\r\n") {
			t.Errorf("%q: skipped %q", text, whole)
		}
	})
}
