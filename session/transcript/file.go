package transcript

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/sessiond/sessiond/rpc/api"
)

// Why a file is not read as a transcript.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrNotOwned   = errors.New("it belongs to another user")
)

// DefaultMaxLineBytes is the longest line that is kept together, unless Options say
// otherwise.
const DefaultMaxLineBytes = 64 << 20

// Raw is a line of a file as it stands there.
type Raw struct {
	Bytes []byte // without its newline; the caller's own
	End   int64  // the offset behind the line and its newline: the place to go on from
	// Unterminated: a piece of a line that is too long to be kept together, which
	// goes on in the next Raw.
	Unterminated bool
}

var newline = []byte("\n")

// File is an open transcript that is read line by line. It hands out whole lines
// only: half a line at its end is left there until it is whole.
type File struct {
	file    *os.File
	reader  *bufio.Reader
	longest int
	end     int64 // of what was handed out
	size    int64 // when it was opened
}

// Open opens a transcript for reading from an offset on. Only a regular file of this
// user's is one, and no symbolic link: whoever has a daemon read a file gets to see
// nothing that is not meant for him.
func Open(path string, offset int64, maxLine int) (*File, error) {
	f, info, err := openOwn(path)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	if maxLine <= 0 {
		maxLine = DefaultMaxLineBytes
	}
	return &File{file: f, reader: bufio.NewReaderSize(f, 64<<10), longest: maxLine, end: offset, size: info.Size()}, nil
}

// openOwn opens a regular file of this user's, and waits for nothing.
func openOwn(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) // #nosec G304 -- what it is is looked at
	if errors.Is(err, syscall.ELOOP) {
		return nil, nil, fmt.Errorf("%s: %w", path, ErrNotRegular)
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = check(info)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return f, info, nil
}

// check refuses what is no file of this user's.
func check(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return ErrNotRegular
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return ErrNotOwned
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Size is how large the file was when it was opened.
func (f *File) Size() int64 { return f.size }

// Next returns the next whole line, or io.EOF where there is none (yet).
func (f *File) Next() (Raw, error) {
	var line []byte
	for {
		chunk, err := f.reader.ReadSlice('\n')
		// A line may be followed by its newline where it is exactly as long as may be.
		if room := f.longest - len(line); len(bytes.TrimSuffix(chunk, newline)) > room {
			return f.piece(line, chunk, room)
		}
		line = append(line, chunk...)
		switch {
		case err == nil:
			f.end += int64(len(line))
			return Raw{Bytes: line[: len(line)-1 : len(line)-1], End: f.end}, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return Raw{}, f.back()
		default:
			return Raw{}, err
		}
	}
}

// piece hands out the beginning of a line that is too long, and reads on behind it.
func (f *File) piece(line, chunk []byte, n int) (Raw, error) {
	line = append(line, chunk[:n]...)
	f.end += int64(len(line))
	return Raw{Bytes: line, End: f.end, Unterminated: true}, f.seek()
}

// back goes to the beginning of half a line: it is read again when it is whole.
func (f *File) back() error {
	if err := f.seek(); err != nil {
		return err
	}
	return io.EOF
}

func (f *File) seek() error {
	_, err := f.file.Seek(f.end, io.SeekStart)
	f.reader.Reset(f.file)
	return err
}

// rewind reads on from an offset that was handed out.
func (f *File) rewind(offset int64) error {
	f.end = offset
	return f.seek()
}

// markBytes is how much before an offset Mark looks at.
const markBytes = 1024

// Mark is a short sign of what stands before an offset. While it stays the same,
// what was read up to there is still what the file holds.
func (f *File) Mark(offset int64) (string, error) {
	n := min(offset, markBytes)
	b := make([]byte, n)
	if _, err := f.file.ReadAt(b, offset-n); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// MarkAt is Mark of a file that is not open.
func MarkAt(path string, offset int64) (string, error) {
	f, err := Open(path, 0, 0)
	if err != nil {
		return "", err
	}
	mark, err := f.Mark(offset)
	return mark, errors.Join(err, f.Close())
}

// Behind finds where the first line begins, from an offset on, that was written
// behind a moment. It is io.EOF if there is none.
func Behind(path string, offset int64, maxLine int, moment api.Time) (int64, error) {
	f, err := Open(path, offset, maxLine)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // opened for reading
	for {
		raw, err := f.Next()
		if err != nil {
			return 0, err
		}
		if l := Parse(raw.Bytes); l.Time.After(moment.Time) {
			return offset, nil
		}
		offset = raw.End
	}
}
