package rpc

import (
	"bytes"
	"errors"
	"io"

	"golang.org/x/sync/semaphore"
)

// A reader's buffer: small while the client says little, since most clients say
// nothing for most of the time, and larger while it sends much.
const (
	smallBuffer = 1 << 10
	largeBuffer = 64 << 10
)

// errLineTooLong says that a line is longer than its reader allows. What follows
// it on the stream has no meaning any more.
var errLineTooLong = errors.New("the line is too long")

// errNoRoom says that long lines, this one among them, have as much memory as
// all connections may use for them.
var errNoRoom = errors.New("no room for the line")

// lineReader cuts a stream into lines of at most max bytes, the newline not
// counted. Unlike bufio.Scanner's, its lines belong to the caller, and memory is
// used only for what has arrived.
type lineReader struct {
	r    io.Reader
	max  int
	buf  []byte
	rest []byte // of buf: has been read, and belongs to no line yet
	full bool   // the last read filled buf: there may be more
	err  error  // came with the last bytes

	pending *semaphore.Weighted // bytes that lines longer than largeBuffer may have, those of all readers
	held    int64               // of it, by the line that is read or was returned last
}

func newLineReader(r io.Reader, maxLine int, pending *semaphore.Weighted) *lineReader {
	return &lineReader{r: r, max: maxLine, pending: pending, buf: make([]byte, smallBuffer)}
}

// next returns the next line without its newline. The last one need not have a
// newline. At the end it returns io.EOF.
func (l *lineReader) next() ([]byte, error) {
	var line []byte
	for {
		if len(l.rest) == 0 {
			err := l.read()
			if errors.Is(err, io.EOF) && len(line) > 0 {
				return line, nil
			}
			if err != nil {
				return nil, err
			}
		}
		part, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if len(line)+len(part) > l.max {
			return nil, errLineTooLong
		}
		if !l.hold(len(line) + len(part)) {
			return nil, errNoRoom
		}
		line, l.rest = append(line, part...), rest
		if whole {
			return line, nil
		}
	}
}

// hold takes what a line of so many bytes needs beyond what it has. It does not
// wait: lines that are half there would wait for each other.
func (l *lineReader) hold(size int) bool {
	more := int64(size) - l.held
	if size <= largeBuffer || more == 0 {
		return true
	}
	if !l.pending.TryAcquire(more) {
		return false
	}
	l.held += more
	return true
}

// handOver leaves what the last line holds to the caller, who gives it back.
func (l *lineReader) handOver() (held int64) {
	held, l.held = l.held, 0
	return held
}

// read fills the buffer, which is empty, with what has arrived.
func (l *lineReader) read() error {
	switch size := len(l.buf); {
	case l.full && size < largeBuffer:
		l.buf = make([]byte, 4*size)
	case !l.full && size > smallBuffer:
		l.buf = make([]byte, smallBuffer)
	}
	for l.err == nil {
		var n int
		n, l.err = l.r.Read(l.buf)
		l.rest, l.full = l.buf[:n], n == len(l.buf)
		if n > 0 {
			return nil
		}
	}
	return l.err
}
