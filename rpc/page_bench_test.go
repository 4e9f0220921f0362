package rpc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// BenchmarkPage encodes a page of a conversation; an operation is 1,000 events.
func BenchmarkPage(b *testing.B) {
	events := make([]api.ConversationEvent, 1000)
	for i := range events {
		events[i] = api.ConversationEvent{Seq: int64(i), SessionID: "0193b3a0-0000-7000-8000-000000000003", EventType: api.ConversationMessage,
			ClaudeSessionID: "0193b3a0-0000-7000-8000-000000000004", Role: "assistant", Content: strings.Repeat("x", 150), CreatedAt: api.Now()}
	}
	for b.Loop() {
		if _, err := resultFrame(json.RawMessage("1"), api.GetConversationResult{Events: events}.Encoded()); err != nil {
			b.Fatal(err)
		}
	}
}
