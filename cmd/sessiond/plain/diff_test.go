package plain

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChangesOfTools(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		input string
		path  string
		want  []Change
	}{
		"edit":     {`{"file_path":"a.go","old_string":"x","new_string":"y"}`, "a.go", []Change{{"x", "y"}}},
		"edits":    {`{"file_path":"a","edits":[{"old_string":"1","new_string":"2"},{"old_string":"3","new_string":""}]}`, "a", []Change{{"1", "2"}, {"3", ""}}},
		"write":    {`{"file_path":"a","content":"new"}`, "a", []Change{{"", "new"}}},
		"notebook": {`{"notebook_path":"n.ipynb","new_source":"1+1"}`, "n.ipynb", []Change{{"", "1+1"}}},
		"read":     {`{"file_path":"a"}`, "a", nil},
		"another":  {`{"command":"ls some_path"}`, "", nil},
		"no json":  {`{"file_path"`, "", nil},
	} {
		path, got := Changes(json.RawMessage(tc.input))
		if path != tc.path || cmp.Diff(tc.want, got) != "" {
			t.Errorf("%s: %q, %v", name, path, got)
		}
	}
	if diff := cmp.Diff([]string{" a", "-b", "+c␛", " d"}, Change{"a\nb\nd", "a\nc\x1b\nd"}.Diff()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"+one", "+two"}, Change{"", "one\ntwo\n"}.Diff()); diff != "" {
		t.Error(diff)
	}
}
