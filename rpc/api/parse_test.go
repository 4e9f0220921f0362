package api

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// generally decodes as the client does where ParseJSON does not.
func generally(b []byte, v any) error {
	return jsonv2.Unmarshal(b, v, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// TestParseReadsWhatAppendWrites, but for the two members that are rare.
func TestParseReadsWhatAppendWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var ev, parsedEvent, event Event
		fill(t, reflect.ValueOf(&ev).Elem())
		doc := ev.AppendJSON(nil)
		if err := generally(doc, &event); err != nil {
			t.Fatal(err)
		}
		if !parsedEvent.ParseJSON(doc) || !reflect.DeepEqual(event, parsedEvent) {
			t.Fatalf("%s: %s", doc, cmp.Diff(event, parsedEvent))
		}
		var parsed, page GetConversationResult
		sent := GetConversationResult{Events: make([]ConversationEvent, rapid.IntRange(0, 3).Draw(t, "events")), HeadSeq: 7}
		for i := range sent.Events {
			fill(t, reflect.ValueOf(&sent.Events[i]).Elem())
			sent.Events[i].RawBase64, sent.Events[i].RawUnterminated = nil, false
		}
		if rapid.Bool().Draw(t, "more") {
			sent.NextAfterSeq = new(int64(5))
		}
		doc = bytes.Join(sent.Encoded().JSON(), nil)
		if err := generally(doc, &page); err != nil {
			t.Fatal(err)
		}
		if !parsed.ParseJSON(doc) || !reflect.DeepEqual(page, parsed) {
			t.Fatalf("%s: %s", doc, cmp.Diff(page, parsed))
		}
	})
}

// FuzzParse: what is taken the fast way means the same in the general one.
func FuzzParse(f *testing.F) {
	for _, doc := range []string{
		`{"events":[],"next_after_seq":null,"head_seq":0}`,
		`{"events":[{"seq":1,"session_id":"s","content":"a\"\\\u00e9","created_at":"2026-01-02T03:04:05.678Z"}],"next_after_seq":4,"head_seq":12}`,
		`{"events":[{"seq":1,"tool_input":{"a":["}",{"b":"\\\""}]},"is_error":true,"raw":"x"},{"seq":2}],"head_seq":-1}`,
		`{"seq":9,"type":"conversation_updated","session_id":"a","run_id":"b","timestamp":"2026-01-02T03:04:05Z","data":{"x":[1,2]},"dropped":3}`,
		`{"events":[{"raw_base64":"AA=="}]}`, `{}`, `{"seq":01}`, `{"seq":1}x`, `{"seq":1,}`, `{"seq":null}`, "{\"run_id\":\"\xff\"}", `{"run_id":"\ud800"}`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		valid := jsontext.Value(doc).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		var parsedEvent, event Event
		var parsed, page GetConversationResult
		fastEvent, fast := parsedEvent.ParseJSON(doc), parsed.ParseJSON(doc)
		if !valid {
			return // of what is no JSON nothing is said
		}
		if fastEvent {
			if err := generally(doc, &event); err != nil || !reflect.DeepEqual(event, parsedEvent) {
				t.Errorf("event: %v %s", err, cmp.Diff(event, parsedEvent))
			}
		}
		if fast {
			if err := generally(doc, &page); err != nil || !reflect.DeepEqual(page, parsed) {
				t.Errorf("page: %v %s", err, cmp.Diff(page, parsed))
			}
		}
	})
}

func TestParseLeavesTheRestToOthers(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{``, `{`, `[]`, `{"seq":1`, `{"seq":1 }`, `{"new":1}`, `{"data":`, `{"data":{}`, `{"data":"\"}`,
		`{"type":"a" }`, `{"dropped":1.5}`, `{"run_id":1}`, `{"timestamp":"x"}`, `{"seq":1}}`, `{"se\u0071":1}`, `{"data":` + strings.Repeat("[", 10)} {
		if new(Event).ParseJSON([]byte(doc)) {
			t.Errorf("%s is taken", doc)
		}
	}
}
