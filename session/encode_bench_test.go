package session

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/store"
)

// sampleLine is a line of 430 bytes, as a flat-out session prints them.
func sampleLine() []byte {
	line := `{"type":"assistant","message":{"id":"msg_01","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"%s"}],"stop_reason":null,"usage":{"input_tokens":10,"output_tokens":1}},"parent_tool_use_id":null,"session_id":"0193b3a0-0000-7000-8000-000000000001","uuid":"0193b3a0-0000-7000-8000-000000000002"}`
	return fmt.Appendf(nil, line, strings.Repeat("x", 430-len(line)+2))
}

// BenchmarkEncodeEvent renders a stored line for subscribers.
func BenchmarkEncodeEvent(b *testing.B) {
	ev := store.Event{Seq: 123456, Type: api.EventConversationUpdated, SessionID: "0193b3a0-0000-7000-8000-000000000003",
		RunID: "0193b3a0-0000-7000-8000-000000000004", Time: api.Now(), Kind: api.ConversationMessage, FromLine: true, Line: sampleLine()}
	b.ReportAllocs()
	for b.Loop() {
		EncodeEvent(ev)
	}
}

// BenchmarkParse says what a line means, the reader's part.
func BenchmarkParse(b *testing.B) {
	line := sampleLine()
	b.ReportAllocs()
	for b.Loop() {
		claude.Parse(line)
	}
}
