package torture

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of some size for the state of a world. It
// reports false where that is not allowed: there the disk is never filled.
func smallDisk(t testing.TB, w *world, size int) bool {
	t.Helper()
	dir := filepath.Join(w.dir, "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+strconv.Itoa(size)); err != nil {
		t.Logf("no small file system, so the disk is not filled: %v", err)
		return false
	}
	w.daemon.state = filepath.Join(dir, "state")
	w.unmount = func(keep bool) {
		if keep { // what is kept must outlive the mount
			if out, err := exec.Command("cp", "-a", dir, filepath.Join(w.dir, "kept")).CombinedOutput(); err != nil {
				t.Logf("%v: %s", err, out)
			}
		}
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}
	return true
}

// takeAll takes all the room there is on the file system of a file.
func takeAll(f *os.File) {
	info, err := f.Stat()
	if err != nil {
		return
	}
	end := info.Size()
	for step := int64(16 << 20); step >= 4<<10; {
		if unix.Fallocate(int(f.Fd()), 0, end, step) == nil {
			end += step
		} else {
			step /= 2
		}
	}
}
