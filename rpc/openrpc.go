package rpc

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/sessiond/sessiond/rpc/api"
)

// openRPCVersion is the version of the OpenRPC specification that Document follows.
const openRPCVersion = "1.3.2"

type openRPC struct {
	OpenRPC       string                `json:"openrpc"`
	Info          openRPCInfo           `json:"info"`
	Methods       []openRPCMethod       `json:"methods"`
	Components    openRPCComponents     `json:"components"`
	Notifications []openRPCNotification `json:"x-notifications"`
	Events        []openRPCEvent        `json:"x-events"`
	Errors        []openRPCReason       `json:"x-errors"`
}

type openRPCInfo struct {
	Title         string `json:"title"`
	Description   string `json:"description"`
	Version       string `json:"version"`
	DaemonVersion string `json:"x-daemon-version,omitempty"`
}

type openRPCMethod struct {
	Name           string              `json:"name"`
	Summary        string              `json:"summary"`
	ParamStructure string              `json:"paramStructure"`
	Params         []contentDescriptor `json:"params"`
	Result         contentDescriptor   `json:"result"`
	Errors         []reference         `json:"errors"`
	Examples       []examplePairing    `json:"examples"`
}

// contentDescriptor is a param or a result.
type contentDescriptor struct {
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Required    bool               `json:"required"`
	Schema      *jsonschema.Schema `json:"schema"`
}

type reference struct {
	Ref string `json:"$ref"`
}

type openRPCComponents struct {
	Schemas map[string]*jsonschema.Schema `json:"schemas"`
	Errors  map[api.Reason]openRPCError   `json:"errors"`
}

// openRPCNotification is what the daemon sends unasked, of which OpenRPC knows nothing.
type openRPCNotification struct {
	Name    string              `json:"name"`
	Summary string              `json:"summary"`
	Params  []contentDescriptor `json:"params"`
	Example eventExample        `json:"example"`
}

// openRPCEvent is a type of event, and what its data is.
type openRPCEvent struct {
	Type    api.EventType      `json:"type"`
	Summary string             `json:"summary"`
	Data    *jsonschema.Schema `json:"data,omitempty"`
	Example json.RawMessage    `json:"example"`
}

// Document returns the OpenRPC document of the protocol, made from the tables of
// methods, errors and events. daemonVersion, if not empty, is noted in it.
func Document(daemonVersion string) (json.RawMessage, error) {
	doc, err := newDocument(daemonVersion)
	if err != nil {
		return nil, fmt.Errorf("make the OpenRPC document: %w", err)
	}
	return json.Marshal(doc)
}

func newDocument(daemonVersion string) (*openRPC, error) {
	recorded, err := loadExamples()
	if err != nil {
		return nil, err
	}
	s := newSchemas()
	doc := &openRPC{
		OpenRPC: openRPCVersion,
		Info: openRPCInfo{
			Title:         "sessiond",
			Description:   "Launches Claude Code sessions, keeps them running, and tells every client what happens in them.",
			Version:       strconv.Itoa(api.ProtocolVersion),
			DaemonVersion: daemonVersion,
		},
		Components: openRPCComponents{Errors: documentErrors()},
	}
	if doc.Components.Schemas, err = s.components(); err != nil {
		return nil, err
	}
	for _, m := range methodTable() {
		documented, err := s.method(m, recorded.Methods[m.name])
		if err != nil {
			return nil, fmt.Errorf("document %s: %w", m.name, err)
		}
		doc.Methods = append(doc.Methods, documented)
	}
	params, err := s.params(reflect.TypeFor[api.EventNotification]())
	if err != nil {
		return nil, err
	}
	doc.Notifications = []openRPCNotification{{"event", "An event, for a subscription of this connection.", params,
		recorded.Events[api.EventSessionStatusChanged]}}
	if doc.Events, err = s.events(recorded.Events); err != nil {
		return nil, err
	}
	doc.Errors, err = s.reasons(recorded.Errors)
	return doc, err
}

func (s *schemas) method(m method, recorded []methodExample) (openRPCMethod, error) {
	out := openRPCMethod{Name: m.name, Summary: m.summary, ParamStructure: "by-name"}
	var err error
	if out.Params, err = s.params(m.params); err != nil {
		return out, err
	}
	result, err := s.of(m.result)
	if err != nil {
		return out, err
	}
	if m.result.Kind() != reflect.Struct { // a document of its own
		result = &jsonschema.Schema{Type: "object"}
	}
	out.Result = contentDescriptor{Name: m.name + "Result", Description: m.answer, Required: true, Schema: result}
	for _, reason := range slices.Concat(m.reasons, commonReasons) {
		out.Errors = append(out.Errors, reference{"#/components/errors/" + string(reason)})
	}
	out.Examples, err = out.pairings(recorded)
	return out, err
}

// params describes the members of a struct type as params.
func (s *schemas) params(t reflect.Type) ([]contentDescriptor, error) {
	whole, err := s.of(t)
	if err != nil {
		return nil, err
	}
	out := []contentDescriptor{}
	for _, p := range paramsOf(t) {
		schema := whole.Properties[p.name]
		d := contentDescriptor{Name: p.name, Description: schema.Description, Required: p.required, Schema: schema}
		schema.Description = ""
		if own := ownParams[p.name]; own != nil {
			d.Schema = own
		}
		out = append(out, d)
	}
	return out, nil
}

func (s *schemas) events(recorded map[api.EventType]eventExample) ([]openRPCEvent, error) {
	var out []openRPCEvent
	for _, k := range eventTable {
		e := openRPCEvent{Type: k.typ, Summary: k.when, Example: recorded[k.typ].Event}
		if k.data != nil {
			var err error
			if e.Data, err = s.of(k.data); err != nil {
				return nil, err
			}
		}
		out = append(out, e)
	}
	return out, nil
}
