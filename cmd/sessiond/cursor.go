package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// cursorFile remembers a seq between calls. A nil one remembers nothing. It is locked
// while it is open.
type cursorFile struct {
	lock *flock.Flock
	file *os.File
}

// cursorLength is that of what stands in the file, whatever the number: so that it is
// replaced by one write, and no other number can be read there if that is the last one.
const cursorLength = 20

// openCursor opens the file, or makes it, and reads the seq in it; nil if there is none.
func openCursor(path string) (_ *cursorFile, seq *int64, err error) {
	c := &cursorFile{lock: flock.New(path, flock.SetPermissions(0o600))}
	locked, err := c.lock.TryLock()
	if err != nil {
		return nil, nil, fmt.Errorf("--cursor: %w", err)
	}
	if !locked {
		return nil, nil, fmt.Errorf("--cursor %s: another 'sessiond notify' uses it: give each one of its own", path)
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return nil, nil, fmt.Errorf("--cursor: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(c.file, 2*cursorLength))
	if err != nil {
		return nil, nil, fmt.Errorf("--cursor: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return c, nil, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return nil, nil, usagef("--cursor %s: there is no number of an event in it, but %q", path, text)
	}
	return c, &n, nil
}

// save puts a seq into the file, and on the disk.
func (c *cursorFile) save(seq int64) error {
	if c == nil {
		return nil
	}
	_, err := c.file.WriteAt(fmt.Appendf(nil, "%-*d\n", cursorLength-1, seq), 0)
	if err = errors.Join(err, c.file.Truncate(cursorLength), c.file.Sync()); err != nil {
		return fmt.Errorf("--cursor: %w", err)
	}
	return nil
}

func (c *cursorFile) close() {
	if c == nil {
		return
	}
	if c.file != nil {
		_ = c.file.Close() // all of it is on the disk
	}
	_ = c.lock.Close()
}
