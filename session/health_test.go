package session

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/sessiond/sessiond/session/shim"
)

// TestLookThatHangs: whoever asks is answered in a moment, with what was seen
// before, and however many ask, there is one look at a time.
func TestLookThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		m := &Manager{ctx: ctx, stop: stop}
		defer m.wg.Wait()
		defer stop()
		var l look[int]
		var looked atomic.Int32
		see := func(answer int, err error, after <-chan struct{}) func(context.Context) (int, error) {
			return func(context.Context) (int, error) {
				looked.Add(1)
				if after != nil {
					<-after
				}
				return answer, err
			}
		}
		expect := func(see func(context.Context) (int, error), answer int, err error, times int32) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), healthPatience)
			defer cancel()
			got, gotErr := l.begin(m, see)(ctx)
			if got != answer || !errors.Is(gotErr, err) || (err == nil) != (gotErr == nil) || looked.Load() != times {
				t.Errorf("%d, %v after %d looks; want %d, %v after %d", got, gotErr, looked.Load(), answer, err, times)
			}
		}
		expect(see(1, nil, nil), 1, nil, 1)
		mended := make(chan struct{})
		hangs := see(2, nil, mended)
		expect(hangs, 1, errNoAnswer, 2)
		expect(hangs, 1, errNoAnswer, 2) // the one under way
		close(mended)
		synctest.Wait()
		expect(see(3, nil, nil), 3, nil, 3)
		expect(see(0, syscall.EIO, nil), 3, syscall.EIO, 4)
	})
}

// TestAway: the state directory is known by what it is, not by its name.
func TestAway(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	home, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{cfg: Config{StateDir: dir}, home: home}
	for _, step := range []struct {
		what string
		do   func() error
		away bool
	}{
		{"in its place", func() error { return nil }, false},
		{"moved", func() error { return os.Rename(dir, dir+".away") }, true},
		{"another in its place", func() error { return os.Mkdir(dir, 0o700) }, true},
		{"a file in its place", func() error { return errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600)) }, true},
		{"back", func() error { return errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)) }, false},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if err := m.away(); (err != nil) != step.away || err != nil && (!errors.Is(err, errAway) || !strings.Contains(err.Error(), dir)) {
			t.Errorf("%s: %v", step.what, err)
		}
	}
}

// TestProblemsNameCulpritAndNextStep is what health says of disks and pauses.
func TestProblemsNameCulpritAndNextStep(t *testing.T) {
	t.Parallel()
	m := &Manager{cfg: Config{StateDir: "/var/state"}}
	paused := func(state shim.State) string { return pauseText(state) + "; " + m.pauseRemedy(state) }
	disk := func(free int64, err error) string { return strings.Join(m.diskProblems(free, err), "\n") }
	for _, tc := range []struct {
		got  string
		want []string
	}{
		{disk(roomOfSession, nil), nil},
		{disk(roomOfSession-1, nil), []string{"/var/state", "has 32 MiB left", "needs 32 MiB", "make room"}},
		{disk(0, nil), []string{"has 0 B left"}},
		{disk(0, syscall.EROFS), []string{"/var/state", "read-only", "make it writable"}},
		{disk(0, syscall.EIO), []string{"/var/state", "input/output error", "kernel's log"}},
		{disk(0, errNoAnswer), []string{"/var/state", "no answer in 2s"}},
		{paused(shim.State{Held: shim.HeldDisk, Text: syscall.ENOSPC.Error()}), []string{"no space left", "free at least 32 MiB", "/var/state", "goes on by itself"}},
		{paused(shim.State{Held: shim.HeldDisk, Text: syscall.EDQUOT.Error()}), []string{"quota exceeded", "free at least 32 MiB of the quota", "/var/state"}},
		{paused(shim.State{Held: shim.HeldDisk, Text: syscall.EROFS.Error()}), []string{"read-only", "make the disk of /var/state writable"}},
		{paused(shim.State{Held: shim.HeldExit, Text: syscall.EIO.Error()}), []string{"has exited", "input/output error", "/var/state"}},
		{paused(shim.State{Held: shim.HeldJournal}), []string{"database is too far behind", "max_journal_bytes"}},
		{paused(shim.State{Held: "something newer", Text: "words"}), []string{"something newer: words"}},
	} {
		if tc.want == nil && tc.got != "" {
			t.Errorf("%q", tc.got)
		}
		for _, want := range tc.want {
			if !strings.Contains(tc.got, want) {
				t.Errorf("%q lacks %q", tc.got, want)
			}
		}
	}
}
