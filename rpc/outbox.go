package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// errStalled says that a client took nothing of what was sent to it for too long.
var errStalled = errors.New("the client does not read")

// writeChunk is about how much goes into one system call, and so how finely
// places in the outbox become free again.
const writeChunk = 128 << 10

// writePieces is how many buffers go into one system call: a connection keeps a
// list that is as long as the longest.
const writePieces = 128

// outbox is what waits to be sent on one connection: a queue of frames, bounded
// in bytes, that a goroutine writes while there are any. A frame that is larger than
// the whole queue is admitted when the queue is empty. Places are given in the order
// of asking, so that nothing, however large, waits for ever behind a stream of small
// things.
type outbox struct {
	conn   net.Conn
	limit  int64
	stall  time.Duration   // how long a write may make no progress at all
	start  func(func())    // starts the goroutine that writes
	failed func(err error) // is told, once, why nothing is written any more
	room   *semaphore.Weighted

	mu      sync.Mutex // guards what follows
	queued  []frame
	writing bool // a goroutine does, or has failed
}

// frame is one whole line, or several, in pieces that are written one behind the other.
type frame struct {
	buffers [][]byte
	size    int64 // places it takes in the queue
}

// put queues a frame. It waits until there is room, or ctx is done; when writing
// has failed there may never be any. The bytes must not be changed afterwards.
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
	defer o.mu.Unlock()
	o.queued = append(o.queued, frame{buffers, size})
	if !o.writing {
		o.writing = true
		o.start(o.run)
	}
	return nil
}

// makeRoom waits until size bytes would be taken at once, or ctx is done.
func (o *outbox) makeRoom(ctx context.Context, size int64) error {
	size = min(size, o.limit)
	if err := o.room.Acquire(ctx, size); err != nil {
		return err
	}
	o.room.Release(size)
	return nil
}

// flush waits until everything that was queued before has been written, or ctx is done.
func (o *outbox) flush(ctx context.Context) error { return o.makeRoom(ctx, o.limit) }

// run writes what is queued until nothing is, or writing fails.
func (o *outbox) run() {
	for {
		o.mu.Lock()
		frames := o.queued
		o.queued = nil
		o.writing = len(frames) > 0
		o.mu.Unlock()
		if len(frames) == 0 {
			return
		}
		for len(frames) > 0 {
			var err error
			if frames, err = o.writeSome(frames); err != nil {
				o.failed(err)
				return
			}
		}
	}
}

// writeSome writes the first of frames, about writeChunk bytes of them, gives
// their places back, and returns the rest.
func (o *outbox) writeSome(frames []frame) ([]frame, error) {
	buffers, places, n := net.Buffers(frames[0].buffers), frames[0].size, 1
	for n < len(frames) && places < writeChunk {
		buffers = append(buffers, frames[n].buffers...)
		places += frames[n].size
		n++
	}
	for pieces := range slices.Chunk(buffers, writePieces) {
		if err := o.write(pieces); err != nil {
			return nil, err
		}
	}
	o.room.Release(places)
	return frames[n:], nil
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
