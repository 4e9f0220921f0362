package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sessiond/sessiond/rpc/api"
)

// errDone is why a connection's context ends when nothing went wrong.
var errDone = errors.New("the connection has ended")

// connection is one client. What it holds while nothing happens is one goroutine,
// which reads, and a small buffer: there may be thousands of idle ones.
type connection struct {
	server *Server
	conn   net.Conn
	client string // who is at the other end
	lines  *lineReader
	out    *outbox

	ctx      context.Context // ends when the connection does
	cancel   context.CancelCauseFunc
	work     context.Context // of the requests; ends with ctx, or when the server's patience does
	stopWork context.CancelFunc

	places   *semaphore.Weighted // for requests at work
	stopping atomic.Bool         // requests get shutting_down from now on
	tasks    sync.WaitGroup      // the writer, requests at work, subscriptions

	mu            sync.Mutex // guards what follows
	subscriptions map[string]*subscription
}

// newConnection makes a connection which outlives ctx by as much as serve needs.
func newConnection(ctx context.Context, s *Server, conn net.Conn, client string) *connection {
	c := &connection{
		server: s, conn: conn, client: client,
		lines:         newLineReader(conn, s.o.MaxRequestBytes, s.pending),
		places:        semaphore.NewWeighted(s.o.MaxRequests),
		subscriptions: map[string]*subscription{},
	}
	c.out = &outbox{conn: conn, limit: s.o.MaxQueuedBytes, stall: s.o.WriteStall, start: c.tasks.Go, failed: c.cut,
		room: semaphore.NewWeighted(s.o.MaxQueuedBytes)}
	// Stopping the server must leave time for answers: serve cuts in the end.
	c.ctx, c.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	work := c.ctx
	if s.o.WithClient != nil {
		work = s.o.WithClient(work, client)
	}
	c.work, c.stopWork = context.WithCancel(work)
	return c
}

// cut ends the connection at once. The first cause counts.
func (c *connection) cut(cause error) {
	c.cancel(cause)
	_ = c.conn.Close() // it may be closed already
}

// serve serves the connection until the client leaves, it is cut, or stop is done;
// then it waits for all that it started.
func (c *connection) serve(stop context.Context) {
	log := c.server.log
	log.Debug("client connected", "client", c.client)
	stopped := make(chan struct{})
	stay := context.AfterFunc(stop, func() {
		defer close(stopped)
		c.shutDown()
		c.cut(errDone)
	})
	err := c.read()
	if !stay() {
		<-stopped
	}
	c.cut(err)
	c.tasks.Wait()
	c.stopWork()

	cause := context.Cause(c.ctx)
	level := slog.LevelDebug
	if !errors.Is(cause, errDone) && !disconnected(cause) {
		level = slog.LevelWarn
	}
	log.Log(stop, level, "client disconnected", "client", c.client, "cause", cause)
}

// disconnected reports whether err only says that the client has left.
func disconnected(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// read reads requests and starts work on them, until the connection is cut. At the
// end of the stream, and behind a line that is not JSON, it winds the connection up.
// The error is errDone if nothing went wrong.
func (c *connection) read() error {
	for {
		line, err := c.lines.next()
		held := c.lines.handOver()
		if err != nil {
			c.server.pending.Release(held)
		}
		switch {
		case c.ctx.Err() != nil:
			return errDone
		case errors.Is(err, errLineTooLong):
			limit := c.server.o.MaxRequestBytes
			return c.hangUp(api.Errorf(api.ReasonParseError, "the line is longer than %d bytes", limit).AtBound("max_request_bytes", limit))
		case errors.Is(err, errNoRoom):
			limit := c.server.o.MaxPendingBytes
			return c.hangUp(api.Errorf(api.ReasonLimitExceeded, "long requests have %d bytes together already; try again later, or in smaller parts", limit).
				AtBound("max_pending_bytes", limit))
		case errors.Is(err, io.EOF):
			c.windUp(c.ctx)
			return errDone
		case err != nil:
			return err
		}
		r, refusal := parseRequest(line)
		if refusal != nil {
			c.server.pending.Release(held)
		}
		switch {
		case refusal == nil:
			r.held = held
			err = c.start(r)
		case refusal.Reason == api.ReasonParseError:
			return c.hangUp(refusal)
		default:
			err = c.refuse(refusal)
		}
		if err != nil {
			return err
		}
	}
}

// start starts work on a request. It waits, and so the reading stops, while too
// much is at work: a request takes one place, one more for each MiB of its line, and
// pagePlaces if its answer may be large.
func (c *connection) start(r *request) error {
	r.conn = c
	if c.stopping.Load() {
		defer c.server.pending.Release(r.held)
		c.do(r) // refuses it, without waiting for those that are at work
		return nil
	}
	places := int64(1 + r.size>>20)
	if c.server.methods[r.method].paged {
		places += pagePlaces
	}
	places = min(places, c.server.o.MaxRequests)
	if err := c.places.Acquire(c.ctx, places); err != nil {
		c.server.pending.Release(r.held)
		return err
	}
	c.tasks.Go(func() {
		defer c.server.pending.Release(r.held)
		defer c.places.Release(places)
		c.do(r)
	})
	return nil
}

// hangUp answers a line after which nothing can be understood, and winds up. What
// the client still sends is read for a while and thrown away: closing on unread data
// would break its write before it has read the answer.
func (c *connection) hangUp(reason *api.Error) error {
	if err := c.refuse(reason); err != nil {
		return err
	}
	c.windUp(c.ctx)
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(lingerTimeout))
	_, _ = io.CopyN(io.Discard, c.conn, lingerBytes)
	return errDone
}

// do runs a request, and queues the answer.
func (c *connection) do(r *request) {
	log := c.server.log.With("method", fmt.Sprintf("%.100s", r.method), "client", c.client)
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
		_ = c.out.put(c.ctx, frame...) // fails only when the connection has ended
	}
	if r.then != nil {
		r.then()
	}
}

// call runs a request's method, and encodes its result as an answer. A panic
// becomes an error.
func (c *connection) call(r *request) (frame [][]byte, err error) {
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
	return c.out.put(c.ctx, errorFrame(nullID, reason)...)
}

// windUp waits until every request at work is answered, ends the subscriptions,
// and waits until all that was queued has been sent.
func (c *connection) windUp(ctx context.Context) {
	if err := c.places.Acquire(ctx, c.server.o.MaxRequests); err != nil {
		return
	}
	c.places.Release(c.server.o.MaxRequests)
	c.endSubscriptions()
	_ = c.out.flush(ctx) // if it fails, the connection is cut
}

// shutDown winds up when the server stops: requests at work have the grace time,
// then their contexts end; everything after that is quick or is given up.
func (c *connection) shutDown() {
	c.stopping.Store(true)
	impatient := time.AfterFunc(c.server.o.ShutdownGrace, c.stopWork)
	defer impatient.Stop()
	ctx, cancel := context.WithTimeout(c.ctx, c.server.o.ShutdownGrace+c.server.o.flush)
	defer cancel()
	c.windUp(ctx)
}
