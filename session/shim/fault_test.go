package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// faults is the file of a session's directory by which a test breaks the disk
// below a shim: a JSON object of the call that fails, and how. It can be written
// and removed at any time.
const faults = "faults"

// brokenDisk is the real one, as far as the file lets it be.
func brokenDisk(dir string) disk {
	d, good := theDisk(), theDisk()
	fault := func(call string) error {
		data, err := os.ReadFile(filepath.Join(dir, faults))
		if err != nil {
			return nil //nolint:nilerr // no faults
		}
		var all map[string]syscall.Errno
		if err := json.Unmarshal(data, &all); err != nil {
			panic(err)
		}
		if errno := all[call]; errno != 0 {
			return errno
		}
		return nil
	}
	d.open = func(path string, flags int) (*os.File, error) {
		if err := fault("open " + path); err != nil {
			return nil, err
		}
		return good.open(path, flags)
	}
	d.allocate = func(f *os.File, from, n int64) error {
		if err := fault("allocate " + f.Name()); err != nil {
			return err
		}
		return good.allocate(f, from, n)
	}
	d.measure = func(f *os.File) (extent, error) {
		if err := fault("measure " + f.Name()); err != nil {
			return extent{}, err
		}
		return good.measure(f)
	}
	d.space = func(f *os.File) (int64, error) {
		if err := fault("space"); err != nil {
			return 0, err
		}
		return good.space(f)
	}
	d.write = func(f *os.File, data []byte) error {
		if err := fault("write " + f.Name()); err != nil {
			return errors.Join(err, good.write(f, data[:len(data)/2])) // half of it, at that
		}
		return good.write(f, data)
	}
	d.rename = func(from, to string) error {
		if err := fault("rename"); err != nil {
			return err
		}
		return good.rename(from, to)
	}
	return d
}

// breakDisk makes calls fail from now on; none are well again.
func breakDisk(t *testing.T, dir string, calls map[string]syscall.Errno) {
	t.Helper()
	data, err := json.Marshal(calls)
	if err == nil {
		err = errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "f"), data, 0o600),
			os.Rename(filepath.Join(dir, "f"), filepath.Join(dir, faults)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

var refusals = []syscall.Errno{unix.ENOSPC, unix.EDQUOT, unix.EROFS, unix.EIO}

// TestDiskRefusesAtTheStart: whatever the disk refuses at the beginning, nothing
// is started, and it is said why, without delay and by name.
func TestDiskRefusesAtTheStart(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"open exit.tmp", "allocate exit.tmp", "open journal", "open stderr", "allocate journal", "measure journal", "space"} {
		for _, errno := range refusals {
			t.Run(call+": "+errno.Error(), func(t *testing.T) {
				t.Parallel()
				dir, spec := t.TempDir(), specOf(t, "exit", "0")
				breakDisk(t, dir, map[string]syscall.Errno{call: errno, "write exit.tmp": errno})
				_, _, err := Start(testContext(t), executable(t), dir, spec)
				if _, typed := errors.AsType[*StartError](err); !typed || !errors.Is(err, errno) {
					t.Fatalf("Start: %T %v", err, err)
				}
				if _, err := ReadStart(dir); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("start record: %v", err)
				}
				eventually(t, "the lock is free", func() bool {
					locked, err := Locked(spec.LockFile)
					return err == nil && !locked
				})
			})
		}
	}
}

// TestExitRecordInsists: the disk does not take the exit record. The shim waits,
// says so to those who are connected and to those who come, hears no signal, and
// writes it when it can: the exit code is not lost.
func TestExitRecordInsists(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"write exit.tmp", "rename"} {
		for _, errno := range refusals {
			t.Run(call+": "+errno.Error(), func(t *testing.T) {
				t.Parallel()
				h := start(t, "echo")
				breakDisk(t, h.dir, map[string]syscall.Errno{call: errno})
				h.closeInput()
				want := State{Held: HeldExit, Text: errno.Error()}
				eventually(t, "the shim says so", func() bool { return h.State() == want })
				if _, err := ReadExit(h.dir); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("exit record: %v", err)
				}
				late, err := Connect(testContext(t), h.dir)
				if err != nil {
					t.Fatal(err)
				}
				defer late.Close()
				if late.State() != want || late.Started() != h.started {
					t.Errorf("a client that comes late hears %+v, %+v", late.State(), late.Started())
				}
				if err := unix.Kill(h.started.ShimPID, unix.SIGTERM); err != nil {
					t.Fatal(err)
				}
				if err := h.Kill(testContext(t)); !errors.Is(err, ErrExited) {
					t.Errorf("kill: %v", err)
				}
				breakDisk(t, h.dir, nil)
				if e := h.exit(); e.ExitCode == nil || *e.ExitCode != 0 {
					t.Errorf("exit %+v", e)
				}
			})
		}
	}
}

// TestExitRecordWithoutDirectory: nobody will ever look where the record would
// be, so that nobody waits for it.
func TestExitRecordWithoutDirectory(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	if err := os.RemoveAll(h.dir); err != nil {
		t.Fatal(err)
	}
	h.closeInput()
	h.waitDone()
}

// TestHeldChild: the disk refuses room in the middle of things. The child is
// stopped, whoever tries to wake it, and goes on where it was.
func TestHeldChild(t *testing.T) {
	t.Parallel()
	if !isLinux {
		t.Skip("a process's state is looked up in /proc")
	}
	for _, errno := range refusals {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			h := start(t, "echo")
			h.writeLine("one")
			h.awaitJournal("one\n")
			breakDisk(t, h.dir, map[string]syscall.Errno{"space": errno})
			eventually(t, "the shim says so", func() bool { return h.State() == State{Held: HeldDisk, Text: errno.Error()} })
			eventually(t, "the child is stopped", func() bool { return stateOf(h.started.PID) == "T" })
			if err := h.Signal(testContext(t), unix.SIGCONT); err != nil {
				t.Fatal(err)
			}
			h.writeLine("two") // into the pipe
			eventually(t, "the child is stopped again", func() bool { return stateOf(h.started.PID) == "T" })
			breakDisk(t, h.dir, nil)
			h.awaitJournal("one\ntwo\n")
			eventually(t, "the shim says that all is well", func() bool { return h.State() == State{} })
			h.closeInput()
			h.exit()
		})
	}
}

// stateOf is the letter for a process's state.
func stateOf(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return state[:1]
}

// TestEndOfAHeldChild: a child that is stopped for want of disk can be ended, and
// how it ended is told.
func TestEndOfAHeldChild(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	breakDisk(t, h.dir, map[string]syscall.Errno{"space": unix.ENOSPC})
	eventually(t, "the shim says so", func() bool { return h.State().Held == HeldDisk })
	if err := h.Kill(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if e := h.exit(); e.Signal != "SIGKILL" {
		t.Errorf("exit %+v", e)
	}
}

// TestShimLogIsBounded: what a shim has to say takes no more than so much.
func TestShimLogIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), LogName)
	f, err := openPrivate(path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log := &boundedLog{f: f}
	line := []byte(strings.Repeat("x", 99) + "\n")
	for range 10 * logMost / len(line) {
		if _, err := log.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Write([]byte("last words\n")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) > logMost+len(line) || !strings.HasSuffix(string(data), "x\nlast words\n") {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

// TestBadRecords: what is not a record, or not even a file, is told as such, and
// nobody waits for it.
func TestBadRecords(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(path string) error{
		"empty":     func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"garbage":   func(path string) error { return os.WriteFile(path, []byte("\x00\xff{"), 0o600) },
		"half":      func(path string) error { return os.WriteFile(path, []byte(`{"pid":12,"star`), 0o600) },
		"a list":    func(path string) error { return os.WriteFile(path, []byte(`[1]`), 0o600) },
		"huge":      func(path string) error { return os.WriteFile(path, make([]byte, maxRecord+1), 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":      func(path string) error { return os.Symlink("/dev/zero", path) },
		"pipe":      func(path string) error { return unix.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, record := range []string{startName, exitName} {
				if err := put(filepath.Join(dir, record)); err != nil {
					t.Fatal(err)
				}
			}
			_, startErr := ReadStart(dir)
			_, exitErr := ReadExit(dir)
			for _, err := range []error{startErr, exitErr} {
				if _, typed := errors.AsType[*RecordError](err); !typed || !strings.Contains(err.Error(), dir) {
					t.Errorf("%T %v", err, err)
				}
			}
			// A directory that had a child once gets no second one.
			if _, _, err := Start(testContext(t), executable(t), dir, specOf(t, "exit", "0")); !errors.Is(err, ErrStarted) {
				t.Errorf("Start: %v", err)
			}
			if err := SignalOrphan(dir, unix.SIGTERM); err == nil || errors.Is(err, ErrExited) {
				t.Errorf("SignalOrphan: %v", err)
			}
		})
	}
}
