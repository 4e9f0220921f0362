package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
	"github.com/sessiond/sessiond/session/shim"
)

// smallDisk is a file system of its own for a state directory.
type smallDisk struct {
	t   *testing.T
	dir string
}

// diskKinds differ in how they allocate, punch holes, and run out of room.
var diskKinds = []string{"tmpfs", "ext4"}

// mountDisk mounts a small disk, where that is permitted.
func mountDisk(t *testing.T, kind string, mebibytes int) *smallDisk {
	t.Helper()
	d := &smallDisk{t: t, dir: t.TempDir()}
	switch kind {
	case "tmpfs":
		if err := unix.Mount("tmpfs", d.dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", mebibytes)); err != nil {
			t.Skipf("no disk can be mounted here: %v", err)
		}
	case "ext4":
		image := filepath.Join(t.TempDir(), "image")
		script := fmt.Sprintf("truncate -s %dM %[2]s && mkfs.ext4 -q -F -m 0 %[2]s && mount -o loop,errors=remount-ro %[2]s %s", mebibytes, image, d.dir)
		if out, err := exec.Command("/bin/sh", "-c", script).CombinedOutput(); err != nil {
			t.Skipf("no disk can be mounted here: %v: %s", err, out)
		}
	}
	t.Cleanup(func() {
		if err := unix.Unmount(d.dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

// fill takes all the room there is.
func (d *smallDisk) fill() {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.dir, "filler"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	var end int64
	for step := int64(16 << 20); step >= 4<<10; {
		if err := unix.Fallocate(int(f.Fd()), 0, end, step); err == nil {
			end += step
		} else if errors.Is(err, unix.ENOSPC) {
			step /= 2
		} else {
			d.t.Fatal(err)
		}
	}
}

// free gives it back.
func (d *smallDisk) free() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "filler")); err != nil {
		d.t.Fatal(err)
	}
}

// serveOn has a daemon of its own, with its state on a disk.
func serveOn(t *testing.T, d *smallDisk) *served {
	w := newWorld(t)
	w.cfg.StateDir = filepath.Join(d.dir, "state")
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	return serve(t, w)
}

// everyLine waits for a session's end, and wants every line that it has emitted,
// once and in order.
func (w *world) everyLine(id string, lines int) {
	w.t.Helper()
	if ses := w.until(id, final...); ses.Status != api.StatusCompleted || ses.Paused != "" {
		w.t.Errorf("session: %s, %s\n%s", ses.Status, ses.ErrorMessage, w.dump(id))
	}
	w.wantLines(id, lines)
}

// wantLines wants every line that a session has emitted, once and in order.
func (w *world) wantLines(id string, lines int) {
	w.t.Helper()
	got := numbers(w.conversation(api.GetConversationParams{SessionID: id, Limit: ptr(10000)}))
	for i, n := range got {
		if n != i+1 {
			w.t.Fatalf("line %d of %d is %d", i+1, len(got), n)
		}
	}
	if len(got) != lines {
		w.t.Errorf("%d lines, not %d", len(got), lines)
	}
}

// TestFullDisk fills the disk of the state directory while sessions print. They
// are paused, and that is said; whether or not the daemon is killed meanwhile and
// started again: once there is room everything goes on, and not a line is missing.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	const lines, size = 300, 80_000 // more than is kept for a child on a full disk
	for _, kind := range diskKinds {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, daemon killed: %v", kind, killed), func(t *testing.T) {
				t.Parallel()
				disk := mountDisk(t, kind, 256)
				s := serveOn(t, disk)
				prompt := fmt.Sprintf("%s\nemit: %d %d 250", s.gate("print"), lines, size) // 20 MB/s: what is kept lasts 0.8 s, in which the shim is to get its turn
				ids := []string{s.launch(s.prompt(prompt)), s.launch(s.prompt(prompt))}
				for _, id := range ids {
					s.reached(id, "print", 0)
				}
				disk.fill()
				s.open("print")
				s.degraded("2 sessions are paused", "no space left on device", "free at least 32 MiB", "a new session needs 32 MiB", "sessiond.db")
				for _, id := range ids {
					state, err := s.GetSessionState(s.ctx, api.SessionParams{SessionID: id})
					if err != nil || !strings.Contains(state.Session.Paused, "no space left on device") || state.Session.Status.Final() {
						t.Errorf("session: %+v, %v", state.Session, err)
					}
				}
				_, err := s.LaunchSession(s.ctx, s.prompt("say: hi"))
				if refused := new(api.Error); !errors.As(err, &refused) || !strings.Contains(refused.Message, "room") && !strings.Contains(refused.Message, "space") {
					t.Errorf("a launch on a full disk: %v", err)
				}
				if killed {
					s.killDaemon()
					s.restartOnFullDisk(disk)
				} else {
					disk.free()
				}
				for _, id := range ids {
					s.everyLine(id, lines)
				}
				s.well()
			})
		}
	}
}

// restartOnFullDisk starts a daemon where there is no room. It works, and says
// what is wrong, or it does not start, and says why. Then there is room.
func (s *served) restartOnFullDisk(disk *smallDisk) {
	s.t.Helper()
	_ = s.Close()
	s.Client = nil
	said, err := os.Create(filepath.Join(s.t.TempDir(), "said"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer said.Close()
	s.daemon = s.daemonCommand()
	s.daemon.Stderr = said
	if err := s.daemon.Start(); err != nil {
		s.t.Fatal(err)
	}
	var gone bool
	poll(func() bool {
		gone = s.daemonEnded()
		if c, err := client.Dial(s.ctx, s.cfg.Socket); err == nil {
			s.Client = c
		}
		return gone || s.Client != nil
	})
	if gone {
		_ = s.daemon.Wait() // it has failed
		text, err := os.ReadFile(said.Name())
		if err != nil || !bytes.Contains(text, []byte(s.cfg.StateDir)) || !bytes.Contains(text, []byte("no space left")) && !bytes.Contains(text, []byte("no room")) {
			s.t.Errorf("a daemon that cannot start on a full disk says %q, %v", text, err)
		}
		s.t.Logf("the daemon does not start: %s", text)
		disk.free()
		s.launchDaemon()
		return
	}
	s.degraded("2 sessions are paused", "no space left on device")
	disk.free()
}

// daemonEnded tells whether the daemon's process has ended. It is not waited for.
func (s *served) daemonEnded() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, s.daemon.Process.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err != nil || info.Signo != 0
}

// TestExitOnFullDisk: a process exits while there is no room for the record of
// how. It is not lost.
func TestExitOnFullDisk(t *testing.T) {
	t.Parallel()
	for _, kind := range diskKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			disk := mountDisk(t, kind, 96)
			s := serveOn(t, disk)
			id := s.launch(s.prompt(s.gate("exit") + "\nexit: 7"))
			s.reached(id, "exit", 0)
			disk.fill()
			s.open("exit")
			recorded := poll(func() bool {
				if _, err := shim.ReadExit(s.dir(id)); err == nil {
					return true
				}
				_, err := os.Stat(s.dir(id)) // the journal's reserve may have been enough for the rest, too
				return errors.Is(err, os.ErrNotExist)
			})
			if !recorded {
				t.Errorf("the exit record was not written:\n%s", s.dump(id))
			}
			disk.free()
			if ses := s.until(id, final...); ses.ExitCode == nil || *ses.ExitCode != 7 {
				t.Errorf("session: %+v", ses)
			}
			s.well()
		})
	}
}

// TestDeadDisk: the kernel lets nothing more be written, in the middle of things.
// Whether that heals or not, the daemon stays up and says what is wrong, and no
// process runs on into nothing.
func TestDeadDisk(t *testing.T) {
	t.Parallel()
	disk := mountDisk(t, "ext4", 96)
	s := serveOn(t, disk)
	id := s.launch(s.prompt(s.gate("more") + "\nemit: 5 100\n" + s.gate("end")))
	s.reached(id, "more", 0)
	s.open("more")
	s.heard(id, "event 5 of 5")
	if out, err := exec.Command("mount", "-o", "remount,abort", disk.dir).CombinedOutput(); err != nil {
		t.Skipf("the disk cannot be made to fail: %v: %s", err, out)
	}
	s.degraded("session "+id+" is paused", "read-only file system", "make the disk of")
	state, err := s.GetSessionState(s.ctx, api.SessionParams{SessionID: id})
	if err != nil || !strings.Contains(state.Session.Paused, "read-only") {
		t.Errorf("session: %+v, %v", state.Session, err)
	}
	if _, err := s.SendMessage(s.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("more")}); err == nil {
		t.Error("a message was taken that cannot be kept")
	}
	// Nothing will ever be stored again: end what runs without the daemon's help.
	s.killAll(id)
}

// killAll ends a session's processes behind the daemon's back.
func (s *served) killAll(id string) {
	s.t.Helper()
	started, err := shim.ReadStart(s.dir(id))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, pid := range []int{started.PID, started.ShimPID} {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			s.t.Error(err)
		}
	}
}
