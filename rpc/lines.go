package rpc

import (
	"bufio"
	"errors"
	"io"
)

// readBuffer is what a connection holds for reading while it is idle.
const readBuffer = 16 << 10

// errLineTooLong says that a line is longer than its reader allows. What follows
// it on the stream has no meaning any more.
var errLineTooLong = errors.New("the line is too long")

// lineReader cuts a stream into lines of at most max bytes, the newline not
// counted. Unlike bufio.Scanner's, its lines belong to the caller, and memory is
// used only for what has arrived.
type lineReader struct {
	r   *bufio.Reader
	max int
}

func newLineReader(r io.Reader, maxLine int) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, readBuffer), max: maxLine}
}

// next returns the next line without its newline. The last one need not have a
// newline. At the end it returns io.EOF.
func (l *lineReader) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		if err == nil {
			part = part[:len(part)-1]
		}
		if len(line)+len(part) > l.max {
			return nil, errLineTooLong
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		default:
			return nil, err
		}
	}
}
