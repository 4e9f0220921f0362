package shim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Client is a connection to a shim. All methods may be called from several
// goroutines. A context that ends before an answer has come leaves it open
// whether the operation was done; it is never done by half.
//
// Once the connection is lost, every method returns ErrGone; once the client is
// closed, net.ErrClosed.
type Client struct {
	conn   net.Conn
	frames chan []byte // to the writing goroutine
	hello  chan hello  // the shim's first line
	// input holds a token while a write or the end of the input is under way:
	// the shim takes one at a time.
	input chan struct{}

	quit chan struct{} // Close was called
	lost chan struct{} // the reading goroutine has read everything
	done chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	started Started
	state   State
	lastID  uint64
	pending map[uint64]call
}

// call is a request that waits for its answer.
type call struct {
	answer chan answer // holds one
	input  bool        // it has the input's token
}

// newClient takes over a connection. pid is the shim's if it is this process's
// child for certain, else 0.
func newClient(conn net.Conn, pid int) *Client {
	c := &Client{
		conn:   conn,
		frames: make(chan []byte), hello: make(chan hello, 1), input: make(chan struct{}, 1),
		quit: make(chan struct{}), lost: make(chan struct{}), done: make(chan struct{}),
		pending: map[uint64]call{},
	}
	c.wg.Go(func() { c.read(pid) })
	c.wg.Go(c.write)
	return c
}

// WriteLine sends the child one line, without its newline, and returns once the
// shim has it whole and all lines before it are in the child's pipe. From then on
// it reaches the child, unless that ends or closes its input first. Lines of one
// client keep their order. WriteLine blocks while the child does not read and
// its pipe is full; other methods but CloseInput do not wait for it.
//
// Errors: ErrNotOneLine, ErrTooLong, ErrInputClosed, ErrExited.
func (c *Client) WriteLine(ctx context.Context, line []byte) error {
	if bytes.IndexByte(line, '\n') >= 0 {
		return ErrNotOneLine
	}
	if len(line) > MaxLine {
		return ErrTooLong
	}
	return c.callInput(ctx, request{Op: opWrite, Size: len(line)}, line)
}

// CloseInput ends the child's input behind what was written before, and returns
// once that has happened. Doing it again does nothing.
func (c *Client) CloseInput(ctx context.Context) error {
	return c.callInput(ctx, request{Op: opCloseInput}, nil)
}

// Signal sends a signal to the child's process group. The error is ErrExited if
// the child has exited.
func (c *Client) Signal(ctx context.Context, sig syscall.Signal) error {
	return c.call(ctx, request{Op: opSignal, Signal: int(sig)}, nil)
}

// Kill sends SIGKILL to the child and to every descendant. It does not wait for
// their end. The error is ErrExited if the child has exited; its descendants are
// killed all the same.
func (c *Client) Kill(ctx context.Context) error {
	return c.call(ctx, request{Op: opKill}, nil)
}

// Started is the start record, as the shim itself has told it.
func (c *Client) Started() Started {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started
}

// State is what the shim has last said of itself.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Done is closed when the shim is gone: its child is too, and ReadExit tells how
// it ended; or the shim was killed, and there is no exit record. Close does not
// close it: then nothing is known.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close lets go of the shim: it and the child live on. It waits for the client's
// goroutines.
func (c *Client) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		close(c.quit)
		c.conn.Close()
	}
	c.wg.Wait()
	return nil
}

// await waits for the end of the shim.
func (c *Client) await(ctx context.Context) {
	select {
	case <-c.done:
	case <-ctx.Done():
	}
}

func (c *Client) callInput(ctx context.Context, req request, line []byte) error {
	select {
	case c.input <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.lost:
		return c.lostErr()
	}
	return c.call(ctx, req, line)
}

// call sends a request and waits for its answer. An input request brings the
// token, which goes back with the answer, also when nobody waits for that any
// more.
func (c *Client) call(ctx context.Context, req request, line []byte) error {
	w := call{answer: make(chan answer, 1), input: req.Op == opWrite || req.Op == opCloseInput}
	c.mu.Lock()
	c.lastID++
	req.ID = c.lastID
	c.pending[req.ID] = w
	c.mu.Unlock()

	select {
	case c.frames <- append(encode(req, len(line)), line...):
	case <-ctx.Done():
		c.settle(answer{ID: req.ID}) // it was never sent
		return ctx.Err()
	case <-c.lost:
		return c.lostErr()
	}
	select {
	case a := <-w.answer:
		return a.err()
	case <-ctx.Done():
		return ctx.Err()
	case <-c.lost:
	}
	select {
	case a := <-w.answer: // it came last
		return a.err()
	default:
		return c.lostErr()
	}
}

// settle ends a call.
func (c *Client) settle(a answer) {
	c.mu.Lock()
	w, ok := c.pending[a.ID]
	delete(c.pending, a.ID)
	c.mu.Unlock()
	if !ok {
		return
	}
	w.answer <- a
	if w.input {
		<-c.input
	}
}

func (c *Client) lostErr() error {
	select {
	case <-c.quit:
		return net.ErrClosed
	default:
		return ErrGone
	}
}

// write sends what callers hand over, each frame whole: a caller may go away in
// the middle, the connection must stay usable.
func (c *Client) write() {
	for {
		select {
		case frame := <-c.frames:
			if _, err := c.conn.Write(frame); err != nil {
				return // the reader sees the connection's end behind its last answers
			}
		case <-c.lost:
			return
		}
	}
}

// read hands out what the shim says, until the connection ends; then it reaps
// the shim, if that is this process's child.
func (c *Client) read(pid int) {
	pid = c.readAll(pid)
	c.conn.Close()
	close(c.lost)
	if pid != 0 {
		c.reap(pid)
	}
	if errors.Is(c.lostErr(), ErrGone) {
		close(c.done)
	}
}

// readAll returns the pid of the shim if it is this process's child, else 0.
func (c *Client) readAll(pid int) int {
	in := json.NewDecoder(c.conn)
	h, err := readHello(in)
	if err != nil {
		return pid
	}
	if pid == 0 && h.Started != nil && isChild(h.Started.ShimPID) {
		pid = h.Started.ShimPID
	}
	c.mu.Lock()
	if h.Started != nil {
		c.started = *h.Started
	}
	if h.State != nil {
		c.state = *h.State
	}
	c.mu.Unlock()
	c.hello <- h
	for {
		var a answer
		if err := in.Decode(&a); err != nil {
			return pid
		}
		if a.State != nil {
			c.mu.Lock()
			c.state = *a.State
			c.mu.Unlock()
			continue
		}
		c.settle(a)
	}
}

// isChild tells whether a process that lives is a child of this one.
func isChild(pid int) bool {
	got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
	return err == nil && got == 0
}

// reap takes the shim's exit status, which nobody needs, so that no zombie stays.
// A shim that lives is waited for a few seconds, since the connection ends a
// moment before it; if the client is closed, not at all.
func (c *Client) reap(pid int) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	left := 5 * time.Second // to be slept: a machine that stood still has not waited
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
		if got == pid || err != nil && !errors.Is(err, unix.EINTR) || left <= 0 {
			return
		}
		left -= pause
		timer.Reset(pause)
		select {
		case <-timer.C:
		case <-c.quit:
			return
		}
	}
}
