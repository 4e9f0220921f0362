package rpc

import (
	"bytes"
	"errors"
	"io"
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
}

func newLineReader(r io.Reader, maxLine int) *lineReader {
	return &lineReader{r: r, max: maxLine, buf: make([]byte, smallBuffer)}
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
		line, l.rest = append(line, part...), rest
		if whole {
			return line, nil
		}
	}
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
