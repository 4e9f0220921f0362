package shim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// fakeDisk stands in for the disk below a keeper, and for the child above it.
type fakeDisk struct {
	*keeper
	t         *testing.T
	allocErr  error
	probeErr  error
	spaceErr  error
	freeSpace int64
	unread    int64 // more than the journal's file takes
	allocated [][2]int64
	signals   []unix.Signal
	told      []State
}

func newFakeDisk(t *testing.T) *fakeDisk {
	d := &fakeDisk{t: t, freeSpace: 100 << 30}
	open := func(name string) *os.File {
		f, err := openPrivate(filepath.Join(t.TempDir(), name), os.O_RDWR|os.O_APPEND)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	d.keeper = &keeper{
		journal: open(JournalName), stderr: open(StderrName), probe: open(draftName),
		signal: func(sig unix.Signal) error {
			d.signals = append(d.signals, sig)
			return nil
		},
		log:  func(text string) { t.Log(text) },
		tell: func(s State) { d.told = append(d.told, s) },
	}
	d.disk = disk{allocate: d.alloc, measure: d.measureFile, space: func(*os.File) (int64, error) { return d.freeSpace, d.spaceErr }}
	return d
}

func (d *fakeDisk) alloc(f *os.File, from, n int64) error {
	if f == d.probe {
		return d.probeErr
	}
	if d.allocErr == nil {
		d.allocated = append(d.allocated, [2]int64{from, n})
	}
	return d.allocErr
}

// measureFile says that a journal takes its reserve and what is unread.
func (d *fakeDisk) measureFile(f *os.File) (extent, error) {
	e, err := measure(f)
	if f == d.journal {
		e.allocated = d.unread + max(0, d.reserved-e.size)
	}
	return e, err
}

func (d *fakeDisk) wantTold(want ...State) {
	d.t.Helper()
	if diff := cmp.Diff(want, d.told); diff != "" {
		d.t.Error(diff)
	}
}

func (d *fakeDisk) lookAgain() time.Duration {
	d.t.Helper()
	pause, err := d.look()
	if err != nil {
		d.t.Fatal(err)
	}
	return pause
}

// grow makes the journal longer.
func (d *fakeDisk) grow(by int64) {
	d.t.Helper()
	size, err := fileSize(d.journal)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.journal.Truncate(size + by); err != nil {
		d.t.Fatal(err)
	}
}

func (d *fakeDisk) wantSignals(want ...unix.Signal) {
	d.t.Helper()
	if diff := cmp.Diff(want, d.signals); diff != "" {
		d.t.Error(diff)
	}
}

func TestKeeperRenewsTheReserve(t *testing.T) {
	t.Parallel()
	d := newFakeDisk(t)
	d.lookAgain()
	d.grow(1 << 20)
	d.lookAgain() // enough is left
	d.grow(4 << 20)
	d.lookAgain()
	d.lookAgain()
	want := [][2]int64{{0, 16 << 20}, {5 << 20, 16 << 20}}
	if diff := cmp.Diff(want, d.allocated); diff != "" {
		t.Error(diff)
	}
	d.wantSignals()
}

func TestKeeperStopsTheChild(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS, unix.EFBIG} {
		t.Run(refusal.Error(), func(t *testing.T) {
			t.Parallel()
			d := newFakeDisk(t)
			d.lookAgain()
			d.allocErr = refusal
			d.lookAgain() // the reserve is whole: nothing to do
			d.wantSignals()
			d.grow(5 << 20)
			d.lookAgain()
			d.wantSignals(unix.SIGSTOP)
			if pause := d.lookAgain(); pause > time.Second {
				t.Errorf("a stopped child is looked at every %v", pause)
			}
			d.wantSignals(unix.SIGSTOP, unix.SIGSTOP) // somebody might have let it go on
			d.allocErr = nil
			d.lookAgain()
			d.lookAgain()
			d.wantSignals(unix.SIGSTOP, unix.SIGSTOP, unix.SIGCONT)
			d.wantTold(State{Held: HeldDisk, Text: refusal.Error()}, State{})
		})
	}
}

// TestKeeperSeesADeadDisk: the disk has room, and takes nothing all the same. Its
// reserve would last for a while, but nothing can be written there.
func TestKeeperSeesADeadDisk(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*fakeDisk, error){
		"mounted read-only":  func(d *fakeDisk, err error) { d.spaceErr = err },
		"refuses all writes": func(d *fakeDisk, err error) { d.probeErr = err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFakeDisk(t)
			d.grow(1)
			d.lookAgain()
			d.wantSignals()
			breakIt(d, unix.EROFS)
			d.lookAgain()
			d.wantSignals(unix.SIGSTOP)
			breakIt(d, nil)
			d.lookAgain()
			d.wantSignals(unix.SIGSTOP, unix.SIGCONT)
			d.wantTold(State{Held: HeldDisk, Text: "read-only file system"}, State{})
		})
	}
}

// TestKeeperTriesTheDiskRarely for a child that is idle, and always for one that
// waits for the disk, however long that takes.
func TestKeeperTriesTheDiskRarely(t *testing.T) {
	t.Parallel()
	d := newFakeDisk(t)
	d.grow(1)
	d.lookAgain()
	long := time.Now().Add(-2 * probeFor)
	d.printed, d.probeErr = long, unix.EROFS
	d.lookAgain()
	d.wantSignals()
	d.tried = time.Now().Add(-2 * probePause)
	d.lookAgain()
	d.wantSignals(unix.SIGSTOP)
	d.lookAgain()
	d.wantSignals(unix.SIGSTOP, unix.SIGSTOP)
	d.probeErr = nil
	d.lookAgain()
	d.wantSignals(unix.SIGSTOP, unix.SIGSTOP, unix.SIGCONT)
}

// TestKeeperLeavesRoom: a child that waits does not take the first bytes that
// become free. The daemon needs them to take in what was printed.
func TestKeeperLeavesRoom(t *testing.T) {
	t.Parallel()
	d := newFakeDisk(t)
	d.lookAgain()
	d.allocErr = unix.ENOSPC
	d.grow(5 << 20)
	d.lookAgain()
	d.allocErr, d.freeSpace = nil, Reserve-1
	d.lookAgain()
	d.wantSignals(unix.SIGSTOP, unix.SIGSTOP)
	d.freeSpace = Reserve
	d.lookAgain()
	d.wantSignals(unix.SIGSTOP, unix.SIGSTOP, unix.SIGCONT)
}

// TestKeeperBoundsTheJournal: at the bound the child waits until a quarter of what
// it has printed was read.
func TestKeeperBoundsTheJournal(t *testing.T) {
	t.Parallel()
	d := newFakeDisk(t)
	d.most = 100 << 20
	look := func(size, unread int64) {
		t.Helper()
		if err := d.journal.Truncate(size); err != nil {
			t.Fatal(err)
		}
		d.unread = unread
		d.lookAgain()
	}
	look(1, 200<<20) // what the file system allocates beside has not been printed
	look(99<<20, 99<<20)
	d.wantSignals()
	look(100<<20, 100<<20)
	d.wantSignals(unix.SIGSTOP)
	look(100<<20, 76<<20)
	d.wantSignals(unix.SIGSTOP, unix.SIGSTOP)
	look(100<<20, 75<<20)
	look(110<<20, 99<<20)
	d.wantSignals(unix.SIGSTOP, unix.SIGSTOP, unix.SIGCONT)
	d.wantTold(State{Held: HeldJournal}, State{})
}

// TestKeeperWithoutAllocation: a file system that cannot allocate is watched for
// its free space.
func TestKeeperWithoutAllocation(t *testing.T) {
	t.Parallel()
	d := newFakeDisk(t)
	d.allocErr = unix.EOPNOTSUPP
	d.lookAgain()
	d.wantSignals()
	d.freeSpace = Reserve - 1
	d.lookAgain()
	d.wantSignals(unix.SIGSTOP)
	d.freeSpace = Reserve
	d.lookAgain()
	d.wantSignals(unix.SIGSTOP, unix.SIGCONT)
}

func TestKeeperTellsWhatItCannotDo(t *testing.T) {
	t.Parallel()
	d := newFakeDisk(t)
	d.allocErr = unix.ENOSPC
	d.signal = func(unix.Signal) error { return unix.EPERM }
	if _, err := d.look(); !errors.Is(err, unix.EPERM) || d.state.Held != "" {
		t.Errorf("a child that cannot be stopped: %v, %v", err, d.state)
	}
	d.signal = func(unix.Signal) error { return ErrExited }
	if _, err := d.look(); err != nil {
		t.Errorf("a child that has exited: %v", err)
	}
}

func TestKeeperTrimsStderr(t *testing.T) {
	t.Parallel()
	d := newFakeDisk(t)
	var text strings.Builder
	for i := range 60 {
		fmt.Fprintf(&text, "%s %d\n", strings.Repeat("x", 100_000), i)
		if _, err := d.stderr.WriteString(text.String()[max(0, text.Len()-100_004):]); err != nil {
			t.Fatal(err)
		}
		d.lookAgain()
	}
	if err := d.stderr.Sync(); err != nil {
		t.Fatal(err)
	}
	if blocks := blocksOf(t, d.stderr.Name()); blocks*512 > stderrMost+stderrKeep {
		t.Errorf("%d bytes of standard error are on the disk", blocks*512)
	}
	if tail := stderrTail(d.stderr); !strings.HasSuffix(tail, "x 59\n") || len(tail) > tailSize {
		t.Errorf("%d bytes of tail", len(tail))
	}
}

// TestPause: what idle sessions cost is next to nothing while the disk is not
// nearly full; a busy child is looked at more often the less room there is.
func TestPause(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		free          int64
		grew, stopped bool
		want          time.Duration
	}{
		{100 << 30, false, false, 5 * time.Second},
		{100 << 30, true, false, 250 * time.Millisecond},
		{4 << 30, false, false, 2500 * time.Millisecond},
		{4 << 30, true, false, 125 * time.Millisecond},
		{256 << 20, false, false, 200 * time.Millisecond},
		{256<<20 - 1, false, false, 2 * time.Millisecond}, // it may begin to print
		{0, false, false, 2 * time.Millisecond},
		{0, true, false, 2 * time.Millisecond},
		{0, true, true, 100 * time.Millisecond},
		{100 << 30, false, true, 100 * time.Millisecond},
	} {
		if got := pauseFor(tc.free, tc.grew, tc.stopped); got != tc.want {
			t.Errorf("free %d, grew %v, stopped %v: %v, not %v", tc.free, tc.grew, tc.stopped, got, tc.want)
		}
	}
}
