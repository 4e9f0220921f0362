package shim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/internal/program"
)

func TestLinesReachTheChild(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	ctx := testContext(t)
	long := strings.Repeat("long line ", 500_000) // several pipes full
	for _, line := range []string{"one", "", "two", long, "three"} {
		h.writeLine(line)
	}
	if err := h.WriteLine(ctx, []byte("a\nb")); !errors.Is(err, ErrNotOneLine) {
		t.Errorf("a newline inside: %v", err)
	}
	if err := h.WriteLine(ctx, make([]byte, MaxLine+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	h.closeInput()
	if e := h.exit(); e.ExitCode == nil || *e.ExitCode != 0 {
		t.Errorf("exit %+v", e)
	}
	if want := "one\n\ntwo\n" + long + "\nthree\nend of input\n"; h.journal() != want {
		t.Errorf("the journal has %d bytes, not %d", len(h.journal()), len(want))
	}
	if err := h.WriteLine(ctx, nil); !errors.Is(err, ErrGone) {
		t.Errorf("write to a shim that is gone: %v", err)
	}
	if err := h.Kill(ctx); !errors.Is(err, ErrGone) {
		t.Errorf("kill of a shim that is gone: %v", err)
	}
	h.Close()
	if err := h.Signal(ctx, unix.SIGTERM); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed client: %v", err)
	}
}

func TestInputClosedWhileTheChildLives(t *testing.T) {
	t.Parallel()
	h := start(t, "sleep")
	h.closeInput()
	h.closeInput() // does nothing
	if err := h.WriteLine(testContext(t), []byte("late")); !errors.Is(err, ErrInputClosed) {
		t.Errorf("behind the end: %v", err)
	}
}

// TestSignalsPassALineThatWaits: the child reads nothing, its pipe is full, and
// signals work all the same.
func TestSignalsPassALineThatWaits(t *testing.T) {
	t.Parallel()
	h := start(t, "sleep")
	h.awaitJournal("ready\n")
	line := bytes.Repeat([]byte("x"), 3<<20)
	if err := h.WriteLine(testContext(t), line); err != nil { // taken, does not fit the pipe
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := h.WriteLine(ctx, line); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a line behind one that is stuck: %v", err)
	}
	if err := h.WriteLine(ctx, line); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("one that cannot even be sent: %v", err)
	}
	if err := h.Signal(testContext(t), unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if e := h.exit(); e.Signal != "SIGTERM" {
		t.Errorf("exit %+v", e)
	}
}

// TestCanceledLines: who gives up waiting for a line must not spoil the
// connection. Each such line arrives whole and in its place, or not at all.
func TestCanceledLines(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	if err := h.Signal(testContext(t), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	line := func(letter string) string { return strings.Repeat(letter, 2<<20) }
	h.writeLine(line("a")) // fills the pipe
	for _, letter := range []string{"b", "c"} {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		if err := h.WriteLine(ctx, []byte(line(letter))); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("line %s: %v", letter, err)
		}
		cancel()
	}
	if err := h.Signal(testContext(t), unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	h.writeLine("last")
	h.closeInput()
	h.exit()
	rest, found := strings.CutPrefix(h.journal(), line("a")+"\n")
	if !found {
		t.Error("the first line is not there")
	}
	rest = strings.TrimPrefix(rest, line("b")+"\n")
	rest = strings.TrimPrefix(rest, line("c")+"\n")
	if rest != "last\nend of input\n" {
		t.Errorf("%d bytes are left", len(rest))
	}
}

func TestSignal(t *testing.T) {
	t.Parallel()
	h := start(t, "deaf")
	h.awaitJournal("ready\n")
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, 0x7fff} {
		if err := h.Signal(testContext(t), sig); (err == nil) != (sig < 100) {
			t.Errorf("signal %d: %v", sig, err)
		}
	}
	if !alive(h.started.PID) {
		t.Fatal("it should have ignored that")
	}
	if err := h.Kill(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if e := h.exit(); e.Signal != "SIGKILL" || e.ExitCode != nil {
		t.Errorf("exit %+v", e)
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	if _, err := Connect(ctx, t.TempDir()); !errors.Is(err, ErrGone) {
		t.Errorf("no shim was here: %v", err)
	}
	dir := filepath.Join(t.TempDir(), strings.Repeat("a/deep/state/directory/", 12), "session") // no socket has such a path
	spec := specOf(t, "echo")
	first := startIn(t, dir, spec)
	first.writeLine("one")
	first.Close()
	if !alive(first.started.PID) {
		t.Fatal("Close ended the child")
	}
	second, err := Connect(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	h := holding(t, second, dir, first.started)
	third, err := Connect(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	h.writeLine("two")
	if err := third.WriteLine(ctx, []byte("three")); err != nil {
		t.Fatal(err)
	}
	h.closeInput()
	h.exit()
	if h.journal() != "one\ntwo\nthree\nend of input\n" {
		t.Errorf("journal %q", h.journal())
	}
	<-third.Done()
	select {
	case <-first.Done():
		t.Error("a client that was closed knows nothing")
	default:
	}
	if _, err := Connect(ctx, dir); !errors.Is(err, ErrGone) {
		t.Errorf("the shim is gone: %v", err)
	}
}

// TestNoZombies: a shim is reaped by whoever holds it at its end, if it is a
// child of the process.
func TestNoZombies(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	h.Close()
	c, err := Connect(testContext(t), h.dir)
	if err != nil {
		t.Fatal(err)
	}
	again := holding(t, c, h.dir, h.started)
	again.closeInput()
	again.exit()
	if _, err := unix.Wait4(h.started.ShimPID, nil, unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
		t.Errorf("the shim was not reaped: %v", err)
	}
}

func TestStrangeShimVersion(t *testing.T) {
	t.Parallel()
	exe := filepath.Join(t.TempDir(), "newer")
	script := "#!/bin/sh\necho '{\"version\":2,\"started\":{}}' >&3\nexec sleep 3600\n"
	program.Write(t, exe, script)
	_, _, err := Start(testContext(t), exe, t.TempDir(), specOf(t, "echo"))
	if v, ok := errors.AsType[*VersionError](err); !ok || v.Version != 2 {
		t.Errorf("Start: %v", err)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	exe := filepath.Join(t.TempDir(), "silent")
	program.Write(t, exe, "#!/bin/sh\nread x <&3\n")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := Start(ctx, exe, t.TempDir(), specOf(t, "echo")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Start: %v", err)
	}
}

// rawConn speaks the protocol by hand.
type rawConn struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dialRaw(t *testing.T, dir string) *rawConn {
	conn, err := dial(testContext(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	raw := &rawConn{Conn: conn, t: t, r: bufio.NewReader(conn)}
	var h hello
	if raw.read(&h); h.Version != protocolVersion || h.Started == nil {
		t.Fatalf("hello %+v", h)
	}
	return raw
}

func (c *rawConn) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *rawConn) read(v any) {
	c.t.Helper()
	line, err := c.r.ReadBytes('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	if err := json.Unmarshal(line, v); err != nil {
		c.t.Fatal(err)
	}
}

func TestProtocol(t *testing.T) {
	t.Parallel()
	h := start(t, "deaf")
	h.awaitJournal("ready\n")
	c := dialRaw(t, h.dir)
	for _, tc := range []struct{ send, want string }{
		{`{"id":1,"op":"dance"}`, codeUnknown},
		{`{"id":2,"op":"signal","signal":0}`, codeFailed},
		{`{"id":3,"op":"signal","signal":1000000}`, codeFailed},
		{`{"id":4,"op":"signal","signal":2,"new":"field"}`, ""},
		{`{"id":5,"op":"write","size":3}` + "\na\nb", codeNotOneLine},
		{`{"id":6,"op":"write"}` + "\n", ""},
	} {
		c.send(tc.send)
		if !strings.Contains(tc.send, "write") {
			c.send("\n")
		}
		var a answer
		if c.read(&a); a.ID == 0 || a.Code != tc.want {
			t.Errorf("%s: %+v", tc.send, a)
		}
	}
	big := strings.Repeat("x", 2<<20) // the second waits for the first, the third is one too many
	c.send(`{"id":7,"op":"write","size":2097152}` + "\n" + big)
	var a answer
	if c.read(&a); a != (answer{ID: 7}) {
		t.Errorf("a line that is taken: %+v", a)
	}
	c.send(`{"id":8,"op":"write","size":2097152}` + "\n" + big + `{"id":9,"op":"close_input"}` + "\n")
	if c.read(&a); a.ID != 9 || a.Code != codeBusy {
		t.Errorf("two at a time: %+v", a)
	}
}

func TestProtocolViolationsEndTheConnection(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	for _, send := range []string{
		"not JSON\n",
		`{"id":1,"op":"write","size":-1}` + "\n",
		`{"id":1,"op":"write","size":99999999999}` + "\n",
		strings.Repeat("x", 2*maxHeader),
	} {
		c := dialRaw(t, h.dir)
		c.send(send)
		if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil && !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("%.40q: %q, %v", send, rest, err)
		}
	}
	h.writeLine("still here")
	h.awaitJournal("still here\n")
}

// TestHalfALineNeverArrives: a sender that dies in the middle of a line.
func TestHalfALineNeverArrives(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	c := dialRaw(t, h.dir)
	c.send(`{"id":1,"op":"write","size":1000}` + "\n" + "half a li")
	c.Close()
	h.writeLine("whole")
	h.closeInput()
	h.exit()
	if h.journal() != "whole\nend of input\n" {
		t.Errorf("journal %q", h.journal())
	}
}

// TestManyConnections: those beyond the bound wait, and are served when others
// end.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	var open []*Client
	for range maxConns - 1 { // and that of h
		c, err := Connect(testContext(t), h.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := Connect(ctx, h.dir); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one more than there may be: %v", err)
	}
	open[0].Close()
	c, err := Connect(testContext(t), h.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.WriteLine(testContext(t), []byte("served")); err != nil {
		t.Fatal(err)
	}
	h.awaitJournal("served\n")
}
