package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sessiond/sessiond/rpc"
)

// document is what the generators read of the OpenRPC document.
type document struct {
	Methods    []method
	Components struct{ Schemas members }
	Events     []event  `json:"x-events"`
	Errors     []reason `json:"x-errors"`
}

type method struct {
	Name, Summary string
	Params        []descriptor
	Result        descriptor
	Errors        []struct {
		Ref string `json:"$ref"`
	}
}

type descriptor struct {
	Name, Description string
	Required          bool
	Schema            schema
}

type event struct {
	Type, Summary string
	Data          *schema
}

type reason struct {
	Reason, Summary string
	Code            int
	Data            schema
}

// schema is what is used here of JSON Schema.
type schema struct {
	Ref                  string `json:"$ref"`
	Type                 words
	Description          string
	Properties           members
	Required             []string
	Items                *schema
	AdditionalProperties *schema
	Enum                 []string
	OneOf                []schema
	Words                map[string]string `json:"x-words"`
}

// UnmarshalJSON reads a schema; true, which takes anything, is an empty one.
func (s *schema) UnmarshalJSON(b []byte) error {
	if string(b) == "true" {
		return nil
	}
	type plain schema
	return json.Unmarshal(b, (*plain)(s))
}

// words is a string or a list of strings.
type words []string

// UnmarshalJSON reads either form.
func (w *words) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("[")) {
		return json.Unmarshal(b, (*[]string)(w))
	}
	*w = make(words, 1)
	return json.Unmarshal(b, &(*w)[0])
}

// members is an object whose members keep their order.
type members []member

type member struct {
	Name string
	schema
}

// UnmarshalJSON reads the members one by one.
func (m *members) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		one := member{Name: name.(string)}
		if err := dec.Decode(&one.schema); err != nil {
			return err
		}
		*m = append(*m, one)
	}
	return nil
}

// load makes the document anew: what rpc/openrpc.json holds may be stale.
func load() (*document, error) {
	raw, err := rpc.Document("")
	if err != nil {
		return nil, err
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("read the OpenRPC document: %w", err)
	}
	return &doc, nil
}

// ref is the name of the component that a schema refers to, if it does.
func (s *schema) ref() string { return strings.TrimPrefix(s.Ref, "#/components/schemas/") }

func (s *schema) requires(name string) bool { return slices.Contains(s.Required, name) }

// called is a method's name in clients: rpc.discover is discover.
func (m *method) called() string { return strings.TrimPrefix(m.Name, "rpc.") }

// reasons are those for which a call may fail.
func (m *method) reasons() []string {
	var out []string
	for _, e := range m.Errors {
		out = append(out, strings.TrimPrefix(e.Ref, "#/components/errors/"))
	}
	return out
}

// called are the methods that clients have. Subscriptions are the business of their
// iterators over events, which call subscribe and unsubscribe themselves.
func (d *document) called() []method {
	return slices.DeleteFunc(slices.Clone(d.Methods), func(m method) bool {
		return m.Name == "subscribe" || m.Name == "unsubscribe"
	})
}

// subscribe is the method whose params are those of the iterators over events.
func (d *document) subscribe() method {
	return d.Methods[slices.IndexFunc(d.Methods, func(m method) bool { return m.Name == "subscribe" })]
}

// upper makes a name that begins with a capital out of one that does not.
func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// camel makes SessionCreated out of session_created.
func camel(s string) string {
	var b strings.Builder
	for _, part := range strings.Split(s, "_") {
		b.WriteString(upper(part))
	}
	return b.String()
}

// snake makes launch_session out of launchSession.
func snake(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

// sentence makes a description begin and end like a sentence.
func sentence(s string) string { return strings.TrimSuffix(upper(s), ".") + "." }
