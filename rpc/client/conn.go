package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// conn is one connection on which calls are made. Its goroutine reads answers
// until the connection breaks, and hands each to the call that waits for it.
type conn struct {
	nc      net.Conn
	limit   int           // bytes of a request
	writing chan struct{} // holds a token while somebody writes
	done    chan struct{} // closed when the reading has ended

	mu      sync.Mutex // guards what follows
	lastID  int64
	pending map[string]chan<- response // by id as it is written; nil once broken
	cause   error                      // why it broke
}

func newConn(nc net.Conn, limit int) *conn {
	c := &conn{
		nc:      nc,
		limit:   limit,
		writing: make(chan struct{}, 1),
		done:    make(chan struct{}),
		pending: map[string]chan<- response{},
	}
	go c.read()
	return c
}

// close breaks the connection and waits until nothing reads it any more.
func (c *conn) close() {
	_ = c.nc.Close()
	<-c.done
}

func (c *conn) broken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending == nil
}

// call sends a request and waits for its answer, which is no error.
func (c *conn) call(ctx context.Context, method string, params any) (response, error) {
	id, answer, err := c.register()
	if err != nil {
		return response{}, err
	}
	defer c.forget(id)
	line, err := encodeRequest(id, method, params)
	if err != nil {
		return response{}, err
	}
	if size := len(line) - len("\n"); size > c.limit {
		return response{}, api.Errorf(api.ReasonLimitExceeded, "the request has %d bytes, and the daemon takes at most %d", size, c.limit).
			With("limit", c.limit).With("setting", "max_request_bytes").
			With("hint", "start the daemon with a higher --max-request-bytes, and say the same to the client")
	}
	if err := c.write(ctx, line); err != nil {
		return response{}, err
	}
	select {
	case r, ok := <-answer:
		if !ok {
			return response{}, c.err()
		}
		if r.Error != nil {
			return response{}, r.Error.typed()
		}
		return r, nil
	case <-ctx.Done():
		return response{}, ctx.Err()
	}
}

// register makes an id and the channel on which its answer comes; the channel
// is closed if the connection breaks first.
func (c *conn) register() (string, <-chan response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending == nil {
		return "", nil, c.cause
	}
	c.lastID++
	id := strconv.FormatInt(c.lastID, 10)
	answer := make(chan response, 1)
	c.pending[id] = answer
	return id, answer, nil
}

func (c *conn) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

func (c *conn) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// write sends one line. When the context ends in the middle of it, or the
// connection fails, half a line is out, and the connection is given up.
func (c *conn) write(ctx context.Context, line []byte) error {
	select {
	case c.writing <- struct{}{}:
		defer func() { <-c.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	n, err := c.writeUntil(ctx, line)
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.EPIPE) {
		select { // the daemon has hung up, and may have said why
		case <-c.done:
		case <-ctx.Done():
		}
	} else if n > 0 || ctx.Err() == nil {
		c.close()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.err()
}

// writeUntil writes until the context ends, which leaves no deadline behind.
func (c *conn) writeUntil(ctx context.Context, line []byte) (int, error) {
	passed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = c.nc.SetWriteDeadline(time.Unix(1, 0))
		close(passed)
	})
	n, err := c.nc.Write(line)
	if !stop() {
		<-passed
		_ = c.nc.SetWriteDeadline(time.Time{})
	}
	return n, err
}

// read hands out answers until the connection breaks.
func (c *conn) read() {
	defer close(c.done)
	lines := newLineReader(c.nc)
	for {
		a, err := lines.next()
		if err != nil {
			c.fail(fmt.Errorf("%w (%w)", ErrDisconnected, err))
			return
		}
		m := response{answer: a}
		if err := decode(a.line, &m); err != nil {
			c.fail(fmt.Errorf("%w: what it sent is not JSON: %w", ErrDisconnected, err))
			return
		}
		if m.Error != nil && m.orphan() { // about the connection, which ends behind it
			c.fail(m.Error.typed())
			return
		}
		c.deliver(m)
	}
}

// deliver gives an answer to its call. What nobody waits for (the call was
// given up, or it is a notification) is dropped.
func (c *conn) deliver(m response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer, ok := c.pending[string(m.ID)]; ok {
		delete(c.pending, string(m.ID))
		answer <- m // has room for the one answer it gets
	}
}

// fail breaks the connection for everybody who waits and whoever comes later.
func (c *conn) fail(cause error) {
	_ = c.nc.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cause = cause
	for _, answer := range c.pending {
		close(answer)
	}
	c.pending = nil
}

// defaultMaxRequest is the longest line that a daemon reads by default.
const defaultMaxRequest = 32 << 20

// encodeRequest makes the line of a request, newline included.
func encodeRequest(id, method string, params any) ([]byte, error) {
	line, err := marshal(request{Version: "2.0", ID: json.RawMessage(id), Method: method, Params: params})
	if err != nil {
		return nil, fmt.Errorf("the params of %s: %w", method, err)
	}
	return line, nil
}
