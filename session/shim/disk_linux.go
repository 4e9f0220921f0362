package shim

import (
	"errors"
	"log"
	"os"

	"golang.org/x/sys/unix"
)

const readOnlyFlag = unix.ST_RDONLY

// allocate reserves blocks for [from, from+n) without changing the file's size.
func allocate(f *os.File, from, n int64) error {
	return retryFallocate(f, unix.FALLOC_FL_KEEP_SIZE, from, n)
}

func punchBlocks(f *os.File, upTo int64) error {
	return retryFallocate(f, unix.FALLOC_FL_KEEP_SIZE|unix.FALLOC_FL_PUNCH_HOLE, 0, upTo)
}

func retryFallocate(f *os.File, mode uint32, from, n int64) error {
	for {
		if err := unix.Fallocate(int(f.Fd()), mode, from, n); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// growPipe makes the pipe as large as it is meant to be. A user without
// privileges has 64 MiB of pipes (fs.pipe-user-pages-soft); beyond that a pipe
// stays small, and only what fits it is safe against the shim's death.
func growPipe(pipe *os.File) {
	raw, err := pipe.SyscallConn()
	if err == nil {
		var setErr error
		err = raw.Control(func(fd uintptr) { _, setErr = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
		err = errors.Join(err, setErr)
	}
	if err != nil {
		log.Printf("the pipe to the child stays small: %v", err)
	}
}

// pipeHolds is how many bytes wait in a pipe.
func pipeHolds(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// nextData is the offset, from off on, of the first byte that was ever written: a
// hole reads as zeros. At the end of the file it is off.
func nextData(f *os.File, off int64) (int64, error) {
	at, err := unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) { // nothing but a hole is left
		info, err := f.Stat()
		if err != nil {
			return off, err
		}
		return max(off, info.Size()), nil
	}
	return at, err
}
