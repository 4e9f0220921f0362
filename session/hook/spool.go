package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/session/shim"
)

const (
	// dirName is the spool's directory in the state directory.
	dirName = "hooks"
	// suffix is what whole files end in; those that are being written have another.
	suffix, draftSuffix = ".hook", ".tmp"
	// draftPatience is when a file that was not finished is taken for given up.
	draftPatience = time.Minute
	// MaxWaiting is how many inputs may wait for a daemon; more are dropped.
	MaxWaiting = 200_000
	// checkEvery is how often, on average, the command counts those that wait: it
	// takes time to.
	checkEvery = 128
	// MinFree is the room that has to remain on the disk.
	MinFree = 128 << 20
)

// Dir is the spool of a state directory.
func Dir(stateDir string) string { return filepath.Join(stateDir, dirName) }

// Record is one input of a hook, with what the command itself knows.
type Record struct {
	Time  time.Time // when the command was called
	PID   int       // the claude that called it; 0: not known
	Began uint64    // when that began, as shim.Runs takes it; 0: not known
	// Input is what Claude Code wrote, without what is private, or the beginning of it:
	// then it is Cut.
	Input []byte
	Cut   bool
	// Withheld says that there was no time to look for what is private: Mark stands for
	// each text of the Input.
	Withheld bool
}

// header is the first line of a file. Size tells a whole file from the rest.
type header struct {
	Time     int64  `json:"time"` // in milliseconds since the epoch
	PID      int    `json:"pid,omitempty"`
	Began    uint64 `json:"began,omitempty"`
	Cut      bool   `json:"cut,omitempty"`
	Withheld bool   `json:"withheld,omitempty"`
	Size     int    `json:"size"`
}

// ErrFull is for an input that is dropped, because too many wait.
var ErrFull = errors.New("the spool is full")

// Put leaves a record in a spool, which is made if need be. It is there whole, or
// not at all. The name says when: names are in the order of time.
func Put(dir string, r Record) error {
	name := fmt.Sprintf("%019d-%08x", r.Time.UnixNano(), rand.Uint32()) // #nosec G404 -- it keeps two of one nanosecond apart
	err := write(dir, name, r)
	if errors.Is(err, fs.ErrNotExist) {
		if err = shim.PrivateDir(dir); err == nil {
			err = write(dir, name, r)
		}
	}
	if err != nil {
		return fmt.Errorf("keep a hook's input: %w", err)
	}
	return nil
}

func write(dir, name string, r Record) error {
	if err := room(dir); err != nil {
		return err
	}
	h := strconv.AppendInt([]byte(`{"time":`), r.Time.UnixMilli(), 10) // encoding/json would have to be warmed up first
	h = strconv.AppendInt(append(h, `,"pid":`...), int64(r.PID), 10)
	h = strconv.AppendUint(append(h, `,"began":`...), r.Began, 10)
	h = strconv.AppendBool(append(h, `,"cut":`...), r.Cut)
	h = strconv.AppendBool(append(h, `,"withheld":`...), r.Withheld)
	h = strconv.AppendInt(append(h, `,"size":`...), int64(len(r.Input)), 10)
	h = append(h, '}', '\n')

	draft := filepath.Join(dir, name+draftSuffix)
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(h, r.Input...))
	if err = errors.Join(err, f.Chmod(0o600), f.Close()); err == nil {
		crashpoint.Reach(crashpoint.HookWritten)
		err = os.Rename(draft, filepath.Join(dir, name+suffix))
	}
	if err != nil {
		_ = os.Remove(draft)
	}
	return err
}

// room is ErrFull where too many inputs wait, or there is hardly room on the disk.
func room(dir string) error {
	free, err := freeBytes(dir)
	if err != nil {
		return err
	}
	if free < MinFree {
		return fmt.Errorf("%w: %d bytes are left on the disk", ErrFull, free)
	}
	if rand.Uint32N(checkEvery) != 0 { // #nosec G404 -- a sample
		return nil
	}
	d, err := os.Open(dir) // #nosec G304 -- the spool
	if err != nil {
		return err
	}
	defer d.Close()
	names, _ := d.Readdirnames(MaxWaiting)
	if len(names) >= MaxWaiting {
		return fmt.Errorf("%w: %d inputs wait for a daemon", ErrFull, len(names))
	}
	return nil
}

// Waiting lists the names of the records in a spool, the oldest first. What was left
// before another record of the same caller never comes behind it, or is left out. A
// spool that is not there is empty.
func Waiting(dir string) ([]string, error) {
	// A directory that changes while it is read may show what has come and lack what
	// was there before. So it is read twice: all that there was when the newest of the
	// first reading came is in the second.
	first, err := list(dir)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	newest := slices.Max(first)
	names, err := list(dir)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name > newest })
	slices.Sort(names)
	return names, nil
}

// list reads the names of the records, in no order.
func list(dir string) ([]string, error) {
	d, err := os.Open(dir) // #nosec G304 -- the spool
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	all, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	names := all[:0]
	for _, name := range all {
		if whole, ok := strings.CutSuffix(name, suffix); ok {
			names = append(names, whole)
		} else if draft, ok := strings.CutSuffix(name, draftSuffix); ok {
			finish(dir, draft)
		}
	}
	return names, nil
}

// finish sees to a file whose command was cut off: one that is whole but for its
// name gets that, and is there the next time; any other is removed, in time.
func finish(dir, name string) {
	path := filepath.Join(dir, name+draftSuffix)
	info, err := os.Stat(path)
	if err != nil || time.Since(info.ModTime()) < draftPatience {
		return
	}
	if _, err := readFile(path); err != nil {
		_ = os.Remove(path)
		return
	}
	_ = os.Rename(path, filepath.Join(dir, name+suffix))
}

// Read reads a record. An error that is no *DamagedError may be gone the next time.
func Read(dir, name string) (Record, error) {
	return readFile(filepath.Join(dir, name+suffix))
}

// DamagedError is for a file of the spool that holds no record.
type DamagedError struct{ Path, Problem string }

func (e *DamagedError) Error() string { return e.Path + ": " + e.Problem }

// maxFile is more than a record can have.
const maxFile = MaxInput + 4096

func readFile(path string) (Record, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return Record{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return Record{}, &DamagedError{path, "not a file of the spool's"}
	}
	b, err := os.ReadFile(path) // #nosec G304 -- the spool
	if err != nil {
		return Record{}, err
	}
	first, input, _ := bytes.Cut(b, []byte{'\n'})
	var h header
	if err := json.Unmarshal(first, &h); err != nil {
		return Record{}, &DamagedError{path, err.Error()}
	}
	if h.Size != len(input) {
		return Record{}, &DamagedError{path, fmt.Sprintf("it has %d of %d bytes", len(input), h.Size)}
	}
	return Record{Time: time.UnixMilli(h.Time), PID: h.PID, Began: h.Began, Input: input, Cut: h.Cut, Withheld: h.Withheld}, nil
}

// Remove removes records that were taken in. When it returns, they do not come back.
func Remove(dir string, names []string) error {
	var errs []error
	for _, name := range names {
		if err := os.Remove(filepath.Join(dir, name+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		crashpoint.Reach(crashpoint.HookRemoving)
	}
	d, err := os.Open(dir) // #nosec G304 -- the spool
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	return errors.Join(append(errs, d.Sync(), d.Close())...)
}
