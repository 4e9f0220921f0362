package rpc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

// The defaults of Options.
const (
	DefaultMaxConnections   = 16384
	DefaultMaxRequests      = 64
	DefaultMaxSubscriptions = 64
	DefaultMaxQueuedBytes   = 256 << 10
	DefaultMaxRequestBytes  = 32 << 20

	pendingRequests      = 8 // of the largest size, at once
	defaultWriteStall    = 2 * time.Minute
	defaultShutdownGrace = 400 * time.Millisecond // a stop takes less than a second
)

// Bounds that are not configurable.
const (
	pagePlaces    = 7 // for requests at work, that one takes beside its own if its answer is a page
	flushTimeout  = 200 * time.Millisecond
	lingerTimeout = 2 * time.Second
	lingerBytes   = 64 << 20
	refuseTimeout = time.Second
)

// Options are what a Server is made of.
type Options struct {
	Service Service
	Hub     *bus.Hub
	Logger  *slog.Logger // nil: nothing is logged
	Version string       // the daemon's, for rpc.discover

	// UID is the only user who is let in; -1 lets everyone in, for tests over
	// connections that do not know who is at their other end.
	UID int
	// WithClient marks the context of a client's requests with its name, such as
	// "pid 1234"; nil leaves contexts as they are.
	WithClient func(ctx context.Context, client string) context.Context

	MaxConnections   int   // at once; 0: DefaultMaxConnections, and so on
	MaxRequests      int64 // at work at once on one connection; those beyond wait unread
	MaxSubscriptions int   // at once on one connection
	MaxQueuedBytes   int64 // that wait to be sent on one connection; a larger line waits alone
	MaxRequestBytes  int   // in a line from a client
	MaxPendingBytes  int64 // of lines beyond 64 KiB on their way or at work, of all connections; 0: 8 times MaxRequestBytes

	WriteStall    time.Duration // a client that takes nothing for so long is cut; 0: 2 min
	ShutdownGrace time.Duration // for requests at work when the server stops; 0: 400 ms

	flush time.Duration // for tests, in the place of flushTimeout
}

// Server serves the protocol.
type Server struct {
	o         Options
	log       *slog.Logger
	methods   map[string]method
	pending   *semaphore.Weighted // for MaxPendingBytes
	discovery func() (json.RawMessage, error)
}

// NewServer makes a Server. It does nothing until Serve.
func NewServer(o Options) *Server {
	o.MaxConnections = cmp.Or(o.MaxConnections, DefaultMaxConnections)
	o.MaxRequests = cmp.Or(o.MaxRequests, DefaultMaxRequests)
	o.MaxSubscriptions = cmp.Or(o.MaxSubscriptions, DefaultMaxSubscriptions)
	o.MaxQueuedBytes = cmp.Or(o.MaxQueuedBytes, DefaultMaxQueuedBytes)
	o.MaxRequestBytes = cmp.Or(o.MaxRequestBytes, DefaultMaxRequestBytes)
	o.MaxPendingBytes = cmp.Or(o.MaxPendingBytes, pendingRequests*int64(o.MaxRequestBytes))
	o.WriteStall = cmp.Or(o.WriteStall, defaultWriteStall)
	o.ShutdownGrace = cmp.Or(o.ShutdownGrace, defaultShutdownGrace)
	o.flush = cmp.Or(o.flush, flushTimeout)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	s := &Server{o: o, log: o.Logger, methods: map[string]method{}, pending: semaphore.NewWeighted(o.MaxPendingBytes)}
	for _, m := range methodTable() {
		s.methods[m.name] = m
	}
	s.discovery = sync.OnceValues(func() (json.RawMessage, error) { return Document(o.Version) })
	return s
}

// Serve accepts connections on l and serves them until ctx is done; then it closes
// l, lets requests that are at work finish within the grace time, answers new ones
// with shutting_down, sends what is queued, closes every connection, waits for all
// goroutines, and returns nil. An error means that l failed; connections are wound
// up all the same.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	var connections sync.WaitGroup
	defer connections.Wait()
	defer stop()
	closeListener := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer closeListener()

	places := make(chan struct{}, s.o.MaxConnections)
	for {
		conn, err := accept(ctx, l, s.log)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			_ = l.Close()
			return fmt.Errorf("accept a connection: %w", err)
		}
		client, refusal := s.admit(conn)
		if refusal != nil {
			s.refuse(conn, client, refusal)
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			s.refuse(conn, client, api.Errorf(api.ReasonLimitExceeded,
				"the daemon has %d connections already", s.o.MaxConnections).AtBound("max_connections", s.o.MaxConnections))
			continue
		}
		connections.Go(func() {
			defer func() { <-places }()
			newConnection(ctx, s, conn, client).serve(ctx)
		})
	}
}

// accept returns the next connection. Running out of file descriptors is no
// reason to stop serving: it waits and tries again.
func accept(ctx context.Context, l net.Listener, log *slog.Logger) (net.Conn, error) {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		conn, err := l.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) || !passing(err) {
			return conn, err
		}
		log.Error("cannot accept a connection", "error", err, "retry_in", wait)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// passing reports whether an error of Accept will pass: a client that has left
// already, or others that may close their descriptors.
func passing(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED)
}

// refuse tells a connection why it is not served, and closes it.
func (s *Server) refuse(conn net.Conn, client string, reason *api.Error) {
	s.log.Warn("connection refused", "client", client, "error", reason)
	_ = conn.SetWriteDeadline(time.Now().Add(refuseTimeout))
	refusal := net.Buffers(errorFrame(nullID, reason))
	_, _ = refusal.WriteTo(conn) // the client may be gone already
	_ = conn.Close()
}
