package rpc

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

// patience is how long a test waits for what has to come.
const patience = 3 * time.Minute

// fakeService answers what a test gives it; other methods are not to be called.
type fakeService struct {
	Service
	health          func(context.Context) (api.Health, error)
	launchSession   func(context.Context, api.LaunchSessionParams) (api.LaunchSessionResult, error)
	getSessionState func(context.Context, api.SessionParams) (api.SessionResult, error)
	getConversation func(context.Context, api.GetConversationParams) (api.GetConversationResult, error)
	sendMessage     func(context.Context, api.SendMessageParams) (api.MessageResult, error)
}

func (f *fakeService) Health(ctx context.Context) (api.Health, error) {
	if f.health == nil {
		return api.Health{Status: api.HealthOK, Version: "test"}, nil
	}
	return f.health(ctx)
}

func (f *fakeService) LaunchSession(ctx context.Context, p api.LaunchSessionParams) (api.LaunchSessionResult, error) {
	return f.launchSession(ctx, p)
}

func (f *fakeService) GetSessionState(ctx context.Context, p api.SessionParams) (api.SessionResult, error) {
	if f.getSessionState == nil {
		return api.SessionResult{}, api.NotFound(api.ReasonSessionNotFound, p.SessionID)
	}
	return f.getSessionState(ctx, p)
}

func (f *fakeService) GetConversation(ctx context.Context, p api.GetConversationParams) (api.ConversationPage, error) {
	r, err := f.getConversation(ctx, p)
	return r.Encoded(), err
}

func (f *fakeService) SendMessage(ctx context.Context, p api.SendMessageParams) (api.MessageResult, error) {
	return f.sendMessage(ctx, p)
}

// memLog is a log in memory, as the bus reads it.
type memLog struct {
	mu     sync.Mutex
	events []*bus.Event // seq is the index + 1
	broken error
}

func (l *memLog) Page(_ context.Context, after int64, limit int, f bus.Filter) (bus.Page, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return bus.Page{}, l.broken
	}
	upTo := min(after+int64(limit), int64(len(l.events)))
	if upTo <= after {
		return bus.Page{UpTo: after}, nil
	}
	page := slices.DeleteFunc(slices.Clone(l.events[after:upTo]), func(e *bus.Event) bool {
		return f.SessionID != "" && f.SessionID != e.SessionID || len(f.Types) > 0 && !slices.Contains(f.Types, e.Type)
	})
	return bus.Page{Events: page, UpTo: upTo}, nil
}

func (l *memLog) Head() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.events))
}

func (l *memLog) OldestSeq() int64 { return 1 }

func (l *memLog) Void(int64) bool { return false }

// append adds an event with the given text in its data.
func (l *memLog) append(text string) *bus.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := testEvent(int64(len(l.events)+1), api.EventMessageUpdated, text)
	l.events = append(l.events, e)
	return e
}

const testSession = "0198c5a1-0000-7000-8000-000000000001"

func testEvent(seq int64, typ api.EventType, text string) *bus.Event {
	return bus.NewEvent(seq, typ, testSession, testSession, func() []byte {
		data, _ := json.Marshal(map[string]string{"text": text})
		b, _ := json.Marshal(api.Event{Seq: seq, Type: typ, SessionID: testSession, RunID: testSession,
			Timestamp: api.FromMillis(1), Data: data})
		return b
	})
}

// testServer is a Server on a socket of its own.
type testServer struct {
	t      testing.TB
	socket string
	server *Server
	log    *memLog
	hub    *bus.Hub
	logged *lockedBuffer
	stop   func() // stops the server, and waits until Serve has returned
}

func startServer(t testing.TB, service *fakeService, configure func(*Options)) *testServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "rpc") // t.TempDir may be longer than a socket's path can be
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{t: t, socket: filepath.Join(dir, "s"), log: &memLog{}, logged: &lockedBuffer{}}
	s.hub = bus.NewHub(s.log, bus.Options{})
	l, err := net.Listen("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Service: service, Hub: s.hub, Version: "test", UID: os.Getuid(),
		Logger: slog.New(slog.NewTextHandler(s.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if configure != nil {
		configure(&o)
	}
	s.server = NewServer(o)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(ctx, l) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	t.Cleanup(func() {
		s.stop()
		s.hub.Close()
		_ = os.RemoveAll(dir)
	})
	return s
}

// publish appends an event and tells the hub.
func (s *testServer) publish(text string) {
	s.hub.Publish([]*bus.Event{s.log.append(text)})
}

// eventually polls until ok, or fails the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about: %s", what)
		}
	}
}

// testClient speaks to a server, a line at a time.
type testClient struct {
	t    testing.TB
	conn *net.UnixConn
	r    *bufio.Reader
}

func (s *testServer) dial() *testClient {
	s.t.Helper()
	conn, err := net.Dial("unix", s.socket)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &testClient{s.t, conn.(*net.UnixConn), bufio.NewReader(conn)}
}

// send writes a line.
func (c *testClient) send(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, line+"\n"); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// call sends a request with the id 1.
func (c *testClient) call(method, params string) {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, cmp.Or(params, "{}")))
}

// message is anything that a server sends.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result"`
	Error   *wireError      `json:"error"`
	Method  string          `json:"method"`
	Params  struct {
		SubscriptionID string    `json:"subscription_id"`
		Event          api.Event `json:"event"`
	} `json:"params"`
}

// reason is the reason of the error, or "".
func (m message) reason() api.Reason {
	if m.Error == nil {
		return ""
	}
	reason, _ := m.Error.Data["reason"].(string)
	return api.Reason(reason)
}

// recv reads a line.
func (c *testClient) recv() message {
	c.t.Helper()
	m, err := c.tryRecv()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return m
}

func (c *testClient) tryRecv() (m message, err error) {
	c.t.Helper()
	line, err := c.r.ReadBytes('\n')
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(line, &m); err != nil || m.Version != "2.0" {
		c.t.Fatalf("not an object of JSON-RPC 2.0 (%v): %.200s", err, line)
	}
	return m, nil
}

// expectClosed reads the end of the stream.
func (c *testClient) expectClosed() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		c.t.Fatalf("the connection is not closed: read %q, %v", b, err)
	}
}

// into decodes a result.
func into[T any](t testing.TB, m message) T {
	t.Helper()
	var v T
	if m.Error != nil {
		t.Fatalf("error %+v", *m.Error)
	}
	if err := json.Unmarshal(m.Result, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// lockedBuffer is a log that goroutines share.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
