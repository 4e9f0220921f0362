package transcript

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestClean keeps what names something where that stands, and nowhere else.
func TestClean(t *testing.T) {
	t.Parallel()
	secret := func(raw json.RawMessage) json.RawMessage {
		return bytes.ReplaceAll(raw, []byte("toolu_1"), []byte("X"))
	}
	for line, want := range map[string]string{
		`{"type" : "nothing private"}`: `{"type" : "nothing private"}`,
		`{"type":"user","uuid":"toolu_1","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","id":"toolu_1","text":"toolu_1"}]}]},"toolUseResult":{"id":"toolu_1"}}`://
		`{"type":"user","uuid":"toolu_1","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","id":"X","text":"X"}]}]},"toolUseResult":{"id":"X"}}`,
		`{"message":{"id":"toolu_1","content":[{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"id":"toolu_1","toolu_1":1}}]}}`://
		`{"message":{"id":"toolu_1","content":[{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"id":"X","X":1}}]}}`,
		`{"message":{"content":"toolu_1"},"uuid":{"id":"toolu_1"},"toolu_1":"a"}`: `{"message":{"content":"X"},"uuid":{"id":"X"},"toolu_1":"a"}`,
		`["toolu_1"]`:         `["X"]`,
		`{"uuid":"toolu_1","`: `{"uuid":"X","`,
	} {
		if got := string(Clean([]byte(line), secret)); got != want {
			t.Errorf("%s became %s, want %s", line, got, want)
		}
	}
}

// FuzzClean has a line stay a line, and what is not to be found in it stay so.
func FuzzClean(f *testing.F) {
	f.Add([]byte(`{"type":"user","message":{"content":[{"type":"text","text":"secret"}]}}`))
	f.Add([]byte(`{"message":[[{"content":{"id":["secret"]}}]]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		cleaned := Clean(line, func(raw json.RawMessage) json.RawMessage {
			return bytes.ReplaceAll(raw, []byte("secret"), []byte("gone"))
		})
		if json.Valid(line) && !json.Valid(cleaned) || bytes.Count(cleaned, []byte("secret")) > bytes.Count(line, []byte("secret")) {
			t.Errorf("%q became %q", line, cleaned)
		}
	})
}
