package messagesapi

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxRequests bounds how many requests are remembered.
const maxRequests = 10_000

// closeTimeout bounds how long Close waits for clients that hold connections.
const closeTimeout = 2 * time.Second

// Server answers on a free port of the loopback until it is closed.
type Server struct {
	// URL is what ANTHROPIC_BASE_URL is to say.
	URL string

	http   *http.Server
	cancel context.CancelFunc // ends every request that is being answered
	served chan struct{}      // closed when the listener is

	mu       sync.Mutex
	messages int // how many messages were begun: their ids
	requests []Request
	gates    map[string]*gate
	answer   json.RawMessage // see Structure
}

// structuredTool is the tool by which Claude Code has a schema filled in (--json-schema).
const structuredTool = "StructuredOutput"

// Structure has every request that may use the tool StructuredOutput answered with it,
// and this input, whatever its text says.
func (s *Server) Structure(answer json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *Server) structured() json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answer
}

// replyTo is what a request is answered with.
func (s *Server) replyTo(r *Request) reply {
	answer := s.structured()
	if answer != nil && !r.ToolResult && slices.Contains(r.Tools, structuredTool) {
		return say(block{kind: "tool_use", name: structuredTool, input: answer})
	}
	return script(r.Text, r.ToolResult)
}

// gate is what `wait: NAME` and `hold: NAME` wait at.
type gate struct {
	reached, released chan struct{}
	reach, release    sync.Once
}

// wait reports whether it was released before the context has ended.
func (g *gate) wait(ctx context.Context) bool {
	g.reach.Do(func() { close(g.reached) })
	select {
	case <-g.released:
		return true
	case <-ctx.Done():
		return false
	}
}

// Start starts a server. Close must be called.
func Start() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{URL: "http://" + l.Addr().String(), cancel: cancel, served: make(chan struct{}), gates: map[string]*gate{}}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: time.Minute,
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // always ErrServerClosed, after Close
	}()
	return s, nil
}

// Close ends every reply that is under way, and waits until the server is gone.
func (s *Server) Close() {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // a client that holds its connection open is cut off
	}
	<-s.served
}

// Release lets every `wait: NAME` and `hold: NAME` go on, those still to come too.
func (s *Server) Release(name string) {
	g := s.gate(name)
	g.release.Do(func() { close(g.released) })
}

// Reached waits until a `wait: NAME`, or `hold: NAME`, has been reached for the first time.
func (s *Server) Reached(ctx context.Context, name string) error {
	select {
	case <-s.gate(name).reached:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) gate(name string) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gates[name]
	if g == nil {
		g = &gate{reached: make(chan struct{}), released: make(chan struct{})}
		s.gates[name] = g
	}
	return g
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodHead:
		writeJSON(w, http.StatusOK, struct{}{})
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/count_tokens"):
		writeJSON(w, http.StatusOK, map[string]int{"input_tokens": 10})
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/v1/messages"):
		s.message(w, r)
	default:
		writeError(w, http.StatusNotFound, "there is no such resource here")
	}
}

func (s *Server) message(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	var body messageRequest
	if err := json.Unmarshal(raw, &body); err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	request := body.record(r.Header)
	if s.structured() != nil {
		request.Body = raw
	}
	n := s.remember(request)
	reply := s.replyTo(&request)
	if reply.status != 0 {
		writeError(w, reply.status, reply.problem)
		return
	}
	if reply.hold != "" && !s.gate(reply.hold).wait(r.Context()) {
		return // the client is gone
	}
	stream := newStream(r.Context(), w, "msg_"+pad(n), body.Model)
	reply.play(stream, s, n)
}

// remember keeps a request, and returns its number.
func (s *Server) remember(r Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) < maxRequests {
		s.requests = append(s.requests, r)
	}
	s.messages++
	return s.messages
}

// pad writes n with six digits, as ids are.
func pad(n int) string {
	digits := strconv.Itoa(n)
	return strings.Repeat("0", max(0, 6-len(digits))) + digits
}

func writeError(w http.ResponseWriter, status int, problem string) {
	writeJSON(w, status, map[string]any{"type": "error", "error": map[string]string{"type": "api_error", "message": problem}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody is there to be told
}
