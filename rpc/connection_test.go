package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// blocking is a getSessionState that waits until it is let go, or its context ends.
func blocking(entered chan<- string, release <-chan struct{}) func(context.Context, api.SessionParams) (api.SessionResult, error) {
	return func(ctx context.Context, p api.SessionParams) (api.SessionResult, error) {
		entered <- p.SessionID
		select {
		case <-release:
			return api.SessionResult{Session: api.Session{ID: p.SessionID}}, nil
		case <-ctx.Done():
			return api.SessionResult{}, ctx.Err()
		}
	}
}

func TestAnswersComeAsTheyAreReady(t *testing.T) {
	t.Parallel()
	entered, release := make(chan string, 1), make(chan struct{})
	client := startServer(t, &fakeService{getSessionState: blocking(entered, release)}, nil).dial()
	client.send(`{"jsonrpc":"2.0","id":"slow","method":"getSessionState","params":{"session_id":"a"}}`)
	<-entered
	client.send(`{"jsonrpc":"2.0","id":"fast","method":"health"}`)
	if m := client.recv(); string(m.ID) != `"fast"` {
		t.Fatalf("first answer is to %s", m.ID)
	}
	close(release)
	if m := client.recv(); string(m.ID) != `"slow"` || into[api.SessionResult](t, m).Session.ID != "a" {
		t.Fatalf("second answer is to %s: %s", m.ID, m.Result)
	}
}

func TestRequestsAtWorkAreBounded(t *testing.T) {
	t.Parallel()
	const bound, more = 5, 10
	entered, release := make(chan string, bound+more), make(chan struct{})
	client := startServer(t, &fakeService{getSessionState: blocking(entered, release)}, func(o *Options) { o.MaxRequests = bound }).dial()
	for i := range bound + more {
		client.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"getSessionState","params":{"session_id":"a"}}`, i))
	}
	full := func() {
		t.Helper()
		select {
		case <-entered:
			t.Fatalf("more than %d requests are at work", bound)
		case <-time.After(50 * time.Millisecond): // can only miss a fault, never invent one
		}
	}
	for range bound {
		<-entered
	}
	full()
	release <- struct{}{} // as one goes, the next one comes
	<-entered
	full()
	close(release)
	seen := map[string]bool{}
	for range bound + more {
		seen[string(client.recv().ID)] = true
	}
	if len(seen) != bound+more {
		t.Fatalf("%d different answers", len(seen))
	}
}

func TestPagesTakeMorePlaces(t *testing.T) {
	t.Parallel()
	const atOnce = DefaultMaxRequests / (1 + pagePlaces)
	entered, release := make(chan struct{}, 2*atOnce), make(chan struct{})
	client := startServer(t, &fakeService{getConversation: func(context.Context, api.GetConversationParams) (api.GetConversationResult, error) {
		entered <- struct{}{}
		<-release
		return api.GetConversationResult{}, nil
	}}, nil).dial()
	for range 2 * atOnce {
		client.call("getConversation", `{"session_id":"a"}`)
	}
	for range atOnce {
		<-entered
	}
	select {
	case <-entered:
		t.Errorf("more than %d pages are at work", atOnce)
	case <-time.After(50 * time.Millisecond): // can only miss a fault, never invent one
	}
	close(release)
	for range 2 * atOnce {
		checkAnswer(t, client.recv(), 0, "1", "")
	}
}

func TestRequestsWithoutOrderAllGetTheirOwnAnswer(t *testing.T) {
	t.Parallel()
	service := &fakeService{getSessionState: func(_ context.Context, p api.SessionParams) (api.SessionResult, error) {
		return api.SessionResult{Session: api.Session{ID: p.SessionID}}, nil
	}}
	s := startServer(t, service, nil)
	var wg sync.WaitGroup
	for range 4 {
		client := s.dial()
		const n = 500
		wg.Go(func() {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `{"jsonrpc":"2.0","id":%d,"method":"getSessionState","params":{"session_id":"%d"}}`+"\n", i, i)
			}
			if _, err := client.conn.Write([]byte(b.String())); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			for range n {
				m, err := client.tryRecv()
				if err != nil || !strings.Contains(string(m.Result), `"id":"`+string(m.ID)+`"`) {
					t.Errorf("id %s got %s, %v", m.ID, m.Result, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestPanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{health: func(context.Context) (api.Health, error) { panic("secret words") }}, nil)
	client := s.dial()
	client.call("health", "")
	m := client.recv()
	checkAnswer(t, m, -32603, "1", "")
	if m.Error.Message != "internal error" {
		t.Errorf("the client is told %q", m.Error.Message)
	}
	client.send(`{"jsonrpc":"2.0","id":2,"method":"rpc.discover"}`)
	checkAnswer(t, client.recv(), 0, "2", "")
	if n := strings.Count(s.logged.String(), "secret words"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

func TestErrorsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		code   int
		reason api.Reason
		key    string // must be in data
	}{
		{errors.New("disk on fire"), -32603, api.ReasonInternal, ""},
		{fmt.Errorf("while doing: %w", api.NotFound(api.ReasonSessionNotFound, "x")), -32001, api.ReasonSessionNotFound, "id"},
		{api.InvalidState(api.StatusRunning, "wait", "it runs"), -32002, api.ReasonInvalidState, "hint"},
		{api.Errorf(api.ReasonClaudeUnavailable, "none").With("hint", "npm"), -32006, api.ReasonClaudeUnavailable, "hint"},
		{api.Errorf("no_such_reason", "what"), -32603, api.ReasonInternal, ""},
		{context.Canceled, -32603, api.ReasonInternal, ""},
		{api.Errorf(api.ReasonConflict, "odd").With("x", func() {}), -32007, api.ReasonConflict, ""},
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
			t.Parallel()
			s := startServer(t, &fakeService{health: func(context.Context) (api.Health, error) { return api.Health{}, c.err }}, nil)
			client := s.dial()
			client.call("health", "")
			m := client.recv()
			checkAnswer(t, m, c.code, "1", "")
			if m.reason() != c.reason {
				t.Errorf("reason %q", m.reason())
			}
			if c.key != "" && m.Error.Data[c.key] == nil {
				t.Errorf("no %s in %v", c.key, m.Error.Data)
			}
			if c.reason == api.ReasonInternal && !strings.Contains(s.logged.String(), c.err.Error()) {
				t.Errorf("not in the log: %v", c.err)
			}
		})
	}
}

func TestHugeAnswer(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	line := strings.Repeat("0123456789abcdef", size/16)
	s := startServer(t, &fakeService{getConversation: func(context.Context, api.GetConversationParams) (api.GetConversationResult, error) {
		return api.GetConversationResult{Events: []api.ConversationEvent{{Seq: 1, Raw: &line}}}, nil
	}}, nil)
	client := s.dial()
	client.call("getConversation", `{"session_id":"a"}`)
	answer, err := client.r.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(answer, []byte(`"raw":"`+line+`"`)) {
		t.Fatalf("%d bytes came, without the line: %.200s", len(answer), answer)
	}
	client.call("health", "")
	checkAnswer(t, client.recv(), 0, "1", "")
}

func TestListsAreNeverNull(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{getSessionState: func(context.Context, api.SessionParams) (api.SessionResult, error) {
		return api.SessionResult{Session: api.Session{Title: "<&>"}}, nil
	}}, nil)
	client := s.dial()
	client.call("getSessionState", `{"session_id":"a"}`)
	result := string(client.recv().Result)
	if !strings.Contains(result, `"tags":[]`) || !strings.Contains(result, `"title":"<&>"`) {
		t.Error(result)
	}
}

func TestHalfClosedConnectionGetsItsAnswers(t *testing.T) {
	t.Parallel()
	entered, release := make(chan string, 1), make(chan struct{})
	client := startServer(t, &fakeService{getSessionState: blocking(entered, release)}, nil).dial()
	// The last line has no newline: a whole object is a request all the same.
	if _, err := client.conn.Write([]byte(`{"jsonrpc":"2.0","id":5,"method":"getSessionState","params":{"session_id":"a"}}`)); err != nil {
		t.Fatal(err)
	}
	if err := client.conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	<-entered
	close(release)
	if m := client.recv(); string(m.ID) != "5" || m.Error != nil {
		t.Fatalf("%s %+v", m.ID, m.Error)
	}
	client.expectClosed()
}

func TestClientThatLeavesWhileItsRequestIsAtWork(t *testing.T) {
	t.Parallel()
	entered, release := make(chan string, 1), make(chan struct{})
	var finished atomic.Bool
	work := blocking(entered, release)
	s := startServer(t, &fakeService{getSessionState: func(ctx context.Context, p api.SessionParams) (api.SessionResult, error) {
		r, err := work(ctx, p)
		finished.Store(err == nil)
		return r, err
	}}, nil)
	client := s.dial()
	client.call("getSessionState", `{"session_id":"a"}`)
	<-entered
	_ = client.conn.Close()
	close(release)
	eventually(t, "the work is done although nobody waits", finished.Load)
}

func TestClientThatNeverReadsIsCutAndDisturbsNobody(t *testing.T) {
	t.Parallel()
	page := strings.Repeat("x", 1<<20)
	s := startServer(t, &fakeService{getConversation: func(context.Context, api.GetConversationParams) (api.GetConversationResult, error) {
		return api.GetConversationResult{Events: []api.ConversationEvent{{Content: page}}}, nil
	}}, func(o *Options) { o.WriteStall = 200 * time.Millisecond })
	deaf, other := s.dial(), s.dial()
	for i := range 2 * DefaultMaxRequests {
		line := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"getConversation","params":{"session_id":"a"}}`+"\n", i)
		if _, err := deaf.conn.Write([]byte(line)); err != nil {
			break // cut already
		}
	}
	for range 100 {
		other.call("health", "")
		checkAnswer(t, other.recv(), 0, "1", "")
	}
	eventually(t, "the deaf client is cut", func() bool {
		return strings.Contains(s.logged.String(), errStalled.Error())
	})
	other.call("health", "")
	checkAnswer(t, other.recv(), 0, "1", "")
}
