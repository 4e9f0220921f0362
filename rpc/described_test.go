package rpc

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sessiond/sessiond/rpc/api"
)

// documented is the document as Go has it.
func documented(t *testing.T) *openRPC {
	t.Helper()
	doc, err := newDocument("")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Nothing is without a description or an example.
func TestEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	for _, problem := range undescribed(documented(t)) {
		t.Error(problem)
	}
}

// undescribed lists what has no description or example.
func undescribed(doc *openRPC) []string {
	var problems []string
	need := func(what, text string) {
		if strings.TrimSpace(text) == "" {
			problems = append(problems, what+": has no description")
		}
	}
	example := func(what string, raw json.RawMessage) {
		if len(raw) == 0 {
			problems = append(problems, what+": has no example")
		}
	}
	for name, s := range doc.Components.Schemas {
		need(name, s.Description)
		undescribedFields(name, s, need)
		words, _ := s.Extra["x-words"].(map[string]string)
		for _, w := range s.Enum {
			need(name+" "+w.(string), words[w.(string)])
		}
	}
	for _, m := range doc.Methods {
		need(m.Name, m.Summary)
		need(m.Result.Name, m.Result.Description)
		undescribedFields(m.Result.Name, m.Result.Schema, need)
		for _, p := range m.Params {
			need(m.Name+" "+p.Name, p.Description)
			undescribedFields(m.Name+" "+p.Name, p.Schema, need)
		}
		if len(m.Examples) == 0 {
			example(m.Name, nil)
		}
		for _, e := range m.Examples {
			need(m.Name+": example", e.Name)
			need(m.Name+": example "+e.Name, e.Description)
			example(m.Name+" "+e.Name, e.Result.Value)
		}
	}
	for _, n := range doc.Notifications {
		need(n.Name, n.Summary)
		for _, p := range n.Params {
			need(n.Name+" "+p.Name, p.Description)
		}
		example(n.Name, n.Example.Event)
	}
	for _, e := range doc.Events {
		need(string(e.Type), e.Summary)
		example(string(e.Type), e.Example)
	}
	for _, e := range doc.Errors {
		need(string(e.Reason), e.Summary)
		need(string(e.Reason)+": message of the example", e.Example.Message)
		undescribedFields(string(e.Reason), e.Data, need)
	}
	return problems
}

func undescribedFields(where string, s *jsonschema.Schema, need func(what, text string)) {
	for name, field := range s.Properties {
		need(where+" "+name, field.Description)
		undescribedFields(where+" "+name, field, need)
		if field.Items != nil {
			undescribedFields(where+" "+name, field.Items, need)
		}
	}
}

// What has no description is found, wherever it is.
func TestWhatIsNotDescribedIsFound(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*openRPC){
		"field":             func(d *openRPC) { d.Components.Schemas["Session"].Properties["pid"].Description = "" },
		"object":            func(d *openRPC) { d.Components.Schemas["Message"].Description = "" },
		"word":              func(d *openRPC) { d.Components.Schemas["Status"].Extra = nil },
		"method":            func(d *openRPC) { d.Methods[2].Summary = "" },
		"param":             func(d *openRPC) { d.Methods[1].Params[3].Description = " " },
		"result":            func(d *openRPC) { d.Methods[4].Result.Description = "" },
		"field of a result": func(d *openRPC) { d.Methods[0].Result.Schema.Properties["pid"].Description = "" },
		"examples":          func(d *openRPC) { d.Methods[3].Examples = nil },
		"notification":      func(d *openRPC) { d.Notifications[0].Summary = "" },
		"event":             func(d *openRPC) { d.Events[7].Example = nil },
		"error":             func(d *openRPC) { d.Errors[4].Example.Message = "" },
		"data of an error":  func(d *openRPC) { d.Errors[3].Data.Properties["field"].Description = "" },
	} {
		doc := documented(t)
		spoil(doc)
		if len(undescribed(doc)) == 0 {
			t.Errorf("%s: nothing was found", name)
		}
	}
}

// Examples are what their schemas say, and show nothing that these do not have.
func TestExamplesFollowTheirSchemas(t *testing.T) {
	t.Parallel()
	c := compiler(t, validator.Draft2020)
	doc := documented(t)
	check := func(what string, raw json.RawMessage, pointer ...string) {
		t.Helper()
		schema, err := c.Compile(documentURL + "#/" + strings.Join(pointer, "/"))
		if err != nil {
			t.Fatal(err)
		}
		value, err := validator.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		for _, name := range surplus(schema, value) {
			t.Errorf("%s: %s is not in the schema", what, name)
		}
	}
	for i, m := range doc.Methods {
		n := strconv.Itoa(i)
		for _, e := range m.Examples {
			check(m.Name+" "+e.Name, e.Result.Value, "methods", n, "result", "schema")
			for _, p := range e.Params {
				j := slices.IndexFunc(m.Params, func(d contentDescriptor) bool { return d.Name == p.Name })
				check(m.Name+" "+p.Name, p.Value, "methods", n, "params", strconv.Itoa(j), "schema")
			}
			for _, d := range m.Params {
				if d.Required && !slices.ContainsFunc(e.Params, func(p example) bool { return p.Name == d.Name }) {
					t.Errorf("%s %s: %s is required", m.Name, e.Name, d.Name)
				}
			}
		}
	}
	for i, e := range doc.Events {
		check(string(e.Type), e.Example, "components", "schemas", "Event")
		if e.Data != nil {
			var ev api.Event
			if err := json.Unmarshal(e.Example, &ev); err != nil || ev.Type != e.Type {
				t.Errorf("%s: %s, %v", e.Type, ev.Type, err)
			}
			check(string(e.Type), ev.Data, "x-events", strconv.Itoa(i), "data")
		}
	}
	for i, e := range doc.Errors {
		data, err := api.Marshal(e.Example.Data)
		if err != nil {
			t.Fatal(err)
		}
		check(string(e.Reason), data, "x-errors", strconv.Itoa(i), "data")
		if e.Example.Code != e.Code {
			t.Errorf("%s: code %d in the example", e.Reason, e.Example.Code)
		}
	}
}

// surplus lists the members of an object that its schema does not have.
func surplus(s *validator.Schema, value any) []string {
	for s.Ref != nil {
		s = s.Ref
	}
	object, ok := value.(map[string]any)
	if !ok || len(s.Properties) == 0 {
		return nil
	}
	var names []string
	for name, inner := range object {
		if s.Properties[name] == nil {
			names = append(names, name)
			continue
		}
		names = append(names, surplus(s.Properties[name], inner)...)
	}
	return names
}

// What the table of errors says of their data is what its schemas have.
func TestErrorDataIsAsTheTableSays(t *testing.T) {
	t.Parallel()
	doc := documented(t)
	for i, k := range errorTable {
		for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(k.data, -1) {
			if doc.Errors[i].Data.Properties[name[1]] == nil {
				t.Errorf("%s: the schema does not have %s, but only %v", k.reason, name[1],
					slices.Sorted(maps.Keys(doc.Errors[i].Data.Properties)))
			}
		}
	}
}
