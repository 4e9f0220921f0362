package client

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// incoming is a request as the fake daemon sees it.
type incoming struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// peer is one accepted connection of the fake daemon.
type peer struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

// next reads a request; ok is false once the client is gone.
func (p *peer) next() (in incoming, ok bool) {
	line, err := readLine(p.r)
	if err != nil {
		return in, false
	}
	if err := json.Unmarshal(line, &in); err != nil {
		p.t.Errorf("the client sent %q: %v", line, err)
	}
	return in, true
}

// answer sends a result; raw sends a line as it is.
func (p *peer) answer(in incoming, result string) {
	p.raw(`{"jsonrpc":"2.0","id":` + string(in.ID) + `,"result":` + result + `}`)
}

func (p *peer) raw(line string) { _, _ = p.Write([]byte(line + "\n")) }

// fake is a daemon whose behaviour is one function, run for each connection.
type fake struct {
	path string
	l    net.Listener
	wg   sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func serve(t *testing.T, handle func(n int, p *peer)) *fake {
	t.Helper()
	dir, err := os.MkdirTemp("", "c") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	f := &fake{path: filepath.Join(dir, "s")}
	if f.l, err = net.Listen("unix", f.path); err != nil {
		t.Fatal(err)
	}
	f.wg.Go(func() {
		for n := 0; ; n++ {
			c, err := f.l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, c)
			f.mu.Unlock()
			f.wg.Go(func() {
				defer c.Close()
				handle(n, &peer{Conn: c, t: t, r: bufio.NewReader(c)})
			})
		}
	})
	t.Cleanup(f.stop)
	return f
}

func (f *fake) stop() {
	_ = f.l.Close()
	f.mu.Lock()
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

func dial(t *testing.T, f *fake, options ...Option) *Client {
	t.Helper()
	c, err := Dial(t.Context(), f.path, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
