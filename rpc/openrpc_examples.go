package rpc

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sessiond/sessiond/rpc/api"
)

// recordedExamples are examples of every method, event and error: what a real daemon
// was asked, and what it said. internal/examples records them, and checks that a
// daemon still says the same.
//
//go:embed examples.json
var recordedExamples []byte

// examples is the form of examples.json.
type examples struct {
	Methods map[string][]methodExample     `json:"methods"`
	Events  map[api.EventType]eventExample `json:"events"`
	Errors  map[api.Reason]wireError       `json:"errors"`
}

// methodExample is one call that went well.
type methodExample struct {
	Name   string          `json:"name"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
}

// eventExample is the params of one notification.
type eventExample struct {
	SubscriptionID string          `json:"subscription_id"`
	Event          json.RawMessage `json:"event"`
}

func loadExamples() (*examples, error) {
	var e examples
	if err := json.Unmarshal(recordedExamples, &e); err != nil {
		return nil, fmt.Errorf("examples.json: %w", err)
	}
	return &e, nil
}

// examplePairing is an example of a method as OpenRPC has it.
type examplePairing struct {
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Params      []example `json:"params"`
	Result      example   `json:"result"`
}

type example struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Value       json.RawMessage `json:"value"`
}

// pairing gives an example the form of OpenRPC: params one by one, in their order.
func (m openRPCMethod) pairing(e methodExample) (examplePairing, error) {
	out := examplePairing{Name: e.Name, Description: m.Name + ": " + e.Name, Params: []example{},
		Result: example{Name: m.Result.Name, Description: m.Result.Description, Value: e.Result}}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(e.Params, &given); err != nil {
		return out, fmt.Errorf("example %q: %w", e.Name, err)
	}
	for _, p := range m.Params {
		if value, ok := given[p.Name]; ok {
			out.Params = append(out.Params, example{Name: p.Name, Description: p.Description, Value: value})
			delete(given, p.Name)
		}
	}
	for name := range given {
		return out, fmt.Errorf("example %q: there is no param %s", e.Name, name)
	}
	return out, nil
}

// pairings are the examples of a method.
func (m openRPCMethod) pairings(all []methodExample) ([]examplePairing, error) {
	out := []examplePairing{}
	for _, e := range all {
		p, err := m.pairing(e)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	if m.Name == "rpc.discover" {
		return append(out, discoverExample(m)), nil
	}
	return slices.Clip(out), nil
}

// discoverExample is the beginning of the document, which cannot hold itself.
func discoverExample(m openRPCMethod) examplePairing {
	value := fmt.Sprintf(`{"openrpc":%q,"info":{"title":"sessiond","version":"%d"},"methods":[]}`, openRPCVersion, api.ProtocolVersion)
	return examplePairing{Name: "the document, cut", Description: "of the answer only the beginning: a document cannot hold itself",
		Params: []example{}, Result: example{Name: m.Result.Name, Description: m.Result.Description, Value: json.RawMessage(value)}}
}
