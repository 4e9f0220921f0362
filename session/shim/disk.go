package shim

import (
	"errors"
	"fmt"
	"os"
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

// freeSpace is how many bytes the user may still write on a file's disk.
func freeSpace(f *os.File) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return 0, fmt.Errorf("free space: %w", err)
	}
	return int64(min(fs.Bavail*uint64(fs.Bsize), 1<<62)), nil
}

func noSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

const (
	// reserve is what is kept allocated behind the journal's end.
	reserve = 16 << 20
	// reserveStep is how much of it may be used up before it is renewed.
	reserveStep = 4 << 20

	// stderrMost is how much of standard error keeps its place on the disk
	// before its beginning is given back, and stderrKeep how much then stays.
	stderrMost = 1 << 20
	stderrKeep = 256 << 10

	// plenty is the free space from which a full disk is not near.
	plenty = 8 << 30
)

// pauseFor is how long the keeper may look away. An idle child uses up nothing
// of its reserve, whoever fills the disk, and one that prints can only outrun
// the reserve once the disk is full; so it depends on how near that is. With
// plenty of space an idle child costs a wake-up every five seconds.
func pauseFor(free int64, grew, stopped bool) time.Duration {
	least, most := 200*time.Millisecond, 5*time.Second
	if grew {
		least, most = 5*time.Millisecond, 250*time.Millisecond
	}
	if stopped {
		return 100 * time.Millisecond
	}
	if free >= plenty {
		return most
	}
	return max(least, time.Duration(float64(most)*float64(free)/plenty))
}
