package session

import (
	"context"
	"log/slog"
	"sync"

	"github.com/sessiond/sessiond/session/shim"
)

// outbox writes to a session's process, in the order in which it was told to,
// so that only its own goroutine waits for a process that does not read. What it
// still holds when it is closed is said again by whoever takes over: all of it
// was stored before. The inbox bounds how much that can be.
type outbox struct {
	shim *shim.Client
	log  *slog.Logger
	stop context.CancelFunc
	wg   sync.WaitGroup

	some chan struct{} // holds a token if there may be lines
	mu   sync.Mutex
	rest [][]byte // what is to be written; nil: the end of the input
}

func newOutbox(client *shim.Client, log *slog.Logger) *outbox {
	ctx, cancel := context.WithCancel(context.Background()) // until close
	o := &outbox{shim: client, log: log, stop: cancel, some: make(chan struct{}, 1)}
	o.wg.Go(func() { o.run(ctx) })
	return o
}

// put has a line written, or, if it is nil, the input ended. It does not block.
func (o *outbox) put(line []byte) {
	o.mu.Lock()
	o.rest = append(o.rest, line)
	o.mu.Unlock()
	select {
	case o.some <- struct{}{}:
	default:
	}
}

// close stops writing, and waits for the goroutine.
func (o *outbox) close() {
	o.stop()
	o.wg.Wait()
}

func (o *outbox) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.some:
		}
		o.mu.Lock()
		lines := o.rest
		o.rest = nil
		o.mu.Unlock()
		for _, line := range lines {
			o.write(ctx, line)
		}
	}
}

// write writes one line. A failure means that the process is gone or about to
// be, which the actor learns in its own time.
func (o *outbox) write(ctx context.Context, line []byte) {
	reachHanded(line)
	var err error
	if line == nil {
		err = o.shim.CloseInput(ctx)
	} else {
		err = o.shim.WriteLine(ctx, line)
	}
	if err != nil && ctx.Err() == nil {
		o.log.Debug("not written", "error", err)
	}
	reachWritten(line)
}
