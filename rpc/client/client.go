package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/tailscale/peercred"
)

// ErrDisconnected is the error of a call whose connection broke before its
// answer came. Whether the daemon has done what it was asked is unknown.
var ErrDisconnected = errors.New("the connection to the daemon broke before it answered")

// ErrClosed is the error of every call after Close.
var ErrClosed = errors.New("the client is closed")

// Client talks to one daemon. Make it with Dial; it is safe for concurrent use.
type Client struct {
	path         string
	onDisconnect func(error)
	maxRequest   int
	uid          int // whose daemon it has to be

	mu     sync.Mutex // guards what follows
	conn   *conn      // nil before the first call; may be broken
	closed bool
}

// Option changes what Dial makes.
type Option func(*Client)

// OnDisconnect has f called each time that the connection of an Events loop is
// lost or cannot be made, before the loop waits and tries again. f runs on the
// goroutine of the loop.
func OnDisconnect(f func(error)) Option {
	return func(c *Client) { c.onDisconnect = f }
}

// MaxRequestBytes says how long a request may be that the daemon takes; without
// it, that is what it is by default. A longer one is refused before it is sent,
// since the daemon would close the connection.
func MaxRequestBytes(n int) Option {
	return func(c *Client) { c.maxRequest = n }
}

// Dial connects to the daemon that listens on socketPath. Its error wraps what
// the system said: fs.ErrNotExist where there is no socket, ECONNREFUSED
// where nobody listens. It is a *ForeignError where the socket is another user's.
// The context bounds the connecting only. Whoever dials closes.
func Dial(ctx context.Context, socketPath string, options ...Option) (*Client, error) {
	c := &Client{path: socketPath, onDisconnect: func(error) {}, maxRequest: defaultMaxRequest, uid: os.Getuid()}
	for _, option := range options {
		option(c)
	}
	if _, err := c.live(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Close breaks the connection and waits for its goroutine. Calls under way
// fail with ErrDisconnected; loops over Events end only by their own context.
func (c *Client) Close() error {
	c.mu.Lock()
	conn := c.conn
	c.conn, c.closed = nil, true
	c.mu.Unlock()
	if conn != nil {
		conn.close()
	}
	return nil
}

// Call calls any method: params is encoded as JSON (nil: none), and the result
// is decoded into result unless that is nil; a *json.RawMessage keeps it as it came.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	answer, err := c.answer(ctx, method, params)
	if err != nil {
		return err
	}
	return answer.into(method, result)
}

// answer calls a method, and leaves its result as it came. Whoever gets it has it decoded (into), or releases it.
func (c *Client) answer(ctx context.Context, method string, params any) (response, error) {
	conn, err := c.live(ctx)
	if err != nil {
		return response{}, err
	}
	return conn.call(ctx, method, params)
}

// live returns the connection, and makes a new one where it is broken.
func (c *Client) live(ctx context.Context) (*conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if c.conn != nil && !c.conn.broken() {
		return c.conn, nil
	}
	nc, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	if c.conn != nil {
		c.conn.close()
	}
	c.conn = newConn(nc, c.maxRequest)
	return c.conn, nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	nc, err := connect(ctx, c.path)
	if err != nil {
		return nil, fmt.Errorf("connect to the daemon: %w", err)
	}
	if err := c.checkPeer(nc); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return nc, nil
}

// crowdPatience is how long connecting waits for a daemon to which more are
// connecting than it can take in one moment.
const crowdPatience = 30 * time.Second

// connect connects to a socket. Where its queue of connections is full, which a
// Unix socket says at once, it tries again.
func connect(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	for deadline := time.Now().Add(crowdPatience); ; {
		nc, err := d.DialContext(ctx, "unix", path)
		if !errors.Is(err, syscall.EAGAIN) || time.Now().After(deadline) || !sleep(ctx, time.Millisecond) {
			return nc, err
		}
	}
}

// ForeignError says that whoever listens on the socket is not the user. Nothing
// was sent.
type ForeignError struct {
	Socket string
	UID    string // of whoever listens; "": the system does not say
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("the socket %s is not yours, user %q listens on it: nothing was sent; choose another socket, "+
		"in a directory that only you can write to", e.Socket, e.UID)
}

// PeerPID is the pid, as this process sees it, of the daemon at the other end. The
// system tells it, not the daemon. It is 0 where there is none: the daemon runs in
// a pid namespace that cannot be seen from here.
func (c *Client) PeerPID(ctx context.Context) (int, error) {
	conn, err := c.live(ctx)
	if err != nil {
		return 0, err
	}
	peer, err := peercred.Get(conn.nc)
	if err != nil {
		return 0, fmt.Errorf("find out the daemon's pid: %w", err)
	}
	pid, _ := peer.PID()
	return pid, nil
}

// checkPeer makes sure that the user's own daemon is at the other end, since
// prompts and secrets will go there: in a directory that others can write to,
// anybody may have made the socket.
func (c *Client) checkPeer(nc net.Conn) error {
	peer, err := peercred.Get(nc)
	if err != nil {
		return fmt.Errorf("find out whose daemon it is: %w", err)
	}
	if uid, _ := peer.UserID(); uid != strconv.Itoa(c.uid) {
		return &ForeignError{c.path, uid}
	}
	return nil
}
