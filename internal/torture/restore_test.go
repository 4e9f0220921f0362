package torture

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
)

// crashRestore kills a restore at a point of it. The next daemon has the log as it
// was, all of it and under one name, or that of the backup, and the one that was
// there lies beside it whole. Somebody reads the database, whom nobody knows of:
// so a part of it is only in its write-ahead log.
func crashRestore(t *testing.T, p crashpoint.Point) {
	w := newWorld(t, crashing, claudecli.Pinned)
	w.begin()
	early, backup := w.said("early"), filepath.Join(w.dir, "backup")
	if _, err := w.client.Backup(w.ctx, api.BackupParams{Path: backup}); err != nil {
		t.Fatal(err)
	}
	closeReader := w.read()
	late := w.said("late")
	before, err := w.client.Health(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.daemon.kill()

	cmd := exec.CommandContext(w.ctx, w.daemon.exe, "restore", backup)
	cmd.Env = append([]string{"SESSIOND_STATE_DIR=" + w.daemon.state, "SESSIOND_CRASH_AT=" + string(p)}, w.daemon.env...)
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("it was not killed: %v\n%s", err, out)
	}
	closeReader()
	if err := w.daemon.start(w.ctx); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(w.daemon.state, "sessiond.db")
	aside, err := filepath.Glob(database + ".replaced-*")
	if err != nil {
		t.Fatal(err)
	}
	if p == crashpoint.RestoreReplaced {
		w.of(late, func(k *known) { k.deleted = true })
		w.wholeAside(aside, early, late)
		w.expired(before.Events.HeadSeq)
		w.said("again")
		w.expired(before.Events.HeadSeq) // although the log has gone on beyond it
	} else {
		if after, err := w.client.Health(w.ctx); err != nil || after.Events.HeadSeq != before.Events.HeadSeq {
			w.problem("the log ended at %d, and ends at %d: %v", before.Events.HeadSeq, after.Events.HeadSeq, err)
		}
		if len(aside) > 0 {
			w.problem("the database has other names: %v", aside)
		}
	}
	if _, err := os.Lstat(database + ".restored"); !errors.Is(err, fs.ErrNotExist) {
		w.problem("the copy is left: %v", err)
	}
	w.check()
	w.report("restore")
}

// expired looks whether the daemon knows that a cursor is of another log.
func (w *world) expired(cursor int64) {
	for ev, err := range w.client.Events(w.ctx, api.SubscribeParams{AfterSeq: &cursor}) {
		if !errors.Is(err, &api.Error{Reason: api.ReasonCursorExpired}) {
			w.problem("who comes with the cursor %d, of what was replaced, gets %d: %v", cursor, ev.Seq, err)
		}
		return
	}
}

// said runs a session that says something, to its end.
func (w *world) said(text string) string {
	id := w.must(w.launch(api.LaunchSessionParams{Query: api.Text("say: " + text)}))
	_, _ = w.until(w.ctx, id, final)
	return id
}

// read reads the database in a transaction until what it returns is called.
func (w *world) read() (done func()) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(w.daemon.state, "sessiond.db")+"?mode=ro")
	if err != nil {
		w.t.Fatal(err)
	}
	tx, err := db.BeginTx(w.ctx, nil)
	if err == nil {
		var events int
		err = tx.QueryRowContext(w.ctx, "SELECT count(*) FROM events").Scan(&events)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			w.problem("%v", err)
		}
	}
}

// wholeAside looks whether the database that was replaced has all its sessions.
func (w *world) wholeAside(files []string, ids ...string) {
	files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "-wal") })
	if len(files) != 1 {
		w.problem("the database that was replaced: %v", files)
		return
	}
	db, err := sql.Open("sqlite3", "file:"+files[0])
	if err != nil {
		w.problem("%v", err)
		return
	}
	defer db.Close()
	for _, id := range ids {
		var n int
		if err := db.QueryRowContext(context.Background(), "SELECT n FROM sessions WHERE id = ?", id).Scan(&n); err != nil {
			w.problem("session %s in what was replaced: %v", id, err)
		}
	}
}
