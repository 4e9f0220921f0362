package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// FuzzParams decodes any bytes as the params of each method that takes much. What
// is taken comes to the same when it is encoded and decoded again; what is not is
// refused with the culprit's name.
func FuzzParams(f *testing.F) {
	f.Add([]byte(`{"query":"q","env":{"A":"b"},"mcp_config":{"mcpServers":{}},"tags":[],"max_turns":1,"permission_mode":"plan"}`))
	f.Add([]byte(`{"session_id":"x","after_seq":9007199254740993,"limit":-1,"include_raw":true}`))
	f.Add([]byte(`{"event_types":["session_deleted","nonsense"],"after_seq":1e3}`))
	f.Add([]byte(`{"approval_id":"a","decision":"approve","updated_input":{"x":[]},"remember":[0]}`))
	f.Add([]byte(`{"status":["running"],"status":null}`))
	f.Add([]byte(`{"content":[{"type":"text","text":"t"}],"delivery":"now","SESSION_ID":"x"}`))
	f.Add([]byte(`{"query":"in an empty environment, not in the daemon's","env":{}}`))
	f.Add([]byte(`[1]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return // framing has refused it
		}
		fuzzParams[api.LaunchSessionParams](t, raw)
		fuzzParams[api.ContinueSessionParams](t, raw)
		fuzzParams[api.UpdateSessionParams](t, raw)
		fuzzParams[api.ListSessionsParams](t, raw)
		fuzzParams[api.GetConversationParams](t, raw)
		fuzzParams[api.SendMessageParams](t, raw)
		fuzzParams[api.SendDecisionParams](t, raw)
		fuzzParams[api.SubscribeParams](t, raw)
	})
}

func fuzzParams[P any](t *testing.T, raw []byte) {
	t.Helper()
	p, err := decode[P](raw)
	if err != nil {
		var refused *api.Error
		if !errors.As(err, &refused) || refused.Reason != api.ReasonInvalidParams || refused.Data["field"] == nil || refused.Message == "" {
			t.Fatalf("%T of %q: %v", p, raw, err)
		}
		return
	}
	again, err := api.Marshal(p)
	if err != nil {
		t.Fatalf("%T of %q: %v", p, raw, err)
	}
	back, err := decode[P](again)
	if err != nil {
		t.Fatalf("%T of %q became %q: %v", p, raw, again, err)
	}
	if third, err := api.Marshal(back); err != nil || !bytes.Equal(again, third) {
		t.Fatalf("%T of %q became %q, and then %q: %v", p, raw, again, third, err)
	}
}
