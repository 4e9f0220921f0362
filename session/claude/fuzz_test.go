package claude

import (
	"bytes"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/sessiond/sessiond/internal/traces"
	"github.com/sessiond/sessiond/rpc/api"
)

// FuzzParse checks the package's promise: whatever is printed is understood or
// kept, and what is shown of it can be sent.
func FuzzParse(f *testing.F) {
	for _, version := range traces.Versions() {
		for _, name := range traces.Names(version) {
			for _, line := range bytes.Split(traces.Out(version, name), []byte("\n")) {
				f.Add(line)
			}
		}
	}
	f.Add([]byte("{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"input\":{\"a\":\"\xff\"}}]}}"))
	f.Add([]byte(`{"type":"stream_event","parent_tool_use_id":-1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		l := Parse(line)
		// A piece of a message shows nothing; one whose form is not known is kept like any such line.
		kept := []Part{{Kind: api.ConversationSystem}}
		if piece := l.Type == "stream_event" && !slices.Equal(l.Parts, kept); (len(l.Parts) == 0) != piece {
			t.Fatalf("%d parts of a line of type %q", len(l.Parts), l.Type)
		}
		for i, part := range l.Parts {
			b, err := api.Marshal(Render(line, i, part.Kind))
			if err != nil || !utf8.Valid(b) {
				t.Fatalf("part %d cannot be shown: %v", i, err)
			}
		}
	})
}
