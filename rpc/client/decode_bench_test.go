package client

import (
	"bufio"
	"bytes"
	"slices"
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

// pageOfEvents is the line of an answer with so many events of the usual length.
func pageOfEvents(n int) []byte {
	var page api.GetConversationResult
	for i := range n {
		page.Events = append(page.Events, api.ConversationEvent{Seq: int64(i + 1), SessionID: "0193b3a0-0000-7000-8000-000000000003",
			ClaudeSessionID: "0193b3a0-0000-7000-8000-000000000005", EventType: api.ConversationMessage,
			Role: "assistant", Content: strings.Repeat("x", 180), CreatedAt: api.Now()})
	}
	return slices.Concat([]byte(`{"jsonrpc":"2.0","id":1,"result":`), bytes.Join(page.Encoded().JSON(), nil), []byte("}\n"))
}

// BenchmarkReadPage takes a page of 1,000 events from the wire.
func BenchmarkReadPage(b *testing.B) {
	line := pageOfEvents(1000)
	wire := bytes.NewReader(line)
	lines := newLineReader(wire)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		wire.Reset(line)
		a, err := lines.next()
		if err != nil {
			b.Fatal(err)
		}
		m := response{answer: a}
		if err := decode(a.line, &m); err != nil {
			b.Fatal(err)
		}
		var page api.GetConversationResult
		if err := m.decode(&page); err != nil || len(page.Events) != 1000 {
			b.Fatal(len(page.Events), err)
		}
		m.release()
	}
}

// TestUsualAnswersAreReadTheFastWay, and others all the same.
func TestUsualAnswersAreReadTheFastWay(t *testing.T) {
	t.Parallel()
	var page api.GetConversationResult
	var answer response
	line := pageOfEvents(3)
	if !answer.ParseJSON(bytes.TrimSpace(line)) || string(answer.ID) != "1" || !page.ParseJSON(answer.Result) || len(page.Events) != 3 {
		t.Errorf("%+v from %s", page, line)
	}
	const event = `{"seq":7,"type":"message_updated","session_id":"a","run_id":"b","timestamp":"2026-01-02T03:04:05.006Z","data":{}}`
	n := notification{expected: "s"}
	if !n.ParseJSON([]byte(`{"jsonrpc":"2.0","method":"event","params":{"subscription_id":"s","event":`+event+`}}`)) ||
		n.Method != "event" || n.Params.SubscriptionID != "s" || n.Params.Event.Seq != 7 {
		t.Errorf("%+v", n)
	}
	for _, line := range []string{
		`{"params":{"event":` + event + `,"subscription_id":"s","new":1},"method":"event","new":{"a":[]}}`,
		` {"method" : "event", "params": {"subscription_id":"s", "event":` + event + `}}`,
	} {
		got, err := nextEvent(bufio.NewReader(strings.NewReader(`{"method":"event","params":{"event":`+event+"}}\n"+line+"\n")), "s")
		if err != nil || got.Seq != 7 || got.Timestamp.IsZero() {
			t.Errorf("%s: %+v, %v", line, got, err)
		}
	}
}
