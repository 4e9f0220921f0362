package session

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

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
	// refused is told of a line that was not taken although the process may live.
	refused func(ctx context.Context, line []byte, err error)

	some chan struct{} // holds a token if there may be lines
	mu   sync.Mutex
	rest [][]byte // what is to be written; nil: the end of the input
}

func newOutbox(client *shim.Client, log *slog.Logger, refused func(context.Context, []byte, error)) *outbox {
	ctx, cancel := context.WithCancel(context.Background()) // until close
	o := &outbox{shim: client, log: log, stop: cancel, refused: refused, some: make(chan struct{}, 1)}
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

// write writes one line. Where the process is gone or about to be, the actor
// learns that in its own time.
func (o *outbox) write(ctx context.Context, line []byte) {
	reachHanded(line)
	var err error
	if line == nil {
		err = o.shim.CloseInput(ctx)
	} else {
		err = o.shim.WriteLine(ctx, line)
	}
	over := func(end error) bool { return errors.Is(err, end) }
	switch {
	case err == nil || ctx.Err() != nil:
	case slices.ContainsFunc([]error{shim.ErrGone, shim.ErrExited, shim.ErrInputClosed, net.ErrClosed}, over):
		o.log.Debug("not written", "error", err)
	default:
		o.refused(ctx, line, err)
	}
	reachWritten(line)
}

// refused is for a line that the shim has not taken, and will not. If it is a
// message, that fails: who has sent it is not to wait for it for ever. It is
// called by the outbox, and ends with it.
func (a *actor) refused(ctx context.Context, line []byte, cause error) {
	a.log.Error("not written to Claude Code", "error", cause)
	var msg struct {
		UUID string `json:"uuid"`
	}
	if json.Unmarshal(line, &msg) != nil || msg.UUID == "" {
		return
	}
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
		}
		err := a.do(ctx, func(actx context.Context) error {
			return a.try(actx, func(s *step) error { s.refused(msg.UUID); return nil })
		})
		if err == nil || errors.Is(err, errGone) {
			return
		}
		retry.Reset(time.Second)
	}
}
