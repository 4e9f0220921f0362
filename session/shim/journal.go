package shim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

const (
	// batchLines and batchBytes bound what one call of Next returns.
	batchLines = 1024
	batchBytes = 1 << 20
	// chunkSize is how much is read at once.
	chunkSize = 512 << 10
)

// DefaultMaxLineBytes is the longest line that is kept together, unless KeepTogether
// says otherwise.
const DefaultMaxLineBytes = 64 << 20

// Line is one line of a journal.
type Line struct {
	// Bytes is the line without its newline. It belongs to the caller. Lines of
	// one reading share memory: who keeps one for long copies it.
	Bytes []byte
	// End is the offset behind the line and its newline: the place to go on
	// from.
	End int64
	// Unterminated: no newline came behind these bytes. They are the end of the
	// journal, or a piece of a line that is too long to be kept together (see
	// KeepTogether), which goes on in the next Line.
	Unterminated bool
}

// Journal reads a file that grows, line by line. Only whole lines are handed out
// until Finish is called. One goroutine uses it; Finish, and Wake's channel, may
// be used from others.
type Journal struct {
	watcher *Watcher
	path    string
	file    *os.File
	longest int                                  // of the lines that are kept together
	punched func(*os.File, int64) (int64, error) // nextData, but for tests

	// rest is what was read and not handed out; it begins at offset off, and
	// its first scanned bytes hold no newline. The memory behind it, up to its
	// capacity, has never been handed out either.
	rest    []byte
	off     int64
	scanned int

	read     atomic.Int64 // the offset up to which the file was read
	finished atomic.Bool
	wake     chan struct{} // holds one
}

// OpenJournal opens a journal at an offset: 0, or the End of a line. The file
// must exist; the error is a *RecordError if what is there is no file. It must be
// closed before the watcher is.
func OpenJournal(w *Watcher, path string, offset int64) (*Journal, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{watcher: w, path: watchName(path), file: f, longest: DefaultMaxLineBytes, punched: nextData, off: offset, wake: make(chan struct{}, 1)}
	j.read.Store(offset)
	w.add(j.path, j)
	j.fire() // there may be something already
	return j, nil
}

// KeepTogether says how long a line may be to be handed out whole. Longer ones come
// in pieces of that size. It is called before the first reading.
func (j *Journal) KeepTogether(bytes int) { j.longest = bytes }

// Close ends the reading.
func (j *Journal) Close() error {
	j.watcher.remove(j.path, j)
	return j.file.Close()
}

// Finish says that nothing is appended any more: the writer has exited. Next
// then hands out what is there, the last line also without a newline, and then
// io.EOF.
func (j *Journal) Finish() {
	j.finished.Store(true)
	j.fire()
}

// Wake is ready when TryNext might have something: after an append, after
// Finish, and after each batch, until TryNext has returned nil.
func (j *Journal) Wake() <-chan struct{} { return j.wake }

// Next returns the next lines, one at least, at most 1,024 or about 1 MiB of them,
// and blocks until there are some. The error is io.EOF at the end, after Finish.
func (j *Journal) Next(ctx context.Context) ([]Line, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		lines, err := j.TryNext()
		if err != nil || len(lines) > 0 {
			return lines, err
		}
		select {
		case <-j.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// TryNext is Next without the waiting: nil if no whole line is there. After any
// error but io.EOF it may be called again, and Wake will be ready: a
// *JournalError says what is missing, once, before what comes behind it; another
// that the disk does not give out what is there.
func (j *Journal) TryNext() ([]Line, error) {
	finished := j.finished.Load() // before reading: what was written is then seen
	for {
		if lines := j.cut(); len(lines) > 0 {
			j.fire()
			return lines, nil
		}
		n, err := j.fill()
		if _, missing := errors.AsType[*JournalError](err); missing && len(j.rest) > 0 {
			j.fire() // first what was printed before; then the same is found again
			return []Line{j.take(len(j.rest), false)}, nil
		} else if missing {
			j.skip(err)
			return nil, err
		}
		if err != nil {
			return nil, err
		}
		if n > 0 {
			continue
		}
		if len(j.rest) == 0 {
			j.rest = nil // an idle journal holds no memory
		}
		switch {
		case !finished:
			return nil, nil
		case len(j.rest) == 0:
			return nil, io.EOF
		}
		j.fire()
		return []Line{j.take(len(j.rest), false)}, nil
	}
}

// cut takes a batch of lines out of what was read.
func (j *Journal) cut() []Line {
	var lines []Line
	for size := 0; len(lines) < batchLines && size < batchBytes; {
		n := bytes.IndexByte(j.rest[j.scanned:], '\n')
		if n < 0 && len(j.rest) <= j.longest {
			j.scanned = len(j.rest)
			break
		}
		if lines == nil {
			lines = make([]Line, 0, min(batchLines, 1+len(j.rest)/256))
		}
		if n < 0 || j.scanned+n > j.longest {
			lines = append(lines, j.take(j.longest, false))
		} else {
			lines = append(lines, j.take(j.scanned+n, true))
		}
		size += len(lines[len(lines)-1].Bytes)
	}
	return lines
}

// take hands out the next n bytes as a line.
func (j *Journal) take(n int, newline bool) Line {
	line := Line{Bytes: j.rest[:n:n], Unterminated: !newline}
	if newline {
		n++
	}
	j.rest, j.scanned = j.rest[n:], 0
	j.off += int64(n)
	line.End = j.off
	if n > batchBytes {
		j.rest = bytes.Clone(j.rest) // let go of the long line's memory
	}
	return line
}

// skip goes on behind what is missing.
func (j *Journal) skip(err error) {
	missing, _ := errors.AsType[*JournalError](err)
	to := missing.To
	if missing.Cut {
		to = missing.From
	}
	j.rest, j.scanned, j.off = nil, 0, to
	j.read.Store(to)
	j.fire()
}

// fill reads on, and returns how much there was: 0 at the file's present end. The
// error is a *JournalError if what should be there is not.
func (j *Journal) fill() (int, error) {
	from := j.read.Load()
	size, err := fileSize(j.file)
	if err != nil {
		return 0, fmt.Errorf("read journal: %w", err)
	}
	if size == from {
		return 0, nil
	}
	if size < from {
		return 0, &JournalError{Path: j.path, From: size, To: from, Cut: true}
	}
	j.grow(size - from)
	free := j.rest[len(j.rest):cap(j.rest)]
	n, err := j.file.ReadAt(free, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read journal: %w", err)
	}
	if n > 0 && free[0] == 0 { // nobody prints that: look closely
		if to, err := j.punched(j.file, from); err == nil && to > from {
			return 0, &JournalError{Path: j.path, From: from, To: min(to, size)}
		}
	}
	j.rest = j.rest[:len(j.rest)+n]
	j.read.Store(from + int64(n))
	return n, nil
}

// grow makes room for some of what is there to be read. A long line's room is
// doubled each time, so that it is not copied again and again.
func (j *Journal) grow(there int64) {
	used := len(j.rest)
	if cap(j.rest) > used {
		return
	}
	room := int(min(there, chunkSize))
	if used > 0 {
		room = max(room, used)
	}
	bigger := make([]byte, used, min(used+room, j.longest+chunkSize))
	copy(bigger, j.rest)
	j.rest = bigger
}

// behind tells whether the file holds what was not read yet, or is not as it was
// left.
func (j *Journal) behind() bool {
	size, err := fileSize(j.file)
	return err != nil || size != j.read.Load()
}

// fire makes Wake ready.
func (j *Journal) fire() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}
