package shim

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// exitRoom is what is kept allocated for the exit record: it has to be
	// written even if the disk is full.
	exitRoom = 64 << 10
	// exitAgain is when to try again to write it.
	exitAgain = time.Second
)

// exitRecord is the exit record to be.
type exitRecord struct {
	disk  disk
	draft *os.File // with room for the record; nil if it could not be had
}

// reserveExit makes the room for an exit record.
func reserveExit(d disk) (*exitRecord, error) {
	r := &exitRecord{disk: d}
	f, err := d.open(draftName, os.O_RDWR|os.O_TRUNC)
	if err == nil {
		r.draft = f
		err = d.allocate(f, 0, exitRoom)
	}
	if cannotAllocate(err) { // what was written once is likely to be taken again
		err = d.write(f, make([]byte, exitRoom))
	}
	if err != nil {
		return r, fmt.Errorf("cannot keep room for the exit record: %w", err)
	}
	return r, nil
}

// write writes the record, and puts it in its place. After an error it can be
// tried again.
func (r *exitRecord) write(e Exit) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write record %s: %w", exitName, err)
	}
	if r.draft == nil {
		return writeRecord(".", exitName, e)
	}
	if err := r.disk.write(r.draft, append(data, '\n')); err != nil {
		return fmt.Errorf("write record %s: %w", exitName, err)
	}
	if err := r.disk.rename(draftName, exitName); errors.Is(err, os.ErrNotExist) {
		return writeRecord(".", exitName, e) // somebody has removed the draft
	} else if err != nil {
		return fmt.Errorf("write record %s: %w", exitName, err)
	}
	return nil
}

// insist writes the record however long that takes: nobody else knows what it
// says. It gives up only when the directory is gone, where nobody looks for it.
func (r *exitRecord) insist(e Exit, tell func(State)) {
	for said := ""; ; time.Sleep(exitAgain) {
		err := r.write(e)
		if err == nil {
			return
		}
		if text := err.Error(); text != said {
			said = text
			log.Print(err)
			tell(State{Held: HeldExit, Text: systemText(err)})
		}
		if _, err := syscall.Getwd(); errors.Is(err, unix.ENOENT) {
			log.Print("the session's directory was removed")
			return
		}
	}
}

// close lets go of the draft, and removes what was not made a record of.
func (r *exitRecord) close() {
	if r.draft != nil {
		r.draft.Close()
		if err := os.Remove(draftName); err != nil && !errors.Is(err, os.ErrNotExist) {
			log.Print(err)
		}
	}
}

// maxRecord bounds a start or exit record that is read, and maxLaunch a
// launch.json: arguments and environment together are less than that.
const (
	maxRecord = 1 << 20
	maxLaunch = 256 << 20
)

// readRecord reads a record. The error is a *RecordError if there is something
// else under that name.
func readRecord(path string, most int64, v any) error {
	f, err := openRegular(path)
	if err != nil {
		return fmt.Errorf("read record: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return fmt.Errorf("read record: %w", err)
	}
	switch {
	case len(data) == 0:
		err = errors.New("it is empty")
	case int64(len(data)) > most:
		err = fmt.Errorf("it has more than %d bytes", most)
	default:
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return &RecordError{Path: path, Err: err}
	}
	return nil
}

// openRegular opens a file for reading, and nothing but a file: no symbolic link,
// which may lead anywhere, no directory, no pipe that nobody writes to.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, noFile(path, fs.ModeSymlink)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = noFile(path, info.Mode())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func noFile(path string, mode fs.FileMode) error {
	kind := map[fs.FileMode]string{fs.ModeSymlink: "a symbolic link", fs.ModeDir: "a directory", fs.ModeNamedPipe: "a pipe"}[mode.Type()]
	return &RecordError{Path: path, Err: fmt.Errorf("it is %s and no file", cmp.Or(kind, mode.Type().String()))}
}
