package client

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// BenchmarkNextEvent takes an event from the wire.
func BenchmarkNextEvent(b *testing.B) {
	conv := api.ConversationEvent{Seq: 123456, SessionID: "0193b3a0-0000-7000-8000-000000000003", EventType: api.ConversationMessage,
		Role: "assistant", Content: strings.Repeat("x", 100), CreatedAt: api.Now()}
	ev := api.Event{Seq: 123456, Type: api.EventConversationUpdated, SessionID: "0193b3a0-0000-7000-8000-000000000003",
		RunID: "0193b3a0-0000-7000-8000-000000000004", Timestamp: api.Now(), Data: conv.AppendJSON(nil)}
	line := append([]byte(`{"jsonrpc":"2.0","method":"event","params":{"subscription_id":"s","event":`), ev.AppendJSON(nil)...)
	line = append(line, "}}\n"...)
	wire := bytes.NewReader(line)
	r := bufio.NewReader(wire)
	b.ReportAllocs()
	for b.Loop() {
		wire.Reset(line)
		r.Reset(wire)
		if got, err := nextEvent(r, "s"); err != nil || got.Seq != ev.Seq {
			b.Fatal(got, err)
		}
	}
}
