package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// TestOrphansOnFullDisk is TestFullDisk for processes whose shims were killed:
// the daemon has them stand still, leaves them so when it is killed, and the next
// one lets them go on. Not a line is missing.
func TestOrphansOnFullDisk(t *testing.T) {
	t.Parallel()
	const lines, size = 300, 80_000 // more than is kept for a child on a full disk
	for _, kind := range diskKinds {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, daemon killed: %v", kind, killed), func(t *testing.T) {
				t.Parallel()
				disk := mountDisk(t, kind, 256)
				s := serveOn(t, disk)
				prompt := fmt.Sprintf("%s\nemit: %d %d 250", s.gate("print"), lines, size) // 20 MB/s: what is kept lasts 0.8 s, for who looks shares this process with all tests
				ids := []string{s.launch(s.prompt(prompt)), s.launch(s.prompt(prompt))}
				for _, id := range ids {
					s.reached(id, "print", 0)
					s.killShim(id)
				}
				for _, id := range ids {
					s.kept(id)
				}
				disk.fill()
				s.open("print")
				s.degraded("2 sessions are paused", "no space left on device", "free at least 32 MiB")
				for _, id := range ids {
					state, err := s.GetSessionState(s.ctx, api.SessionParams{SessionID: id})
					if err != nil || state.Session.Paused == "" || state.Session.Status.Final() {
						t.Errorf("session: %+v, %v", state.Session, err)
					}
				}
				if killed {
					s.killDaemon()
					s.restartOnFullDisk(disk)
				} else {
					disk.free()
				}
				for _, id := range ids {
					ses, reasons := s.until(id, final...), s.reasons(id)
					if ses.Status != api.StatusFailed || reasons[len(reasons)-1] != "exit_unknown" || ses.Paused != "" {
						t.Errorf("session: %+v, %v", ses, reasons)
					}
					s.wantLines(id, lines)
				}
				s.well()
			})
		}
	}
}

// kept waits until the daemon looks after a process whose shim was killed, whose files it
// has open for that: what is printed before may be more than there is room for.
func (s *served) kept(id string) {
	s.t.Helper()
	stderr, err := os.Stat(filepath.Join(s.dir(id), shim.StderrName))
	if err != nil {
		s.t.Fatal(err)
	}
	if !poll(func() bool {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.daemon.Process.Pid))
		return err == nil && slices.ContainsFunc(files, func(file string) bool {
			open, err := os.Stat(file)
			return err == nil && os.SameFile(open, stderr)
		})
	}) {
		s.t.Fatal("nobody looks after the process")
	}
}

// TestStoppedOrphanIsContinued: a daemon continues an orphan that one before it
// has left stopped, also where the disk has been well for long.
func TestStoppedOrphanIsContinued(t *testing.T) {
	t.Parallel()
	l := loseDaemon(t)
	l.killShim(l.id)
	l.must(syscall.Kill(-l.was.PID, syscall.SIGSTOP))
	touch(t, l.gate)
	l.start()
	l.check(end{api.StatusFailed, "exit_unknown", "how it ended is not known"})
}
