package rpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

// crowdEnv makes the test binary a crowd: see crowdMain. The connections of a
// crowd have their other ends here, and one process may not hold both.
const crowdEnv = "RPC_TEST_CROWD"

// crowdMain connects as often as it is told, and says so. Then it reads commands:
// a number of lines, and a request or nothing. Every connection sends the request,
// all at once, and then reads so many lines; and it tells how many lines came that
// are no errors and no event out of its order. It ends with its input.
func crowdMain(socket string, n int) error {
	conns := make([]member, n)
	for i := range conns {
		for conns[i].Conn == nil {
			conn, err := net.Dial("unix", socket)
			if err != nil && !errors.Is(err, syscall.EAGAIN) { // faster than the server accepts
				return fmt.Errorf("connection %d: %w", i, err)
			}
			conns[i].Conn, conns[i].r = conn, bufio.NewReaderSize(conn, 512)
		}
	}
	fmt.Println(n)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		count, request, _ := strings.Cut(in.Text(), " ")
		lines, err := strconv.Atoi(count)
		if err != nil {
			return err
		}
		for i := range conns {
			if request == "" {
				break
			}
			if _, err := io.WriteString(conns[i], request+"\n"); err != nil {
				return err
			}
		}
		good := 0
		for i := range conns {
			for range lines {
				ok, err := conns[i].read()
				if err != nil {
					return fmt.Errorf("connection %d, behind event %d: %w", i, conns[i].seq, err)
				}
				good += ok
			}
		}
		fmt.Println(good)
	}
	return nil
}

// member is a connection of a crowd.
type member struct {
	net.Conn
	r   *bufio.Reader
	seq int64 // of the last event
}

// read reads a line, and returns 1 if it is good.
func (m *member) read() (int, error) {
	_ = m.SetReadDeadline(time.Now().Add(patience))
	line, err := m.r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if _, event, ok := strings.Cut(line, `"seq":`); ok {
		m.seq++
		if !strings.HasPrefix(event, strconv.FormatInt(m.seq, 10)+",") {
			return 0, nil
		}
	}
	return strings.Count(line[:min(len(line), 100)], `"result"`) + strings.Count(line[:min(len(line), 100)], `"event"`), nil
}

// crowd is a process full of connections.
type crowd struct {
	t   testing.TB
	n   int
	in  io.WriteCloser
	out *bufio.Reader
}

// startCrowd connects n clients that do nothing, from another process.
func (s *testServer) startCrowd(n int) *crowd {
	s.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), exe)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", crowdEnv, n, s.socket))
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		s.t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("the crowd: %v", err)
		}
	})
	c := &crowd{s.t, n, in, bufio.NewReader(out)}
	c.expect(n)
	return c
}

// do has every connection send a request, if there is one, and read so many lines,
// and expects that all of these are good.
func (c *crowd) do(lines int, request string) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, "%d %s\n", lines, request); err != nil {
		c.t.Fatal(err)
	}
	c.expect(c.n * lines)
}

func (c *crowd) expect(n int) {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != strconv.Itoa(n) {
		c.t.Fatalf("the crowd says %q, %v; want %d", line, err, n)
	}
}

// inUse is the memory that the process holds for its heap and its stacks.
func inUse() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// BenchmarkIdleConnections is a client's calls beside connections that do
// nothing, and what one of those takes.
func BenchmarkIdleConnections(b *testing.B) {
	for _, idle := range []int{0, 1000, 10_000} {
		b.Run(fmt.Sprintf("idle=%d", idle), func(b *testing.B) {
			s := startServer(b, &fakeService{}, func(o *Options) { o.MaxConnections = idle + 1; o.Logger = nil })
			before := inUse()
			s.startCrowd(idle).do(1, `{"jsonrpc":"2.0","id":1,"method":"health"}`)
			perConn := float64(inUse()-before) / float64(max(idle, 1))
			client := s.dial()
			for b.Loop() {
				client.call("getSessionState", `{"session_id":"a"}`)
				if _, err := client.r.ReadSlice('\n'); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(perConn, "B/conn") // the loop has forgotten what was reported before
		})
	}
}

// BenchmarkSlowSubscribers is a client's calls beside subscribers who are behind
// and do not read, and what one of those takes.
func BenchmarkSlowSubscribers(b *testing.B) {
	for _, slow := range []int{0, 1000} {
		b.Run(fmt.Sprintf("slow=%d", slow), func(b *testing.B) {
			s := startServer(b, &fakeService{}, func(o *Options) {
				o.Logger = nil
				o.Hub = bus.NewHub(endlessLog{events: 200, size: 8 << 10}, bus.Options{})
			})
			before := inUse()
			s.startCrowd(slow).do(1, `{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"after_seq":0}}`)
			perConn := float64(inUse()-before) / float64(max(slow, 1))
			client := s.dial()
			for b.Loop() {
				client.call("getSessionState", `{"session_id":"a"}`)
				if _, err := client.r.ReadSlice('\n'); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(perConn, "B/conn")
		})
	}
}

// endlessLog is a log that keeps nothing: each reading makes its events anew, as
// one from a database does.
type endlessLog struct {
	events, size int
}

func (l endlessLog) Page(_ context.Context, after int64, limit int, _ bus.Filter) (page bus.Page, err error) {
	for page.UpTo = after; page.UpTo < l.Head() && len(page.Events) < min(limit, max(1, eventPage/l.size)); {
		page.UpTo++
		seq, text := page.UpTo, strings.Repeat("x", l.size)
		page.Events = append(page.Events, bus.NewEvent(seq, api.EventMessageUpdated, testSession, testSession, func() []byte {
			return fmt.Appendf(nil, `{"seq":%d,"data":{"text":"%s"}}`, seq, text)
		}))
	}
	return page, nil
}
func (l endlessLog) Head() int64      { return int64(l.events) }
func (l endlessLog) OldestSeq() int64 { return 1 }
func (l endlessLog) Void(int64) bool  { return false }

// TestSlowSubscribersAreBounded has subscribers who are behind, each elsewhere in
// the log, and do not read.
func TestSlowSubscribersAreBounded(t *testing.T) { // not parallel: it measures memory
	const (
		subscribers = 1000
		queued      = 128 << 10
	)
	log := endlessLog{events: 80, size: 8 << 10} // more than queue, page and socket hold
	s := startServer(t, &fakeService{}, func(o *Options) {
		o.MaxQueuedBytes = queued
		o.Logger = nil
		o.Hub = bus.NewHub(log, bus.Options{})
	})
	other := s.dial()
	before := inUse()
	crowd := s.startCrowd(subscribers)
	crowd.do(1, `{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"after_seq":0}}`)

	// Others do not notice.
	sub := other.subscribe(`{"after_seq":0}`)
	for seq := range int64(log.events) {
		if event, _ := other.recvEvent(sub.SubscriptionID); event.Seq != seq+1 {
			t.Fatalf("want seq %d, got %d", seq+1, event.Seq)
		}
	}
	other.call("health", "")
	checkAnswer(t, other.recv(), 0, "1", "")

	const each = queued + 64<<10 // its queue, and itself; no page for which there is no room
	grown := inUse() - before
	t.Logf("%d B for each of %d subscribers", grown/subscribers, subscribers)
	if grown > subscribers*each {
		t.Errorf("%d subscribers who do not read take %d MiB", subscribers, grown>>20)
	}
	crowd.do(log.events, "") // and later they get everything, in order
}
