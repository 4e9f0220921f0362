package examples

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
)

var update = flag.Bool("update", false, "write rpc/examples.json where it is not true any more")

const file = "../../rpc/examples.json"

// recording has the form of rpc/examples.json.
type recording struct {
	Methods map[string][]call              `json:"methods"`
	Events  map[api.EventType]notification `json:"events"`
	Errors  map[api.Reason]json.RawMessage `json:"errors"`
}

type call struct {
	Name   string          `json:"name"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
}

type notification struct {
	SubscriptionID string          `json:"subscription_id"`
	Event          json.RawMessage `json:"event"`
}

// keep keeps an error as it was on the wire, whose code is looked up where it is documented.
func (r *recording) keep(w *world, reason api.Reason, e *api.Error) {
	w.t.Helper()
	raw, err := api.Marshal(map[string]any{"code": codes(w.t)[reason], "message": e.Message, "data": e.With("reason", reason).Data})
	if err != nil {
		w.t.Fatal(err)
	}
	r.Errors[reason] = w.named(raw)
}

// compare fails where the file does not say what was recorded now, or renews it.
func (r *recording) compare(t *testing.T) {
	t.Helper()
	fresh, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer // without the escaping that is meant for HTML
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	diff := cmp.Diff(masked(t, have), masked(t, fresh))
	switch {
	case diff == "":
	case *update:
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not say what a daemon says: run `go generate ./internal/examples ./rpc`\n%s", file, diff)
	}
}

// masked decodes JSON and blots out what is another each time.
func masked(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return mask("", v)
}

var (
	uuids  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	times  = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`)
	others = regexp.MustCompile(`toolu_\w+|msg_\w+|req_\w+|pid \d+|ends at \d+`)
)

func mask(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = mask(k, v[k])
		}
	case []any:
		for i := range v {
			v[i] = mask(name, v[i])
		}
	case string:
		if name == "next_cursor" {
			return "<cursor>"
		}
		s := uuids.ReplaceAllString(v, "<id>")
		return others.ReplaceAllString(times.ReplaceAllString(s, "<time>"), "<id>")
	case float64:
		if name == "pid" || name == "bytes" || name == "score" || name == "behind" || name == "events" || strings.HasSuffix(name, "seq") || strings.HasSuffix(name, "_ms") {
			return "<number>"
		}
	}
	return v
}

// codes are the codes of errors, as openrpc.json has them.
func codes(t *testing.T) map[api.Reason]int {
	t.Helper()
	raw, err := os.ReadFile("../../rpc/openrpc.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Errors map[api.Reason]struct{ Code int }
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	out := map[api.Reason]int{}
	for reason, e := range doc.Components.Errors {
		out[reason] = e.Code
	}
	return out
}
