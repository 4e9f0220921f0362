package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

const (
	// firstHandedOver is the descriptor of the first file that a service manager
	// hands over, see sd_listen_fds(3).
	firstHandedOver = 3
	// mostHandedOver is how many are looked at: the daemon wants one, and refuses others.
	mostHandedOver = 16
)

// handedOver are the files that a service manager has handed to this process, and
// nobody's beyond it: descriptors are closed, and the variables gone, where it
// starts another. The library that does this has the program know TLS, which is
// a twentieth of it.
func handedOver() []*os.File {
	defer func() {
		for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
			_ = os.Unsetenv(name) // it can be unset
		}
	}()
	if pid, err := strconv.Atoi(os.Getenv("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return nil
	}
	var files []*os.File
	for fd := firstHandedOver; fd < firstHandedOver+min(n, mostHandedOver); fd++ {
		syscall.CloseOnExec(fd)
		files = append(files, os.NewFile(uintptr(fd), fmt.Sprintf("LISTEN_FD_%d", fd)))
	}
	return files
}
