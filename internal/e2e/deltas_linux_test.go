package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestCrashAmongDeltas kills the daemon when it has read so many deltas, and
// nothing else, that it has given a part of the journal back to the disk: the
// next one does not miss them.
func TestCrashAmongDeltas(t *testing.T) {
	t.Parallel()
	const size = 6 << 20
	dir := t.TempDir()
	deltas, gate, claude := filepath.Join(dir, "deltas"), filepath.Join(dir, "gate"), filepath.Join(dir, "claude")
	delta := `{"type":"stream_event","event":{"type":"content_block_delta","delta":{"type":"text_delta","text":"` + strings.Repeat("x", 1000) + `"}}}` + "\n"
	if err := os.WriteFile(deltas, []byte(strings.Repeat(delta, size/len(delta))), 0o600); err != nil {
		t.Fatal(err)
	}
	program.Write(t, claude, "#!/bin/sh\n[ \"$1\" = --version ] && echo 2.1.329 && exit\nread -r prompt\n"+
		`echo '{"type":"system","subtype":"init","model":"m"}'`+"\ncat "+deltas+"\nuntil [ -e "+gate+" ]; do sleep 0.05; done\n"+
		`echo '{"type":"result","subtype":"success","is_error":false,"result":"the end"}'`+"\n")
	w := newWorld(t)
	w.cfg.Claude = claude
	s := serve(t, w)
	id := s.launch(s.prompt("go"))
	journal := keepOpenFile(t, s, id)
	if !poll(func() bool { at, err := unix.Seek(journal, 0, unix.SEEK_DATA); return err == nil && at > 0 }) {
		t.Fatal("nothing of the journal is given back")
	}
	s.killDaemon()
	s.launchDaemon()
	touch(t, gate)
	if ses := s.until(id, final...); ses.Status != api.StatusCompleted || ses.Result != "the end" {
		t.Errorf("session: %+v\n%s", ses, s.dump(id))
	}
}

// keepOpenFile opens a session's journal once it is there, and returns its descriptor.
func keepOpenFile(t *testing.T, s *served, id string) int {
	t.Helper()
	s.until(id, api.StatusRunning)
	f, err := os.Open(filepath.Join(s.cfg.StateDir, "sessions", id, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return int(f.Fd())
}
