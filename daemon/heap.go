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
	// longRest is how many looks further on it still rests, when it has put away what
	// it has for a while yet, such as the store's connections, which go after a minute.
	longRest = 7
)

// steadyHeap keeps the collector from running all the time, and gives memory back to
// the machine, until stop, which waits: that of the heap once the daemon rests, that of
// the program once it has for more than a minute.
func steadyHeap() (stop func()) { return steady(heapRest, debug.FreeOSMemory, giveBackProgram) }

func steady(rest time.Duration, release, longAfter func()) (stop func()) {
	floor := make([]byte, heapFloor)
	closing, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer runtime.KeepAlive(floor)
		ticker := time.NewTicker(rest)
		defer ticker.Stop()
		before, looks := allocated(), 0 // that found it at rest; it has just started
		for {
			select {
			case <-ticker.C:
			case <-closing:
				return
			}
			if allocated()-before < restingBytes {
				looks++
			} else {
				looks = 0
			}
			switch looks {
			case 1:
				release()
			case 1 + longRest:
				longAfter()
			}
			before = allocated()
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
