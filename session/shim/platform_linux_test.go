package shim

import "golang.org/x/sys/unix"

const isLinux = true

func pipeSizeOf(fd int) int {
	n, _ := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
	return n
}

func readParent(pid int) (int, error) {
	p, err := readProcess(pid)
	return p.parent, err
}
