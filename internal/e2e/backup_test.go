package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
)

// whole reads the log up to a seq, all sessions of it.
func (w *world) whole(upTo int64) []api.Event {
	w.t.Helper()
	var events []api.Event
	for ev, err := range w.Events(w.ctx, api.SubscribeParams{AfterSeq: ptr(int64(0))}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if ev.Seq > upTo {
			break
		}
		if events = append(events, ev); ev.Seq == upTo {
			break
		}
	}
	return events
}

// TestBackupUnderLoad backs up while sessions print, puts the copy into a state
// directory of its own, and finds the same log there, event for event.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	w.run("junk\ntools: 3\nthink: hm")
	gate := filepath.Join(t.TempDir(), "gate")
	var busy []string
	for range 4 {
		busy = append(busy, w.launch(w.prompt("say: begun\nemit: 2000 400 1000\nwait: "+gate)))
	}
	for _, id := range busy {
		w.heard(id, "begun")
	}
	path := filepath.Join(t.TempDir(), "backup.db")
	result, err := w.Backup(w.ctx, api.BackupParams{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode() != 0o600 || fi.Size() != result.Bytes || result.Path != path || result.HeadSeq < 40 {
		t.Errorf("%+v: %v, %v", result, fi, err)
	}
	_, err = w.Backup(w.ctx, api.BackupParams{Path: path})
	if refused := new(api.Error); !errors.As(err, &refused) || refused.Data["field"] != "path" {
		t.Errorf("a second one to the same file: %v", err)
	}
	touch(t, gate) // in the copy, none of them has ended
	for _, id := range busy {
		w.until(id, final...)
	}

	r := newWorld(t)
	r.cfg.Claude = w.cfg.Claude
	if err := os.Mkdir(r.cfg.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, filepath.Join(r.cfg.StateDir, "sessiond.db")); err != nil {
		t.Fatal(err)
	}
	r.start()
	if diff := cmp.Diff(w.whole(result.HeadSeq), r.whole(result.HeadSeq)); diff != "" {
		t.Error(diff)
	}
	for _, id := range busy { // their processes are not of that directory
		if ses := r.until(id, final...); ses.Status != api.StatusFailed || ses.ErrorMessage == "" {
			t.Errorf("%s: %q", ses.Status, ses.ErrorMessage)
		}
	}
	head, err := w.Health(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Events(r.ctx, api.SubscribeParams{AfterSeq: ptr(head.Events.HeadSeq + 1000)}) {
		if !errors.Is(err, &api.Error{Reason: api.ReasonCursorExpired}) {
			t.Errorf("a cursor beyond the end: %v", err)
		}
		break
	}
}

// TestBackupThatCannotBe says why, and leaves nothing behind.
func TestBackupThatCannotBe(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	w.run("say: hi")
	dir := t.TempDir()
	for _, path := range []string{"relative", filepath.Join(dir, "none", "file"), dir} {
		_, err := w.Backup(w.ctx, api.BackupParams{Path: path})
		if refused := new(api.Error); !errors.As(err, &refused) || refused.Data["field"] != "path" {
			t.Errorf("%s: %v", path, err)
		}
	}
	if left, err := fs.ReadDir(os.DirFS(dir), "."); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
