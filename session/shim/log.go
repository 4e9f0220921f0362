package shim

import (
	"os"
	"sync"
)

// logMost is the size at which a shim's log begins anew.
const logMost = 256 << 10

// boundedLog writes to a log that does not grow without end: a shim may live for
// months on a disk that is full every night.
type boundedLog struct {
	mu sync.Mutex
	f  *os.File
}

func (l *boundedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if size, err := fileSize(l.f); err == nil && size > logMost {
		_ = l.f.Truncate(0) // a terminal has no size, and comes not here
	}
	return l.f.Write(p)
}
