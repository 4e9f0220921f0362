package rpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

// BenchmarkParseRequest is the framing and the envelope of a small request.
func BenchmarkParseRequest(b *testing.B) {
	line := []byte(`{"jsonrpc":"2.0","id":12345,"method":"getSessionState","params":{"session_id":"` + testSession + `"}}`)
	input := bytes.Repeat(append(line, '\n'), 1000)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	pending := semaphore.NewWeighted(DefaultMaxRequestBytes)
	lines := newLineReader(bytes.NewReader(nil), DefaultMaxRequestBytes, pending)
	for i := range b.N {
		if i%1000 == 0 {
			lines = newLineReader(bytes.NewReader(input), DefaultMaxRequestBytes, pending)
		}
		line, err := lines.next()
		if err != nil {
			b.Fatal(err)
		}
		if _, refusal := parseRequest(line); refusal != nil {
			b.Fatal(refusal)
		}
	}
}

// BenchmarkLargeAnswer encodes an answer that holds a line of 64 MiB.
func BenchmarkLargeAnswer(b *testing.B) {
	line := strings.Repeat("0123456789abcde\n", 4<<20)
	result := api.GetConversationResult{Events: []api.ConversationEvent{{Raw: &line}}}
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := resultFrame(json.RawMessage("1"), result.Encoded()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCall is a request and its answer over the socket.
func BenchmarkCall(b *testing.B) {
	client := startServer(b, &fakeService{}, nil).dial()
	b.ReportAllocs()
	for b.Loop() {
		client.call("getSessionState", `{"session_id":"a"}`)
		if _, err := client.r.ReadSlice('\n'); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFanOut queues and sends one event of 1 kB to each of several
// connections that read as fast as they can; an operation is one event to all.
func BenchmarkFanOut(b *testing.B) {
	for _, subscribers := range []int{1, 10} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			var wg sync.WaitGroup
			var connections []*connection
			server := NewServer(Options{Service: &fakeService{}})
			for range subscribers {
				here, there := socketPair(b)
				c := newConnection(ctx, server, here, "bench")
				connections = append(connections, c)
				wg.Go(func() { _, _ = io.Copy(io.Discard, bufio.NewReaderSize(there, 1<<20)) })
			}
			frames := newEventFrames(testSession)
			batch := make([]bus.Delivery, 256)
			b.ReportAllocs()
			for n := 0; n < b.N; n += len(batch) {
				for i := range batch {
					batch[i].Event = testEvent(int64(i), api.EventMessageUpdated, strings.Repeat("x", 850))
				}
				for _, c := range connections {
					if err := c.queueEvents(ctx, frames, batch[:min(len(batch), b.N-n)]); err != nil {
						b.Fatal(err)
					}
				}
			}
			for _, c := range connections {
				if err := c.out.flush(ctx); err != nil {
					b.Fatal(err)
				}
				c.tasks.Wait()
				c.cut(errDone)
			}
			cancel()
			wg.Wait()
		})
	}
}

// socketPair is both ends of a Unix stream socket.
func socketPair(b *testing.B) (here, there net.Conn) {
	b.Helper()
	l, err := net.Listen("unix", b.TempDir()+"/s")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if there, err = net.Dial("unix", l.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if here, err = l.Accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	return here, there
}
