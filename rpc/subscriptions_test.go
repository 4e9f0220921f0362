package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

// subscribe subscribes and returns the result; the answer has to come first.
func (c *testClient) subscribe(params string) api.SubscribeResult {
	c.t.Helper()
	c.call("subscribe", params)
	m := c.recv()
	if m.Method != "" {
		c.t.Fatalf("an event came before the answer")
	}
	return into[api.SubscribeResult](c.t, m)
}

// recvEvent reads an event of a subscription, and its text.
func (c *testClient) recvEvent(subscription string) (api.Event, string) {
	c.t.Helper()
	m := c.recv()
	if m.Method != "event" || m.ID != nil || m.Params.SubscriptionID != subscription {
		c.t.Fatalf("not an event of %s: %+v", subscription, m)
	}
	var data struct{ Text string }
	if err := json.Unmarshal(m.Params.Event.Data, &data); err != nil {
		c.t.Fatal(err)
	}
	return m.Params.Event, data.Text
}

func TestSubscribeFromACursorThenLive(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{}, nil)
	const before, after = 700, 700
	for i := range before {
		s.publish(fmt.Sprint(i + 1))
	}
	client := s.dial()
	sub := client.subscribe(`{"after_seq":3}`)
	if id, err := uuid.Parse(sub.SubscriptionID); err != nil || id.Version() != 7 || sub.HeadSeq != before {
		t.Errorf("%+v", sub)
	}
	go func() {
		for i := range after {
			s.publish(fmt.Sprint(before + i + 1))
		}
	}()
	for seq := int64(4); seq <= before+after; seq++ {
		event, text := client.recvEvent(sub.SubscriptionID)
		if event.Seq != seq || text != fmt.Sprint(seq) || event.SessionID != testSession {
			t.Fatalf("want seq %d, got %+v", seq, event)
		}
	}
}

func TestSubscribeFromNow(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{}, nil)
	s.publish("old")
	client := s.dial()
	sub := client.subscribe(`{}`)
	s.publish("new")
	if event, text := client.recvEvent(sub.SubscriptionID); event.Seq != 2 || text != "new" {
		t.Fatalf("%+v", event)
	}
}

func TestUnsubscribeEndsEvents(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{}, nil)
	client := s.dial()
	one, two := client.subscribe(`{}`), client.subscribe(`{}`)
	client.call("unsubscribe", fmt.Sprintf(`{"subscription_id":%q}`, strings.ToUpper(one.SubscriptionID)))
	if m := client.recv(); m.Error != nil || string(m.Result) != "{}" {
		t.Fatalf("%+v", m)
	}
	s.publish("x")
	client.recvEvent(two.SubscriptionID)
	client.call("unsubscribe", fmt.Sprintf(`{"subscription_id":%q}`, one.SubscriptionID))
	m := client.recv()
	checkAnswer(t, m, -32001, "1", "")
	if m.reason() != api.ReasonSubscriptionNotFound {
		t.Errorf("reason %s", m.reason())
	}
	other := s.dial() // subscriptions are the connection's own
	other.call("unsubscribe", fmt.Sprintf(`{"subscription_id":%q}`, two.SubscriptionID))
	checkAnswer(t, other.recv(), -32001, "1", "")
}

func TestSubscribeRefusals(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{}, func(o *Options) { o.MaxSubscriptions = 1 })
	for _, c := range []struct {
		params, field string
		code          int
	}{
		{`{"after_seq":-1}`, "after_seq", -32602},
		{`{"after_seq":1.5}`, "after_seq", -32602},
		{`{"after_seq":99}`, "", -32003},
		{`{"session_id":"x"}`, "session_id", -32602},
		{`{"run_id":"{` + testSession + `}"}`, "run_id", -32602},
		{`{"event_types":["nope"]}`, "event_types", -32602},
		{`{"event_types":"session_created"}`, "event_types", -32602},
	} {
		client := s.dial()
		client.call("subscribe", c.params)
		checkAnswer(t, client.recv(), c.code, "1", c.field)
		client.subscribe(`{"session_id":"` + strings.ToUpper(testSession) + `"}`) // a refusal takes no place
		client.call("subscribe", "")
		checkAnswer(t, client.recv(), -32004, "1", "")
	}
}

// TestLoneEventsAreWrittenInPlace among others, in their order.
func TestLoneEventsAreWrittenInPlace(t *testing.T) {
	t.Parallel()
	frames, chunk := newEventFrames("id"), eventBuffers{expected: 1}
	var want, got []byte
	for i, lone := range []bool{true, true, false, false, true, false, true} {
		event := testEvent(int64(i+1), api.EventMessageUpdated, strings.Repeat("x", i*100))
		want = fmt.Appendf(want, `{"jsonrpc":"2.0","method":"event","params":{"subscription_id":"id","event":%s}}`+"\n", event.JSON())
		if lone {
			doc := event.JSON()
			event = &bus.Event{Seq: event.Seq, Append: func(b []byte) []byte { return append(b, doc...) }}
		}
		frames.appendTo(&chunk, bus.Delivery{Event: event})
	}
	buffers := chunk.end()
	for _, b := range buffers {
		got = append(got, b...)
	}
	if !bytes.Equal(got, want) || len(buffers) != 3+(3+2)+3 {
		t.Errorf("%d buffers: %s\nwant %s", len(buffers), got, want)
	}
}

func TestPartialMessagesSayWhatWasDropped(t *testing.T) {
	t.Parallel()
	frames := newEventFrames("id")
	event := testEvent(0, api.EventPartialMessage, "delta")
	var joined []byte
	var chunk eventBuffers
	frames.appendTo(&chunk, bus.Delivery{Event: event})
	frames.appendTo(&chunk, bus.Delivery{Event: event, Dropped: 3})
	for _, b := range chunk.end() {
		joined = append(joined, b...)
	}
	for i, line := range strings.SplitAfter(strings.TrimRight(string(joined), "\n"), "\n") {
		var m message
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if want := 3 * i; m.Params.Event.Dropped != want || m.Method != "event" || m.Params.SubscriptionID != "id" {
			t.Errorf("dropped %d, want %d: %s", m.Params.Event.Dropped, want, line)
		}
	}

	s := startServer(t, &fakeService{}, nil)
	client := s.dial()
	sub := client.subscribe(`{"include_partial":true}`)
	s.hub.PublishPartial(event)
	if got, text := client.recvEvent(sub.SubscriptionID); got.Type != api.EventPartialMessage || got.Seq != 0 || text != "delta" {
		t.Errorf("%+v", got)
	}
}

// What is asked on a connection full of events is answered in between.
func TestSubscriptionsDoNotHoldUpAnswers(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{}, func(o *Options) { o.MaxQueuedBytes = 64 << 10 })
	client := s.dial()
	sub := client.subscribe(`{}`)
	text := strings.Repeat("x", 32<<10)
	const events = 200
	for range events {
		s.publish(text)
	}
	client.send(`{"jsonrpc":"2.0","id":"asked","method":"health"}`)
	eventually(t, "the request is at work", func() bool { return strings.Contains(s.logged.String(), "method=health") })
	answerAfter, seq := -1, int64(0)
	for seq < events || answerAfter < 0 {
		m := client.recv()
		if m.Method == "" {
			answerAfter = int(seq)
			continue
		}
		if seq++; m.Params.Event.Seq != seq || m.Params.SubscriptionID != sub.SubscriptionID {
			t.Fatalf("want seq %d, got %+v", seq, m.Params.Event.Seq)
		}
	}
	if answerAfter > events/2 {
		t.Errorf("the answer came behind %d events", answerAfter)
	}
}

func TestStalledSubscriberDisturbsNobody(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{}, nil)
	stalled, other := s.dial(), s.dial()
	stalled.subscribe(`{}`)
	sub := other.subscribe(`{}`)
	text := strings.Repeat("x", 8<<10)
	const events = 400 // 3.2 MB: far more than queue and socket hold
	for range events {
		s.publish(text)
	}
	for seq := int64(1); seq <= events; seq++ {
		if event, _ := other.recvEvent(sub.SubscriptionID); event.Seq != seq {
			t.Fatalf("want seq %d, got %d", seq, event.Seq)
		}
	}
	for seq := int64(1); seq <= events; seq++ { // and later it gets everything
		if m := stalled.recv(); m.Params.Event.Seq != seq {
			t.Fatalf("want seq %d, got %d", seq, m.Params.Event.Seq)
		}
	}
}

// A subscription that cannot go on must not just fall silent.
func TestBrokenSubscriptionCutsTheConnection(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{}, func(o *Options) {
		log := &memLog{broken: errors.New("disk on fire")}
		log.append("x")
		o.Hub = bus.NewHub(log, bus.Options{})
	})
	client := s.dial()
	client.subscribe(`{"after_seq":0}`)
	client.expectClosed()
	eventually(t, "it is in the log", func() bool { return strings.Contains(s.logged.String(), "disk on fire") })
}

func TestSubscribeWhenTheBusIsClosed(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{}, nil)
	subscribed, late := s.dial(), s.dial()
	subscribed.subscribe(`{}`)
	s.hub.Close()
	subscribed.expectClosed()
	late.call("subscribe", "")
	checkAnswer(t, late.recv(), -32008, "1", "")
}

func TestSubscribersWhenTheServerStops(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{}, nil)
	client := s.dial()
	sub := client.subscribe(`{}`)
	s.publish("last")
	client.recvEvent(sub.SubscriptionID)
	s.stop()
	client.expectClosed()
}
