package rpc

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// decode decodes params as a method that takes a P does.
func decode[P any](raw json.RawMessage) (P, error) {
	return decodeParams[P](paramsOf(reflect.TypeFor[P]()), raw)
}

func TestDecodeParams(t *testing.T) {
	t.Parallel()
	raw := `{"query":[{"type":"text","text":"a<b\ud800"}],"model":"m","tags":["x"],"max_turns":3,"max_budget_usd":1.5,
		"mcp_config":{"mcpServers": {}},"interactive":true,"title":null,"env":{"A":"1"}}`
	p, err := decode[api.LaunchSessionParams](json.RawMessage(raw))
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case !p.Query.Equal(mustContent(t, `[{"type":"text","text":"a<b\ud800"}]`)):
		t.Error("query is not kept as it was sent")
	case *p.Model != "m" || (*p.Tags)[0] != "x" || *p.MaxTurns != 3 || *p.MaxBudgetUSD != 1.5 || !*p.Interactive || p.Env["A"] != "1":
		t.Errorf("%+v", p)
	case string(p.MCPConfig) != `{"mcpServers": {}}`:
		t.Errorf("mcp_config %s", p.MCPConfig)
	case p.Title != nil || p.SystemPrompt != nil:
		t.Error("what is absent or null is set")
	}
}

func mustContent(t *testing.T, raw string) (c api.Content) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDecodeParamsRefuses(t *testing.T) {
	t.Parallel()
	launch := func(raw json.RawMessage) error { _, err := decode[api.LaunchSessionParams](raw); return err }
	list := func(raw json.RawMessage) error { _, err := decode[api.ListSessionsParams](raw); return err }
	archive := func(raw json.RawMessage) error { _, err := decode[api.ArchiveSessionsParams](raw); return err }
	for _, c := range []struct {
		decode              func(json.RawMessage) error
		raw, field, message string
	}{
		{launch, `{}`, "query", "query: is required"},
		{launch, `{"query":null}`, "query", "query: is required"},
		{launch, `{"query":7}`, "query", ""},
		{launch, `{"query":[]}`, "query", ""},
		{launch, `{"query":[{"type":"text"}]}`, "query", ""},
		{launch, `{"query":"x","LaunchOptions":{}}`, "LaunchOptions", "LaunchOptions: there is no such param"},
		{launch, `{"query":"x","model":1}`, "model", "model: must be a string"},
		{launch, `{"query":"x","max_turns":"3"}`, "max_turns", "max_turns: must be an integer"},
		{launch, `{"query":"x","max_turns":1.5}`, "max_turns", "max_turns: must be an integer"},
		{launch, `{"query":"x","max_turns":1e30}`, "max_turns", "max_turns: must be an integer"},
		{launch, `{"query":"x","max_budget_usd":"1"}`, "max_budget_usd", "max_budget_usd: must be a number"},
		{launch, `{"query":"x","interactive":"yes"}`, "interactive", "interactive: must be true or false"},
		{launch, `{"query":"x","tags":"a"}`, "tags", "tags: must be an array"},
		{launch, `{"query":"x","tags":["a",2]}`, "tags", "tags: must be a string at /1"},
		{launch, `{"query":"x","env":[]}`, "env", "env: must be an object"},
		{launch, `{"query":"x","env":{"K":1}}`, "env", "env: must be a string at /K"},
		{launch, `{"query":"x","query":"y"}`, "query", "query: is there twice"},
		{launch, `[]`, "params", ""},
		{launch, `"x"`, "params", ""},
		{list, `{"status":["running","nope"]}`, "status", ""},
		{list, `{"status":"running"}`, "status", "status: must be an array"},
		{list, `{"limit":null,"page":1}`, "page", "page: there is no such param"},
		{archive, `{"session_ids":["a"]}`, "archived", "archived: is required"},
		{archive, `{"archived":true}`, "session_ids", "session_ids: is required"},
	} {
		err := c.decode(json.RawMessage(c.raw))
		var e *api.Error
		if !errors.As(err, &e) || e.Reason != api.ReasonInvalidParams || e.Data["field"] != c.field {
			t.Errorf("%s: %#v", c.raw, err)
			continue
		}
		if c.message != "" && e.Message != c.message {
			t.Errorf("%s: %q, want %q", c.raw, e.Message, c.message)
		}
	}
}
