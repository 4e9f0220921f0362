package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// errStalled says that a client took nothing of what was sent to it for too long.
var errStalled = errors.New("the client does not read")

// writeChunk is about how much goes into one system call, and so how finely
// places in the outbox become free again.
const writeChunk = 128 << 10

// outbox is what waits to be sent on one connection: a queue of frames, bounded
// in bytes, that one goroutine writes. A frame that is larger than the whole queue
// is admitted when the queue is empty. Places are given in the order of asking, so
// that nothing, however large, waits for ever behind a stream of small things.
type outbox struct {
	conn  net.Conn
	limit int64
	stall time.Duration // how long a write may make no progress at all
	room  *semaphore.Weighted
	wake  chan struct{} // holds a token when there may be something to write

	mu     sync.Mutex
	queued []frame
}

// frame is one whole line, or several, in pieces that are written one behind the other.
type frame struct {
	buffers [][]byte
	size    int64 // places it takes in the queue
}

func newOutbox(conn net.Conn, limit int64, stall time.Duration) *outbox {
	return &outbox{conn: conn, limit: limit, stall: stall,
		room: semaphore.NewWeighted(limit), wake: make(chan struct{}, 1)}
}

// put queues a frame. It waits until there is room, or ctx is done. The bytes must
// not be changed afterwards.
func (o *outbox) put(ctx context.Context, buffers ...[]byte) error {
	var size int64
	for _, b := range buffers {
		size += int64(len(b))
	}
	size = min(size, o.limit)
	if err := o.room.Acquire(ctx, size); err != nil {
		return err
	}
	o.mu.Lock()
	o.queued = append(o.queued, frame{buffers, size})
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default: // a token is there already
	}
	return nil
}

// flush waits until everything that was queued before has been written, or ctx is done.
func (o *outbox) flush(ctx context.Context) error {
	if err := o.room.Acquire(ctx, o.limit); err != nil {
		return err
	}
	o.room.Release(o.limit)
	return nil
}

// run writes what is queued, until ctx is done (nil) or writing fails.
func (o *outbox) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.wake:
		}
		o.mu.Lock()
		frames := o.queued
		o.queued = nil
		o.mu.Unlock()
		for len(frames) > 0 {
			var err error
			if frames, err = o.writeSome(frames); err != nil {
				return err
			}
		}
	}
}

// writeSome writes the first of frames, about writeChunk bytes of them, gives
// their places back, and returns the rest.
func (o *outbox) writeSome(frames []frame) ([]frame, error) {
	var buffers net.Buffers
	var places int64
	n := 0
	for n < len(frames) && places < writeChunk {
		buffers = append(buffers, frames[n].buffers...)
		places += frames[n].size
		n++
	}
	err := o.write(buffers)
	o.room.Release(places)
	return frames[n:], err
}

// write sends buffers whole. A client may be as slow as it likes: only when
// nothing at all could be written for the length of o.stall, it has stalled.
func (o *outbox) write(buffers net.Buffers) error {
	for {
		if err := o.conn.SetWriteDeadline(time.Now().Add(o.stall)); err != nil {
			return err
		}
		n, err := buffers.WriteTo(o.conn)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case n == 0:
			return fmt.Errorf("%w: nothing could be sent for %v", errStalled, o.stall)
		}
	}
}
