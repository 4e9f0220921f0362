package shim

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxConns bounds the connections at a time, and with them the shim's memory.
// Those beyond wait until another ends.
const maxConns = 8

// answerPatience is how long a client may leave answers unread.
const answerPatience = 10 * time.Second

// server lets clients reach the child.
type server struct {
	child    *child
	in       *input
	listener net.Listener
	slots    chan struct{}
	news     chan struct{} // holds a token when the state has changed
	quit     chan struct{}
	wg       sync.WaitGroup

	mu     sync.Mutex
	peers  map[*peer]bool
	state  State
	closed bool
}

// listen opens the socket. Connections wait there until serve.
func listen() (net.Listener, error) {
	// Whoever left a socket here is gone: the lock is ours.
	if err := os.Remove(socketName); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", socketName)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(socketName, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// serve serves the first connection, if there is one, and those that come. A child
// that is tied is killed when the first has ended, or at once if there is none.
func serve(c *child, in *input, l net.Listener, first net.Conn, tied bool) *server {
	s := &server{child: c, in: in, listener: l, slots: make(chan struct{}, maxConns),
		news: make(chan struct{}, 1), quit: make(chan struct{}), peers: map[*peer]bool{}}
	ended := func() {}
	if tied {
		ended = s.untie
	}
	if first != nil {
		s.slots <- struct{}{}
		s.start(first, ended)
	} else {
		ended()
	}
	s.wg.Go(s.accept)
	s.wg.Go(s.spread)
	return s
}

// tell tells every client, those that come later too, how the shim is. It does
// not wait for any of them; of several changes one may hear but the last.
func (s *server) tell(state State) {
	s.mu.Lock()
	s.state = state
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *server) spread() {
	for {
		select {
		case <-s.news:
		case <-s.quit:
			return
		}
		s.mu.Lock()
		state, peers := s.state, slices.Collect(maps.Keys(s.peers))
		s.mu.Unlock()
		for _, p := range peers {
			if err := p.send(answer{State: &state}); err != nil {
				p.conn.Close() // its reader ends
			}
		}
	}
}

// close removes the socket, ends all connections and waits for their goroutines.
func (s *server) close() {
	s.listener.Close() // first: who sees a connection end finds no socket
	s.mu.Lock()
	s.closed = true
	close(s.quit)
	for p := range s.peers {
		// Not Close: a request that is being done is still answered.
		if err := p.conn.SetReadDeadline(time.Unix(1, 0)); err != nil {
			log.Print(err)
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *server) accept() {
	for {
		s.slots <- struct{}{}
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, say
			log.Print(err)
			<-s.slots
			time.Sleep(100 * time.Millisecond)
			continue
		}
		s.start(conn, func() {})
	}
}

// start says hello, and serves a connection in a goroutine of its own. The hello
// does not wait for that: it must be out even if the child exits this moment.
// ended is called when the connection has ended.
func (s *server) start(conn net.Conn, ended func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return
	}
	p := &peer{srv: s, conn: conn}
	s.peers[p] = true
	h := hello{Version: protocolVersion, Started: &s.child.started}
	if s.state.Held != "" {
		state := s.state
		h.State = &state
	}
	helloErr := p.send(h)
	s.wg.Go(func() {
		err := helloErr
		if err == nil {
			err = p.serve()
		}
		if !expected(err) {
			log.Printf("connection: %v", err)
		}
		conn.Close()
		ended()
		s.mu.Lock()
		delete(s.peers, p)
		s.mu.Unlock()
		<-s.slots
	})
}

// untie kills the child, for nobody needs it any more.
func (s *server) untie() {
	if err := s.child.kill(); err != nil && !errors.Is(err, ErrExited) {
		log.Printf("kill the child, whose client is gone: %v", err)
	}
}

// expected tells whether a connection may end with this: its client has let go
// or died, or the server is closing.
func expected(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, os.ErrDeadlineExceeded, unix.ECONNRESET, unix.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// peer is one connection.
type peer struct {
	srv  *server
	conn net.Conn

	mu   sync.Mutex // guards writing and busy
	busy bool       // an input operation is under way
}

func (p *peer) serve() error {
	r := bufio.NewReaderSize(p.conn, maxHeader)
	for {
		req, line, err := readRequest(r)
		if err != nil {
			return err
		}
		if err := p.handle(req, line); err != nil {
			return err
		}
	}
}

// handle never waits for the child: signals must get through.
func (p *peer) handle(req request, line []byte) error {
	switch req.Op {
	case opWrite, opCloseInput:
		return p.input(req, line)
	case opSignal:
		sig, ok := signalOf(req.Signal)
		if !ok {
			return p.reply(req, codeFailed, "no such signal")
		}
		return p.result(req, p.srv.child.signal(sig))
	case opKill:
		return p.result(req, p.srv.child.kill())
	}
	return p.reply(req, codeUnknown, "unknown operation "+req.Op)
}

// input queues a line or the end of the input; its answer comes when it is taken.
func (p *peer) input(req request, line []byte) error {
	if p.srv.child.exited() {
		return p.result(req, ErrExited)
	}
	if line != nil && bytes.IndexByte(line, '\n') < req.Size {
		return p.reply(req, codeNotOneLine, "")
	}
	if !p.setBusy(true) {
		return p.reply(req, codeBusy, "the line before is not taken yet")
	}
	op := inputOp{line: line, answer: func(err error) {
		p.setBusy(false)
		if err := p.result(req, err); err != nil {
			p.conn.Close() // its reader ends, and says nothing of it
		}
	}}
	if !p.srv.in.offer(op) {
		p.setBusy(false)
		return p.reply(req, codeBusy, "too many lines wait")
	}
	return nil
}

// setBusy changes the mark, and returns false if it was so already.
func (p *peer) setBusy(busy bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed := p.busy != busy
	p.busy = busy
	return changed
}

func (p *peer) result(req request, err error) error {
	code, text := codeOf(err)
	return p.reply(req, code, text)
}

func (p *peer) reply(req request, code, text string) error {
	return p.send(answer{ID: req.ID, Code: code, Text: text})
}

func (p *peer) send(message any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.conn.SetWriteDeadline(time.Now().Add(answerPatience)); err != nil {
		return err
	}
	_, err := p.conn.Write(encode(message, 0))
	return err
}
