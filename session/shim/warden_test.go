package shim

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// orphan is a child that waits, and whose shim was killed.
func orphan(t *testing.T) (*held, Started) {
	t.Helper()
	h := start(t, "sleep")
	h.awaitJournal("ready\n")
	st := h.Started()
	t.Cleanup(func() { _ = st.Signal(unix.SIGKILL) })
	if err := unix.Kill(st.ShimPID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.waitDone()
	return h, st
}

// keepIt looks after an orphan on a disk that can be broken.
func keepIt(t *testing.T, dir string, st Started) *Warden {
	t.Helper()
	w, err := keepOrphan(dir, st, 0, func(text string) { t.Log(text) }, brokenDisk(dir))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func closeWarden(t *testing.T, w *Warden) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestWarden: a child without a shim is stopped while the disk takes nothing, and
// stays so when its warden goes; the next one lets it go on, when it may.
func TestWarden(t *testing.T) {
	t.Parallel()
	for _, errno := range refusals {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			h, st := orphan(t)
			w := keepIt(t, h.dir, st)
			breakDisk(t, h.dir, map[string]syscall.Errno{"space": errno})
			stopped := func() bool { return stateOf(st.PID) == "T" }
			eventually(t, "the child is stopped", stopped)
			eventually(t, "the warden says so", func() bool { return w.State() == State{Held: HeldDisk, Text: errno.Error()} })
			closeWarden(t, w)
			w = keepIt(t, h.dir, st)
			eventually(t, "the next warden says so", func() bool { return w.State().Held == HeldDisk })
			if !stopped() {
				t.Error("it was let go on before there was room")
			}
			closeWarden(t, w)
			if !stopped() {
				t.Error("it was let go on with nobody to look after it")
			}
			breakDisk(t, h.dir, nil)
			w = keepIt(t, h.dir, st) // this one has not stopped it
			defer closeWarden(t, w)
			eventually(t, "the child goes on", func() bool { return !stopped() })
		})
	}
}

// TestWardenKeepsRoom: the room behind the journal's end is kept for an orphan as
// for any other child.
func TestWardenKeepsRoom(t *testing.T) {
	t.Parallel()
	h, st := orphan(t)
	journal := filepath.Join(h.dir, JournalName)
	if err := os.Truncate(journal, int64(len("ready\n"))); err != nil { // what the shim had kept
		t.Fatal(err)
	}
	breakDisk(t, h.dir, map[string]syscall.Errno{"allocate " + journal: unix.ENOSPC})
	w := keepIt(t, h.dir, st)
	defer closeWarden(t, w)
	eventually(t, "the child is stopped", func() bool { return stateOf(st.PID) == "T" })
	breakDisk(t, h.dir, nil)
	eventually(t, "the child goes on", func() bool { return stateOf(st.PID) == "S" && w.State() == State{} })
	if blocks := blocksOf(t, journal); blocks*512 < Reserve {
		t.Errorf("%d bytes are kept", blocks*512)
	}
}

// TestWardenLeavesOthersAlone: a process that has got the pid of the child since
// is not stopped.
func TestWardenLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Started){
		"another start": func(st *Started) { st.StartTime++ },
		"another boot":  func(st *Started) { st.BootID = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, st := orphan(t)
			change(&st)
			breakDisk(t, h.dir, map[string]syscall.Errno{"space": unix.ENOSPC})
			w := keepIt(t, h.dir, st)
			defer closeWarden(t, w)
			eventually(t, "the warden has acted", func() bool { return w.State().Held == HeldDisk })
			if got := stateOf(st.PID); got == "T" {
				t.Error("another process was stopped")
			}
		})
	}
}

// TestTerminateStandingStill: an orphan that stands still can be ended politely.
func TestTerminateStandingStill(t *testing.T) {
	t.Parallel()
	h, st := orphan(t)
	breakDisk(t, h.dir, map[string]syscall.Errno{"space": unix.ENOSPC})
	w := keepIt(t, h.dir, st)
	defer closeWarden(t, w)
	eventually(t, "the child is stopped", func() bool { return stateOf(st.PID) == "T" })
	if err := st.Terminate(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is gone", func() bool { return !st.Alive() })
}
