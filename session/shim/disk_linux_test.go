package shim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of a few MiB, where that is permitted.
func smallDisk(t *testing.T, mebibytes int) string {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", mebibytes)); err != nil {
		t.Skipf("a small disk cannot be mounted here (%v); the keeper's other tests use a fake one", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk: a child that prints more than the disk holds is stopped, and goes
// on when what was read is given back; not a byte is missing.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	const count, length = 100_000, 799 // 80 MB
	dir := filepath.Join(smallDisk(t, 48), "session")
	h := startIn(t, dir, specOf(t, "slowlines", fmt.Sprint(count), fmt.Sprint(length)))
	path := filepath.Join(dir, JournalName)
	j, err := OpenJournal(newTestWatcher(t), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	eventually(t, "the child is stopped", func() bool { return stateOf(h.started.PID) == "T" })
	for got := 0; got < count; {
		lines, err := j.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if want := numbered(got, length); string(l.Bytes)+"\n" != string(want) {
				t.Fatalf("line %d: %q", got, l.Bytes)
			}
			got++
		}
		if err := PunchHole(path, lines[len(lines)-1].End); err != nil {
			t.Fatal(err)
		}
	}
	if e := h.exit(); e.ExitCode == nil || *e.ExitCode != 0 {
		t.Errorf("exit %+v", e)
	}
}

// TestFullDiskAtTheBeginning: nothing is started without the reserve, and that
// is said even though the disk is full.
func TestFullDiskAtTheBeginning(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(smallDisk(t, 8), "session")
	_, _, err := Start(testContext(t), executable(t), dir, specOf(t, "exit", "0"))
	if _, typed := errors.AsType[*StartError](err); !typed || !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("Start: %T %v", err, err)
	}
	if e, err := ReadExit(dir); err != nil || e.Error == "" {
		t.Errorf("exit record %+v, %v", e, err)
	}
}

// TestReserveIsGivenBack: a journal takes no more room than its lines once the
// child is gone.
func TestReserveIsGivenBack(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	h.writeLine("hello")
	h.awaitJournal("hello\n")
	path := filepath.Join(h.dir, JournalName)
	if blocks := blocksOf(t, path); blocks*512 < Reserve-reserveStep {
		t.Errorf("%d bytes are kept", blocks*512)
	}
	h.closeInput()
	h.exit()
	if blocks := blocksOf(t, path); blocks*512 > 64<<10 {
		t.Errorf("%d bytes are still kept", blocks*512)
	}
}

// TestShimIsSmall: what a shim holds of its own, besides the program's text.
func TestShimIsSmall(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	h.writeLine(strings.Repeat("x", 32<<20)) // a prompt with images
	h.writeLine("small")
	h.awaitJournal("small\n")
	limit := 16 << 10
	if raceEnabled {
		limit *= 8
	}
	eventually(t, "its memory is small", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.started.ShimPID))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(status), "RssAnon:")
		var kib int
		if _, err := fmt.Sscan(rest, &kib); err != nil {
			t.Fatal(err)
		}
		return kib < limit
	})
}
