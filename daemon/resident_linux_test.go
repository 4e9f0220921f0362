package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestProgramIsGivenBack maps files as programs are mapped: what can be read from the
// file again is not held any more, what was written to before it was protected is, and
// another file; and all of it is what it was.
func TestProgramIsGivenBack(t *testing.T) {
	t.Parallel()
	const size = 64 << 10
	content := bytes.Repeat([]byte("constant"), size/8)
	path := filepath.Join(t.TempDir(), "a program")
	mapped := func(path string, protection int) []byte {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		memory, err := unix.Mmap(int(file.Fd()), 0, size, protection, unix.MAP_PRIVATE)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Munmap(memory) })
		return memory
	}
	read, other := mapped(path, unix.PROT_READ), mapped(path+".so", unix.PROT_READ)
	writable, relocated := mapped(path, unix.PROT_READ|unix.PROT_WRITE), mapped(path, unix.PROT_READ|unix.PROT_WRITE)
	copy(relocated, "relocate")
	if err := unix.Mprotect(relocated, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	copy(writable, "variable")
	for _, mapping := range [][]byte{read, other} {
		if !bytes.Equal(mapping, content) || resides(t, mapping) != size {
			t.Fatalf("%d bytes are held of a file of %d that was read", resides(t, mapping), size)
		}
	}

	giveBackFile(path)

	if n := resides(t, read); n != 0 {
		t.Errorf("%d bytes are held of what can be read again", n)
	}
	if n := resides(t, other); n != size {
		t.Errorf("%d bytes are held of another file of %d", n, size)
	}
	if !bytes.Equal(read, content) {
		t.Error("what was given back is not what the file has")
	}
	if string(relocated[:8]) != "relocate" || !bytes.Equal(relocated[8:], content[8:]) {
		t.Errorf("what was written before it was protected is now %q", relocated[:8])
	}
	if string(writable[:8]) != "variable" || !bytes.Equal(writable[8:], content[8:]) {
		t.Errorf("what can be written is now %q", writable[:8])
	}
}

// resides is how many bytes of a mapping are in memory.
func resides(t *testing.T, mapping []byte) int {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	begin := strconv.FormatUint(uint64(uintptr(unsafe.Pointer(&mapping[0]))), 16)
	found := regexp.MustCompile(`(?m)^0*` + begin + `-(?:.*\n)+?Rss: +(\d+) kB`).FindSubmatch(smaps)
	if found == nil {
		t.Fatalf("no mapping begins at %s:\n%s", begin, smaps)
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// TestThisProgramIsGivenBack: it is found among what is mapped, and goes on.
func TestThisProgramIsGivenBack(t *testing.T) {
	t.Parallel()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(mapped, []byte(" "+program+"\n")) {
		t.Errorf("%s is not among what is mapped:\n%s", program, mapped)
	}
	giveBackProgram() // and goes on
}
