package hook

import "golang.org/x/sys/unix"

// beginning is not known: macOS has no file that says it.
func beginning(int) uint64 { return 0 }

// caller is not known, as its beginning is not.
func caller() int { return 0 }

// freeBytes is the room on a directory's disk.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil // #nosec G115 -- no disk has that many
}
