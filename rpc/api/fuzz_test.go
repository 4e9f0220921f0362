package api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// FuzzParseID takes any text for an id: what is taken is a UUID in lower case,
// and one spelling of each.
func FuzzParseID(f *testing.F) {
	f.Add("01A1FC8A-140F-70A9-A7E1-712A13996664")
	f.Add("{01a1fc8a-140f-70a9-a7e1-712a13996664}")
	f.Add("urn:uuid:01a1fc8a-140f-70a9-a7e1-712a13996664")
	f.Add("01a1fc8a140f70a9a7e1712a13996664")
	f.Add("../../etc/passwd\x00-----------------------")
	f.Fuzz(func(t *testing.T, id string) {
		got, err := ParseID("session_id", id)
		if err != nil {
			var refused *Error
			if !errors.As(err, &refused) || refused.Data["field"] != "session_id" {
				t.Fatalf("%q: %v", id, err)
			}
			return
		}
		if got != strings.ToLower(id) || uuid.Validate(got) != nil || strings.Trim(got, "0123456789abcdef-") != "" {
			t.Fatalf("%q is taken for %q", id, got)
		}
	})
}

// FuzzContent takes any JSON for what a user says: it is refused, or it is kept
// as it came, and has a text.
func FuzzContent(f *testing.F) {
	f.Add([]byte(`"plain \ud800 text"`))
	f.Add([]byte(`[{"type":"text","text":"a"},{"type":"image","source":{"type":"base64","data":"AA=="}}]`))
	f.Add([]byte(` [ ] `))
	f.Add([]byte(`[{"type":"text"},null,1]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c Content
		if json.Unmarshal(raw, &c) != nil {
			return
		}
		text := c.Text()
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		var back Content
		if err := json.Unmarshal(again, &back); err != nil || back.Text() != text {
			t.Fatalf("%q became %q: %v", raw, again, err)
		}
	})
}
