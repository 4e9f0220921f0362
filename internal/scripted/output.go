package scripted

import (
	"io"
	"sync"
)

// outputChunk is how much is written at once, at least, when lines come flat out.
const outputChunk = 128 << 10

// output writes whole lines, many at once where it may, and never a part of one.
type output struct {
	mu      sync.Mutex
	w       io.Writer
	pending []byte
}

// add appends lines, each with its newline, and lets them wait for more.
func (o *output) add(lines ...[]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range lines {
		o.pending = append(append(o.pending, l...), '\n')
	}
	if len(o.pending) >= outputChunk {
		o.flushLocked()
	}
}

// print writes lines at once, behind those that waited.
func (o *output) print(lines ...[]byte) {
	o.add(lines...)
	o.flush()
}

// raw writes bytes as they are, behind those that waited.
func (o *output) raw(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending = append(o.pending, b...)
	o.flushLocked()
}

// flush writes what waits.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushLocked()
}

// stop writes what waits and holds back everything that comes behind, so that
// the end of the process tears no line.
func (o *output) stop() {
	o.mu.Lock() // and never unlocked
	o.flushLocked()
}

func (o *output) flushLocked() {
	_, _ = o.w.Write(o.pending) // where nobody can be written to, nobody can be told
	o.pending = o.pending[:0]
}
