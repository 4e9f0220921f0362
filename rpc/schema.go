package rpc

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/sessiond/sessiond/rpc/api"
)

// schemaRef is where a component's schema is found in the OpenRPC document.
const schemaRef = "#/components/schemas/"

// components are the types that have a schema of their own, which others refer
// to; those of enums are components too.
var components = []reflect.Type{
	reflect.TypeFor[api.Session](),
	reflect.TypeFor[api.ConversationEvent](),
	reflect.TypeFor[api.Event](),
	reflect.TypeFor[api.StatusChange](), reflect.TypeFor[api.SessionDeletion](),
	reflect.TypeFor[api.Approval](),
	reflect.TypeFor[api.Message](),
	reflect.TypeFor[api.Rule](),
	reflect.TypeFor[api.RateLimit](),
	reflect.TypeFor[api.Retry](),
	reflect.TypeFor[api.ClaudeHealth](),
	reflect.TypeFor[api.InboxHealth](),
	reflect.TypeFor[api.JobsHealth](),
	reflect.TypeFor[api.BudgetHealth](),
	reflect.TypeFor[api.EventsHealth](),
	reflect.TypeFor[api.SearchHealth](),
	reflect.TypeFor[api.SearchMatch](),
	reflect.TypeFor[api.TextRange](),
	reflect.TypeFor[api.Job](),
	reflect.TypeFor[api.Summary](),
	reflect.TypeFor[api.SummaryNote](),
	reflect.TypeFor[api.UsageGroup](),
	reflect.TypeFor[api.ArchiveFailure](),
	reflect.TypeFor[api.PrunedSession](),
	reflect.TypeFor[api.PruneFailure](),
	reflect.TypeFor[api.Content](),
	reflect.TypeFor[api.Time](),
}

// ownSchemas are those that a Go type does not tell.
var ownSchemas = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[json.RawMessage](): {},
	reflect.TypeFor[[]byte]():          {Type: "string", ContentEncoding: "base64"},
	reflect.TypeFor[api.Time]():        {Type: "string", Format: "date-time"},
	reflect.TypeFor[api.Content](): {
		OneOf: []*jsonschema.Schema{
			{Type: "string"},
			{Type: "array", MinItems: jsonschema.Ptr(1), Items: &jsonschema.Schema{
				Type:       "object",
				Properties: map[string]*jsonschema.Schema{"type": {Type: "string", MinLength: jsonschema.Ptr(1)}},
				Required:   []string{"type"},
			}},
		},
	},
}

// ownParams are the schemas of params that are raw JSON in Go.
var ownParams = map[string]*jsonschema.Schema{
	"updated_input": {Type: "object"},
	"mcp_config": {Type: "object", Properties: map[string]*jsonschema.Schema{
		"mcpServers": {Type: "object", Description: "servers by name, as Claude Code knows them", AdditionalProperties: &jsonschema.Schema{Type: "object"}},
	}},
}

// schemas makes the schemas of Go types.
type schemas struct {
	refs map[reflect.Type]*jsonschema.Schema // what stands for a type inside of others
}

func newSchemas() *schemas {
	s := &schemas{refs: maps.Clone(ownSchemas)}
	for _, t := range slices.Concat(components, slices.Collect(maps.Keys(enums))) {
		s.refs[t] = &jsonschema.Schema{Ref: schemaRef + t.Name()}
	}
	return s
}

// of returns the schema of a type, which refers to the components in it.
func (s *schemas) of(t reflect.Type) (*jsonschema.Schema, error) {
	schema, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: s.refs})
	if err != nil {
		return nil, fmt.Errorf("schema of %v: %w", t, err)
	}
	tidy(schema)
	return schema, nil
}

// components returns the schemas of all components by name.
func (s *schemas) components() (map[string]*jsonschema.Schema, error) {
	out := map[string]*jsonschema.Schema{}
	for t, words := range enums {
		enum := make([]any, len(words))
		for i, w := range words {
			enum[i] = w
		}
		doc := wordsDocs[t]
		out[t.Name()] = &jsonschema.Schema{Type: "string", Enum: enum, Description: doc.about,
			Extra: map[string]any{"x-words": doc.words}}
	}
	for _, t := range components {
		inner := &schemas{refs: maps.Clone(s.refs)}
		delete(inner.refs, t)
		if own := ownSchemas[t]; own != nil {
			inner.refs[t] = own
		}
		schema, err := inner.of(t)
		if err != nil {
			return nil, err
		}
		schema.Description = objectDocs[t]
		out[t.Name()] = schema
	}
	return out, nil
}

// tidy makes a schema say what holds on the wire: null is there only for a member
// that is always present and may be null, lists never are, and an object may have
// members which a later version adds.
func tidy(s *jsonschema.Schema) {
	if closed := s.AdditionalProperties; closed != nil && closed.Not != nil {
		s.AdditionalProperties = nil
	}
	for name, p := range s.Properties {
		if nullable(p) && (!slices.Contains(s.Required, name) || slices.Contains(p.Types, "array")) {
			withoutNull(p)
		}
		tidy(p)
	}
	for _, inner := range []*jsonschema.Schema{s.Items, s.AdditionalProperties} {
		if inner != nil {
			withoutNull(inner)
			tidy(inner)
		}
	}
}

func nullable(s *jsonschema.Schema) bool { return slices.Contains(s.Types, "null") }

func withoutNull(s *jsonschema.Schema) {
	types := slices.DeleteFunc(slices.Clone(s.Types), func(t string) bool { return t == "null" })
	switch len(types) {
	case 0:
		s.Types = nil
	case 1:
		s.Type, s.Types = types[0], nil
	}
}
