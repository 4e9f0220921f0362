package shim

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"unicode"
)

// logMost is the size at which a shim's log begins anew.
const logMost = 256 << 10

// boundedLog writes to a log that does not grow without end: a shim may live for
// months on a disk that is full every night.
type boundedLog struct {
	mu sync.Mutex
	f  *os.File
}

// Write writes one line: what a path or an error has in it makes no other, and
// gives no terminal orders. The count is that of p.
func (l *boundedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := bytes.TrimSuffix(p, []byte("\n"))
	if bytes.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
		quoted := strconv.Quote(string(line))
		line = []byte(quoted[1 : len(quoted)-1])
	}
	if size, err := fileSize(l.f); err == nil && size > logMost {
		_ = l.f.Truncate(0) // a terminal has no size, and comes not here
	}
	if _, err := l.f.Write(append(line[:len(line):len(line)], '\n')); err != nil {
		return 0, err
	}
	return len(p), nil
}
