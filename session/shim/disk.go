package shim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// blockSize is what file systems give back at the least; holes are cut to it.
const blockSize = 4 << 10

// PunchHole gives the part of a file before upTo back to the disk, in whole
// blocks. Offsets stay as they are; what was there reads as zeros. The file may
// be open for appending. The error is errors.ErrUnsupported where the file
// system cannot.
func PunchHole(path string, upTo int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("punch hole: %w", err)
	}
	defer f.Close()
	return punch(f, upTo)
}

func punch(f *os.File, upTo int64) error {
	upTo -= upTo % blockSize
	if upTo <= 0 {
		return nil
	}
	if err := punchBlocks(f, upTo); err != nil {
		return fmt.Errorf("punch hole: %w", err)
	}
	return nil
}

// disk is the few calls to the file system that a full, read-only or failing disk
// may refuse to a shim. Tests put others in their place.
type disk struct {
	open     func(path string, flags int) (*os.File, error)
	allocate func(f *os.File, from, n int64) error
	measure  func(f *os.File) (extent, error)
	space    func(f *os.File) (free int64, err error)
	write    func(f *os.File, data []byte) error // in the place of what was there, and durable
	rename   func(from, to string) error
}

// theDisk is the real one.
func theDisk() disk {
	return disk{open: openPrivate, allocate: allocate, measure: measure, space: freeSpace, write: overwrite, rename: renameDurably}
}

// extent is how long a file is, and how much of the disk it takes.
type extent struct{ size, allocated int64 }

func measure(f *os.File) (extent, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return extent{}, fmt.Errorf("size of %s: %w", f.Name(), err)
	}
	return extent{size: st.Size, allocated: st.Blocks * 512}, nil
}

// freeSpace is how many bytes the user may still write on a file's disk. The
// error is EROFS if it takes nothing at all.
func freeSpace(f *os.File) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return 0, fmt.Errorf("free space: %w", err)
	}
	if fs.Flags&readOnlyFlag != 0 {
		return 0, unix.EROFS
	}
	return int64(min(fs.Bavail*uint64(fs.Bsize), 1<<62)), nil // #nosec G115 -- a block has no negative size
}

func overwrite(f *os.File, data []byte) error {
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	return errors.Join(f.Truncate(int64(len(data))), f.Sync())
}

func renameDurably(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// Reserve is what a shim keeps allocated behind the journal's end.
const Reserve = 16 << 20

const (
	// reserveStep is how much of the reserve may be used up before it is renewed.
	reserveStep = 4 << 20

	// stderrMost is how much of standard error keeps its place on the disk
	// before its beginning is given back, and stderrKeep how much then stays.
	stderrMost = 1 << 20
	stderrKeep = 256 << 10

	// plenty is the free space from which a full disk is not near.
	plenty = 8 << 30
	// scarce is the free space below which it is: then the reserve is all that is
	// between a child that begins to print and lines that are dropped.
	scarce = 256 << 20
	// closely is how often the keeper looks then.
	closely = 2 * time.Millisecond

	// probeFor is for how long a child that has printed is taken to be busy, and
	// probePause how often the disk is tried for one that is not.
	probeFor   = 10 * time.Minute
	probePause = time.Minute
)

// pauseFor is how long the keeper may look away. An idle child uses up nothing
// of its reserve, whoever fills the disk, and one that prints can only outrun
// the reserve once the disk is full; so it depends on how near that is. With
// plenty of space an idle child costs a wake-up every five seconds; where there is
// hardly any, it is looked after as closely as one that prints, for it may begin to.
func pauseFor(free int64, grew, stopped bool) time.Duration {
	least, most := 200*time.Millisecond, 5*time.Second
	if grew {
		least, most = closely, 250*time.Millisecond
	}
	if stopped {
		return 100 * time.Millisecond
	}
	if free < scarce {
		return closely
	}
	if free >= plenty {
		return most
	}
	return max(least, time.Duration(float64(most)*float64(free)/plenty))
}

// FreeSpace is how many bytes the user may still write on the disk of a file or
// directory. The error is EROFS if the disk is read-only.
func FreeSpace(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("free space: %w", err)
	}
	defer f.Close()
	return freeSpace(f)
}
