package rpc

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestServerStops(t *testing.T) {
	t.Parallel()
	entered, release := make(chan string, 1), make(chan struct{})
	s := startServer(t, &fakeService{getSessionState: blocking(entered, release)}, func(o *Options) {
		o.ShutdownGrace = patience
	})
	idle, busy := s.dial(), s.dial()
	idle.call("health", "")
	idle.recv()
	busy.call("getSessionState", `{"session_id":"a"}`)
	<-entered
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()

	idle.expectClosed()
	for { // the server may still be about to stop
		busy.send(`{"jsonrpc":"2.0","id":2,"method":"health"}`)
		if m := busy.recv(); m.Error != nil {
			checkAnswer(t, m, -32008, "2", "")
			break
		}
	}
	close(release)
	if m := busy.recv(); string(m.ID) != "1" || m.Error != nil {
		t.Fatalf("the request that was at work got %s %+v", m.ID, m.Error)
	}
	busy.expectClosed()
	<-stopped
	if _, err := net.Dial("unix", s.socket); err == nil {
		t.Error("the server listens still")
	}
}

func TestServerStopsInSpiteOfStubbornRequests(t *testing.T) {
	t.Parallel()
	entered := make(chan string, 1)
	s := startServer(t, &fakeService{getSessionState: blocking(entered, nil)}, func(o *Options) {
		o.ShutdownGrace, o.flush = 10*time.Millisecond, patience
	})
	client := s.dial()
	client.call("getSessionState", `{"session_id":"a"}`)
	<-entered
	s.stop()
	checkAnswer(t, client.recv(), -32008, "1", "")
	client.expectClosed()
}

func TestServerStopsInSpiteOfDeafClients(t *testing.T) {
	t.Parallel()
	page := strings.Repeat("x", 4<<20)
	answered := make(chan struct{}, 8)
	s := startServer(t, &fakeService{getConversation: func(context.Context, api.GetConversationParams) (api.GetConversationResult, error) {
		answered <- struct{}{}
		return api.GetConversationResult{Events: []api.ConversationEvent{{Content: page}}}, nil
	}}, func(o *Options) { o.ShutdownGrace = 10 * time.Millisecond })
	client := s.dial()
	for range 2 {
		client.call("getConversation", `{"session_id":"a"}`)
		<-answered
	}
	s.stop() // returns, although nothing can be sent
}

func TestForeignUserIsRefused(t *testing.T) {
	t.Parallel()
	s := startServer(t, &fakeService{}, func(o *Options) { o.UID++ })
	client := s.dial()
	checkAnswer(t, client.recv(), -32600, "null", "")
	client.expectClosed()
	if !strings.Contains(s.logged.String(), "connection refused") {
		t.Error("it is not in the log")
	}
}

type clientKey struct{}

func TestRequestsKnowTheirClient(t *testing.T) {
	t.Parallel()
	names := make(chan any, 1)
	s := startServer(t, &fakeService{health: func(ctx context.Context) (api.Health, error) {
		names <- ctx.Value(clientKey{})
		return api.Health{}, nil
	}}, func(o *Options) {
		o.WithClient = func(ctx context.Context, client string) context.Context {
			return context.WithValue(ctx, clientKey{}, client)
		}
	})
	s.dial().call("health", "")
	name, _ := (<-names).(string)
	if pid, ok := strings.CutPrefix(name, "pid "); !ok || pid != strconv.Itoa(os.Getpid()) {
		t.Errorf("the client is called %q", name)
	}
}

// pipe is a listener of connections that are not sockets. It is short of file
// descriptors at first.
type pipe struct {
	conns chan net.Conn
	short *atomic.Int32
}

func (p pipe) Accept() (net.Conn, error) {
	if p.short.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	conn, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (p pipe) Close() error   { close(p.conns); return nil }
func (p pipe) Addr() net.Addr { return nil }

func TestOverAPipe(t *testing.T) {
	t.Parallel()
	l := pipe{make(chan net.Conn, 1), new(atomic.Int32)}
	l.short.Store(2)
	here, there := net.Pipe()
	l.conns <- there
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	logged := &lockedBuffer{}
	server := NewServer(Options{Service: &fakeService{}, UID: -1, Logger: slog.New(slog.NewTextHandler(logged, nil))})
	go func() { served <- server.Serve(ctx, l) }()
	if _, err := fmt.Fprintln(here, `{"jsonrpc":"2.0","id":1,"method":"health"}`); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(here).ReadString('\n')
	if err != nil || !strings.Contains(line, `"status":"ok"`) {
		t.Fatalf("%q, %v", line, err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(logged.String(), "cannot accept"); n != 2 {
		t.Errorf("running out of descriptors was logged %d times", n)
	}
}

func TestBrokenListenerIsAnError(t *testing.T) {
	t.Parallel()
	l := pipe{make(chan net.Conn), new(atomic.Int32)}
	close(l.conns)
	if err := NewServer(Options{Service: &fakeService{}}).Serve(t.Context(), broken{l}); err == nil {
		t.Error("no error")
	}
}

// broken is a listener that was closed already.
type broken struct{ pipe }

func (broken) Close() error { return nil }
