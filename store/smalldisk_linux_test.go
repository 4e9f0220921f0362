package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOnASmallDisk fills a real file system of a few megabytes, and makes room
// on it again.
func TestOnASmallDisk(t *testing.T) {
	t.Parallel()
	if !inChild(t, func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		trial := exec.CommandContext(t.Context(), "true")
		trial.SysProcAttr = cmd.SysProcAttr
		if err := trial.Run(); err != nil {
			t.Skipf("no mount namespace to be had: %v", err)
		}
	}) {
		return
	}
	dir := t.TempDir()
	if err := errors.Join(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""),
		syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m,mode=0700")); err != nil {
		t.Skipf("no file system can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	path, filler := filepath.Join(dir, "db"), filepath.Join(dir, "filler")
	s := openAt(t, path, Options{})
	all, stop := feeders(t, s, 3, 10*time.Millisecond)
	progress(t, all)
	for range 3 {
		fill(t, filler)
		eventually(t, "the problem is told", func() bool { return errors.Is(s.Problem(), ErrFull) })
		if err := s.Problem(); err != nil && !strings.Contains(err.Error(), "make room") {
			t.Errorf("problem: %v", err)
		}
		checkReadable(t, s, all)
		if err := s.Backup(t.Context(), filepath.Join(dir, "backup"), nil); !errors.Is(err, ErrFull) {
			t.Errorf("backup: %v", err)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(names(t, dir), " "); got != "db db-shm db-wal" {
			t.Errorf("there is %s", got)
		}
		progress(t, all)
		eventually(t, "the problem is over", func() bool { return s.Problem() == nil })
	}
	fill(t, filler)
	eventually(t, "commits fail", func() bool { return errors.Is(all[0].err(), ErrFull) })
	stop()
	checkFed(t, s, all)
	if err := s.Close(); err != nil { // with no room to fold the log in
		t.Error(err)
	}
	readOnly(t, dir, path)
	s = openAt(t, path, Options{})
	checkFed(t, s, all)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	commit(t, s, &Batch{Events: []Event{lineEvent(all[0].row.N, numbered(0, int(all[0].taken.Load())))}})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := Check(t.Context(), path); err != nil {
		t.Error(err)
	}
}

// readOnly tries to open the database on a file system that cannot be written.
func readOnly(t *testing.T, dir, path string) {
	t.Helper()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, Options{})
	if err == nil {
		err = s.Close()
	}
	if !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "make it writable") {
		t.Errorf("read-only: %v", err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=32m"); err != nil {
		t.Fatal(err)
	}
}

// fill writes a file until there is no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for len(block) > 0 {
		if _, err = f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
