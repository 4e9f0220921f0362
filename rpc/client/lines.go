package client

import (
	"bytes"
	"io"
	"sync"
)

// shortLine is up to how long lines have memory of their own; longer ones share
// what answers have had before them.
const shortLine = 64 << 10

// longBuffers are what long lines were in, until the collector takes them: a page of
// a conversation has megabytes, that would have to be made and cleared for each.
var longBuffers sync.Pool // of *[]byte

// answer is a line. free, if set, gives its memory back, once nobody looks at it any more.
type answer struct {
	line []byte
	free func()
}

// lineReader reads lines, however long they are.
type lineReader struct {
	r       io.Reader
	small   []byte // for what is read while lines are short
	buf     []byte // what is read into: small, or a longer one
	at, end int    // of buf: what was read and not returned yet
}

func newLineReader(r io.Reader) *lineReader {
	small := make([]byte, shortLine)
	return &lineReader{r: r, small: small, buf: small}
}

// next returns the next line without its newline. It belongs to the caller.
func (l *lineReader) next() (answer, error) {
	for searched := l.at; ; {
		if n := bytes.IndexByte(l.buf[searched:l.end], '\n'); n >= 0 {
			return l.cut(searched + n), nil
		}
		if l.at > 0 { // what there is of the line goes to the front
			l.end = copy(l.buf, l.buf[l.at:l.end])
			l.at = 0
		}
		searched = l.end
		if l.end == len(l.buf) {
			l.grow()
		}
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		if n == 0 && err != nil {
			if err == io.EOF && l.end > 0 {
				err = io.ErrUnexpectedEOF
			}
			return answer{}, err
		}
	}
}

// cut returns the line that ends at the newline.
func (l *lineReader) cut(newline int) answer {
	line := l.buf[l.at:newline]
	l.at = newline + 1
	if len(line) < shortLine {
		return answer{line: bytes.Clone(line)}
	}
	long := l.buf
	rest := long[l.at:l.end]
	l.buf = l.small
	if len(rest) > len(l.buf) {
		l.buf = make([]byte, 2*len(rest))
	}
	l.at, l.end = 0, copy(l.buf, rest)
	return answer{line, func() { longBuffers.Put(&long) }}
}

// grow makes room behind what was read.
func (l *lineReader) grow() {
	larger := make([]byte, 0)
	if used, ok := longBuffers.Get().(*[]byte); ok {
		larger = *used
	}
	if len(larger) <= len(l.buf) {
		larger = make([]byte, 2*len(l.buf)+shortLine)
	}
	copy(larger, l.buf[:l.end])
	l.buf = larger
}
