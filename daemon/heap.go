package daemon

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// heapFloor is memory that is never touched, so that the machine gives none for
	// it, but that the collector counts: it begins after about as much was allocated,
	// and not after the two megabytes that a daemon has in use. Under load it would
	// run every few hundred events, and take a quarter of the time.
	heapFloor = 8 << 20
	// heapRest is how often it is looked whether the daemon has come to rest, and
	// restingBytes what one that has allocates at most meanwhile.
	heapRest     = 10 * time.Second
	restingBytes = 256 << 10
)

// steadyHeap keeps the collector from running all the time, and gives memory back
// to the machine once the daemon rests, until stop, which waits.
func steadyHeap() (stop func()) { return steady(heapRest, debug.FreeOSMemory) }

func steady(rest time.Duration, release func()) (stop func()) {
	floor := make([]byte, heapFloor)
	closing, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer runtime.KeepAlive(floor)
		ticker := time.NewTicker(rest)
		defer ticker.Stop()
		before, busy := allocated(), true // it has just started
		for {
			select {
			case <-ticker.C:
			case <-closing:
				return
			}
			now := allocated()
			resting := now-before < restingBytes
			if resting && busy {
				release()
				now = allocated()
			}
			before, busy = now, !resting
		}
	}()
	return func() {
		close(closing)
		<-done
	}
}

// allocated is how many bytes were allocated so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
