package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/jsonrpc2"
	"golang.org/x/sync/semaphore"

	"github.com/sessiond/sessiond/rpc/api"
)

// errDone is why a connection's context ends when nothing went wrong.
var errDone = errors.New("the connection has ended")

// connection is one client. To the JSON-RPC library it is both the stream of
// objects and the handler of requests; both are called on the library's one reading
// goroutine.
type connection struct {
	server *Server
	conn   net.Conn
	client string // who is at the other end
	lines  *lineReader
	out    *outbox

	ctx      context.Context // ends when the connection does
	cut      context.CancelCauseFunc
	work     context.Context // of the requests; ends with ctx, or when the server's patience does
	stopWork context.CancelFunc

	current  *request            // what was read last; the reading goroutine's
	places   *semaphore.Weighted // for requests at work
	stopping atomic.Bool         // requests get shutting_down from now on
	readDone chan struct{}       // closed when the last line was read
	tasks    sync.WaitGroup      // the writer, requests at work, subscriptions

	mu            sync.Mutex // guards what follows
	subscriptions map[string]*subscription
}

// newConnection makes a connection which outlives ctx by as much as serve needs.
func newConnection(ctx context.Context, s *Server, conn net.Conn, client string) *connection {
	c := &connection{
		server: s, conn: conn, client: client,
		lines:         newLineReader(conn, maxLine),
		out:           newOutbox(conn, s.o.QueueBytes, s.o.WriteStall),
		places:        semaphore.NewWeighted(maxInFlight),
		readDone:      make(chan struct{}),
		subscriptions: map[string]*subscription{},
	}
	// Stopping the server must leave time for answers: serve cuts in the end.
	c.ctx, c.cut = context.WithCancelCause(context.WithoutCancel(ctx))
	work := c.ctx
	if s.o.WithClient != nil {
		work = s.o.WithClient(work, client)
	}
	c.work, c.stopWork = context.WithCancel(work)
	return c
}

// serve serves the connection until the client leaves, it is cut, or stop is done;
// then it waits for all that it started.
func (c *connection) serve(stop context.Context) {
	log := c.server.log
	log.Debug("client connected", "client", c.client)
	c.tasks.Go(func() {
		if err := c.out.run(c.ctx); err != nil {
			c.cut(err)
		}
	})
	rpc := jsonrpc2.NewConn(c.ctx, c, c, jsonrpc2.SetLogger(libraryLog{log}))
	select {
	case <-rpc.DisconnectNotify():
	case <-stop.Done():
		c.shutDown()
	}
	c.cut(errDone)
	_ = rpc.Close() // it may be closed already
	<-c.readDone
	c.tasks.Wait()
	c.stopWork()

	cause := context.Cause(c.ctx)
	level := slog.LevelDebug
	if !errors.Is(cause, errDone) && !disconnected(cause) {
		level = slog.LevelWarn
	}
	log.Log(stop, level, "client disconnected", "client", c.client, "cause", cause)
}

// ReadObject reads lines until one is a request, which it keeps as current and
// gives to the library in outline: the method, without id and params. What is no
// request is answered here. At the end of the stream, and behind a line that is not
// JSON, it winds the connection up and returns io.EOF.
func (c *connection) ReadObject(v any) (err error) {
	defer func() {
		if err != nil {
			close(c.readDone)
		}
	}()
	for {
		line, err := c.lines.next()
		switch {
		case c.ctx.Err() != nil:
			return io.EOF
		case errors.Is(err, errLineTooLong):
			return c.hangUp(api.Errorf(api.ReasonParseError, "the line is longer than %d bytes", maxLine))
		case errors.Is(err, io.EOF):
			c.windUp(c.ctx)
			return io.EOF
		case err != nil:
			return err
		}
		r, refusal := parseRequest(line)
		switch {
		case refusal == nil:
			c.current = r
			return outline(r.method, v)
		case refusal.Reason == api.ReasonParseError:
			return c.hangUp(refusal)
		default:
			if err := c.refuse(refusal); err != nil {
				return err
			}
		}
	}
}

// outline decodes a request of the given method into the library's own type.
func outline(method string, v any) error {
	b, err := json.Marshal(jsonrpc2.Request{Method: method, Notif: true})
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// hangUp answers a line after which nothing can be understood, winds up, and
// returns io.EOF. What the client still sends is read for a while and thrown away:
// closing on unread data would break its write before it has read the answer.
func (c *connection) hangUp(reason *api.Error) error {
	if err := c.refuse(reason); err != nil {
		return io.EOF
	}
	c.windUp(c.ctx)
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(lingerTimeout))
	_, _ = io.CopyN(io.Discard, c.conn, lingerBytes)
	return io.EOF
}

// WriteObject is never called: answers and events do not go through the library,
// see do and queueEvents.
func (c *connection) WriteObject(any) error { return errors.ErrUnsupported }

// Close closes the socket at once.
func (c *connection) Close() error { return c.conn.Close() }

// Handle starts work on the current request. It blocks, and so the reading stops,
// while too much is at work: a request takes one place, one more for each MiB of its
// line, and pagePlaces if its answer may be large.
func (c *connection) Handle(ctx context.Context, _ *jsonrpc2.Conn, _ *jsonrpc2.Request) {
	r := c.current
	r.conn = c
	c.current = nil
	if c.stopping.Load() {
		c.do(r) // refuses it, without waiting for those that are at work
		return
	}
	places := int64(1 + r.size>>20)
	if c.server.methods[r.method].paged {
		places += pagePlaces
	}
	if err := c.places.Acquire(ctx, places); err != nil {
		return
	}
	c.tasks.Go(func() {
		defer c.places.Release(places)
		c.do(r)
	})
}

// do runs a request, and queues the answer.
func (c *connection) do(r *request) {
	log := c.server.log.With("method", r.method, "client", c.client)
	started := time.Now()
	frame, err := c.call(r)
	if err == nil {
		log.Debug("answered", "took", time.Since(started))
	} else {
		refusal := public(err, c.stopping.Load())
		level := slog.LevelDebug
		if refusal.Reason == api.ReasonInternal && c.ctx.Err() == nil {
			level = slog.LevelError
		}
		log.Log(c.ctx, level, "request failed", "error", err, "took", time.Since(started))
		frame = errorFrame(r.id, refusal)
	}
	if !r.notification() {
		_ = c.out.put(c.ctx, frame) // fails only when the connection has ended
	}
	if r.then != nil {
		r.then()
	}
}

// call runs a request's method, and encodes its result as an answer. A panic
// becomes an error.
func (c *connection) call(r *request) (frame []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			frame, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if c.stopping.Load() {
		return nil, errShuttingDown
	}
	m, ok := c.server.methods[r.method]
	if !ok {
		return nil, api.Errorf(api.ReasonMethodNotFound, "there is no method %.100q", r.method).With("method", r.method)
	}
	result, err := m.call(c.work, r)
	if err != nil {
		return nil, err
	}
	return resultFrame(r.id, result)
}

// refuse queues the answer to something that is no request.
func (c *connection) refuse(reason *api.Error) error {
	return c.out.put(c.ctx, errorFrame(nullID, reason))
}

// windUp waits until every request at work is answered, ends the subscriptions,
// and waits until all that was queued has been sent.
func (c *connection) windUp(ctx context.Context) {
	if err := c.places.Acquire(ctx, maxInFlight); err != nil {
		return
	}
	c.places.Release(maxInFlight)
	c.endSubscriptions()
	_ = c.out.flush(ctx) // if it fails, the connection is cut
}

// shutDown winds up when the server stops: requests at work have the grace time,
// then their contexts end; everything after that is quick or is given up.
func (c *connection) shutDown() {
	c.stopping.Store(true)
	impatient := time.AfterFunc(c.server.o.ShutdownGrace, c.stopWork)
	defer impatient.Stop()
	ctx, cancel := context.WithTimeout(c.ctx, c.server.o.ShutdownGrace+flushTimeout)
	defer cancel()
	c.windUp(ctx)
}
