package rpc

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// checkBound checks an error that says which bound was met, and how to raise it.
func checkBound(t *testing.T, m message, code int, id, setting string, limit float64) {
	t.Helper()
	checkAnswer(t, m, code, id, "")
	hint, _ := m.Error.Data["hint"].(string)
	if m.Error.Data["limit"] != limit || m.Error.Data["setting"] != setting || !strings.Contains(hint, setting) {
		t.Errorf("the bound is told as %v", m.Error.Data)
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	const bound = 3
	s := startServer(t, &fakeService{}, func(o *Options) { o.MaxConnections = bound })
	var inside []*testClient
	for range bound {
		inside = append(inside, s.dial())
		inside[len(inside)-1].call("health", "")
		checkAnswer(t, inside[len(inside)-1].recv(), 0, "1", "")
	}
	for range 2 {
		outside := s.dial()
		checkBound(t, outside.recv(), -32004, "null", "max_connections", bound)
		outside.expectClosed()
	}
	_ = inside[0].conn.Close()
	var next *testClient
	eventually(t, "a place is free again", func() bool {
		next = s.dial()
		if _, err := fmt.Fprintln(next.conn, `{"jsonrpc":"2.0","id":1,"method":"health"}`); err != nil {
			return false
		}
		m, err := next.tryRecv()
		return err == nil && m.Error == nil
	})
	outside := s.dial() // one place, not two
	checkBound(t, outside.recv(), -32004, "null", "max_connections", bound)
}

func TestSubscriptionsAreLimited(t *testing.T) {
	t.Parallel()
	const bound = 3
	s := startServer(t, &fakeService{}, func(o *Options) { o.MaxSubscriptions = bound })
	client := s.dial()
	var sub api.SubscribeResult
	for range bound {
		sub = client.subscribe(`{}`)
	}
	for range 2 {
		client.call("subscribe", "")
		checkBound(t, client.recv(), -32004, "1", "max_subscriptions", bound)
	}
	client.call("unsubscribe", fmt.Sprintf(`{"subscription_id":%q}`, sub.SubscriptionID))
	checkAnswer(t, client.recv(), 0, "1", "")
	client.subscribe(`{}`)
	client.call("subscribe", "")
	checkBound(t, client.recv(), -32004, "1", "max_subscriptions", bound)
	for range bound { // the bound is each connection's own
		s.dial().subscribe(`{}`)
	}
}

func TestRequestsAreLimitedInSize(t *testing.T) {
	t.Parallel()
	const bound = 1000
	s := startServer(t, &fakeService{getSessionState: notFound}, func(o *Options) { o.MaxRequestBytes = bound })
	client := s.dial()
	client.send(requestOfSize(bound))
	checkAnswer(t, client.recv(), -32001, "1", "")
	client.send(requestOfSize(bound + 1))
	checkBound(t, client.recv(), -32700, "null", "max_request_bytes", bound)
	client.expectClosed()
	client = s.dial()
	client.send(requestOfSize(bound))
	checkAnswer(t, client.recv(), -32001, "1", "")
}

// Long requests are bounded together, half ones too. Those that are short are not
// refused for them, and what ends, however, makes room.
func TestLongRequestsAreLimitedTogether(t *testing.T) {
	t.Parallel()
	const size = 100 << 10
	const bound = 3 * size
	s := startServer(t, &fakeService{getSessionState: notFound}, func(o *Options) { o.MaxPendingBytes = bound })
	free := func(n int64) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d bytes are free", n), func() bool {
			if !s.server.pending.TryAcquire(n) {
				return false
			}
			full := !s.server.pending.TryAcquire(1)
			if !full {
				s.server.pending.Release(1)
			}
			s.server.pending.Release(n)
			return full
		})
	}
	var half []*testClient
	for range 3 {
		half = append(half, s.dial())
		if _, err := io.WriteString(half[len(half)-1].conn, requestOfSize(size)); err != nil { // all but the newline
			t.Fatal(err)
		}
	}
	free(0)
	long := s.dial()
	long.send(requestOfSize(largeBuffer + 1))
	checkBound(t, long.recv(), -32004, "null", "max_pending_bytes", bound)
	long.expectClosed()
	short := s.dial()
	short.send(requestOfSize(largeBuffer))
	checkAnswer(t, short.recv(), -32001, "1", "")

	half[0].send("") // the newline
	checkAnswer(t, half[0].recv(), -32001, "1", "")
	free(size)
	for range 3 {
		short.send(requestOfSize(size))
		checkAnswer(t, short.recv(), -32001, "1", "")
		free(size)
	}
	short.send(requestOfSize(size + 1))
	checkBound(t, short.recv(), -32004, "null", "max_pending_bytes", bound)
	short.expectClosed()
	_ = half[1].conn.Close()
	free(2 * size)
	half[2].send("{") // and what is no request
	checkAnswer(t, half[2].recv(), -32700, "null", "")
	free(bound)
}

// What waits to be sent is bounded, exactly: see TestOutboxIsBounded. A request
// whose answer finds no place stays at work, and so the reading stops too.
func TestAnswersThatWaitAreLimited(t *testing.T) {
	t.Parallel()
	const answers = 64
	text := strings.Repeat("x", 64<<10)
	answered := make(chan struct{}, answers)
	s := startServer(t, &fakeService{getSessionState: func(context.Context, api.SessionParams) (api.SessionResult, error) {
		answered <- struct{}{}
		return api.SessionResult{Session: api.Session{Title: text}}, nil
	}}, func(o *Options) { o.MaxQueuedBytes, o.MaxRequests = 128<<10, 4 })
	client := s.dial()
	for range answers {
		client.call("getSessionState", `{"session_id":"a"}`)
	}
	// The socket holds some (208 KiB by default), the queue two, four are at work.
	n := 0
	for quiet := false; !quiet; {
		select {
		case <-answered:
			n++
		case <-time.After(100 * time.Millisecond): // too short makes the test blind, never wrong
			quiet = true
		}
	}
	if n > answers/2 {
		t.Errorf("%d requests were done for a client that does not read", n)
	}
	for range answers {
		checkAnswer(t, client.recv(), 0, "1", "")
	}
}

// Clients that begin and do not go on cost what they have sent, and nobody's time.
func TestClientsThatDawdle(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{getSessionState: notFound}, nil)
	request := `{"jsonrpc":"2.0","id":1,"method":"getSessionState","params":{"session_id":"x"}}`
	silent, half, drip := s.dial(), s.dial(), s.dial()
	write := func(c *testClient, text string) {
		t.Helper()
		if _, err := io.WriteString(c.conn, text); err != nil {
			t.Fatal(err)
		}
	}
	write(half, request[:20])
	for i := range request { // a byte at a time, while others are served
		write(drip, request[i:i+1])
		other := s.dial()
		other.call("health", "")
		checkAnswer(t, other.recv(), 0, "1", "")
		_ = other.conn.Close()
	}
	write(drip, "\n")
	checkAnswer(t, drip.recv(), -32001, "1", "")
	write(half, request[20:]+"\n") // better late than never
	checkAnswer(t, half.recv(), -32001, "1", "")
	write(half, request[:20])
	if err := half.conn.CloseWrite(); err != nil { // and half a line at the end is none
		t.Fatal(err)
	}
	checkAnswer(t, half.recv(), -32700, "null", "")
	half.expectClosed()
	write(silent, request+"\n")
	checkAnswer(t, silent.recv(), -32001, "1", "")
}
