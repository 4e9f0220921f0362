package daemon

import (
	"bufio"
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// giveBackProgram has the process hold nothing of its program: code and constants that
// the start or the work before has needed, and rest does not. They stay in the kernel's
// cache, which may now use their memory for something else; what is needed again is
// mapped again from there, in microseconds. What cannot be read or given back is held
// as before.
func giveBackProgram() {
	if program, err := os.Readlink("/proc/self/exe"); err == nil {
		giveBackFile(program)
	}
}

// giveBackFile is giveBackProgram for any file that stays mapped where it is meanwhile:
// if it did not, what came in its place would be lost.
func giveBackFile(path string) {
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer smaps.Close()
	suffix := []byte(" " + path)
	var from, to uintptr
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		first, rest, _ := bytes.Cut(lines.Bytes(), []byte(" "))
		switch {
		// The line that begins a mapping; only those of this process alone are looked for.
		//	00403000-00a94000 r-xp 00003000 fe:00 1234    /usr/bin/sessiond
		case !bytes.HasSuffix(first, []byte(":")):
			from, to = 0, 0
			if bytes.HasSuffix(rest, suffix) && rest[1] == '-' && rest[3] == 'p' {
				_, _ = fmt.Sscanf(string(first), "%x-%x", &from, &to)
			}
		// A page that was written to before it was protected, as the linker does it, is
		// in no file: with one of them, a mapping is left alone.
		case to != 0 && bytes.Equal(first, []byte("Anonymous:")) && bytes.Equal(bytes.TrimSpace(rest), []byte("0 kB")):
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
