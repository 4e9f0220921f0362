package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// restoring is a backup, and where it is put back.
type restoring struct {
	t                    *testing.T
	dir, backup, present string
	head                 int64 // of the backup
	row                  *SessionRow
}

// newRestoring makes a database with a session, and a backup of it.
func newRestoring(t *testing.T) *restoring {
	t.Helper()
	dir := t.TempDir()
	r := &restoring{t: t, dir: dir, backup: filepath.Join(dir, "backup"), present: filepath.Join(dir, "sessiond.db")}
	s := openAt(t, r.present, Options{})
	r.row = filled(t, s, 3)
	r.head = s.Head()
	if err := errors.Join(s.Backup(t.Context(), r.backup, nil), s.Close()); err != nil {
		t.Fatal(err)
	}
	return r
}

// goOn adds events to the database at path, and returns the first seq and the last.
func (r *restoring) goOn(path string, events int) (first, last int64) {
	r.t.Helper()
	s := openAt(r.t, path, Options{})
	b := &Batch{}
	for range events {
		b.Events = append(b.Events, lineEvent(r.row.N, "since"))
	}
	commit(r.t, s, b)
	if err := s.Close(); err != nil {
		r.t.Fatal(err)
	}
	return b.Events[0].Seq, b.Events[events-1].Seq
}

// restore puts a backup back at path.
func (r *restoring) restore(backup, path string) {
	r.t.Helper()
	if err := Restore(r.t.Context(), backup, path, filepath.Join(r.t.TempDir(), "aside"), RestoreSteps{}); err != nil {
		r.t.Fatal(err)
	}
}

// voids looks which numbers are void: those above after, up to upTo, and no others.
func (r *restoring) voids(path string, after, upTo int64) {
	r.t.Helper()
	s := openAt(r.t, path, Options{})
	for seq, want := range map[int64]bool{0: false, after: false, after + 1: upTo > after, upTo: upTo > after, upTo + 1: false} {
		if s.Void(seq) != want {
			r.t.Errorf("%d is void: %v", seq, !want)
		}
	}
	if err := s.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// TestRestoreGivesNoNumberAgain: what was given out after the backup is not given
// out again, however often one is put back, and is known as void.
func TestRestoreGivesNoNumberAgain(t *testing.T) {
	t.Parallel()
	r := newRestoring(t)
	r.restore(r.backup, r.present)
	r.voids(r.present, r.head, r.head) // nothing had come since
	_, last := r.goOn(r.present, 10)
	r.restore(r.backup, r.present)
	r.voids(r.present, r.head, last)
	s := openAt(t, r.present, Options{})
	second := filepath.Join(r.dir, "second")
	if s.Head() != r.head {
		t.Errorf("the log ends at %d, and no longer at %d", s.Head(), r.head)
	}
	if err := errors.Join(s.Backup(t.Context(), second, nil), s.Close()); err != nil {
		t.Fatal(err)
	}
	first, end := r.goOn(r.present, 5)
	if first != last+1 {
		t.Errorf("the first since is %d, behind %d", first, last)
	}
	r.voids(r.present, r.head, last)
	for _, backup := range []string{second, r.backup} { // one that begins where numbers are void, and one from before that
		r.restore(backup, r.present)
		r.voids(r.present, r.head, end)
		if first, last = r.goOn(r.present, 1); first != end+1 {
			t.Errorf("the first since is %d, behind %d", first, end)
		}
		end = last
	}
}

// TestRestoreWhereNothingTells has no database that tells which numbers were given
// out: none, a damaged one, and one that does not go on from the backup.
func TestRestoreWhereNothingTells(t *testing.T) {
	t.Parallel()
	r := newRestoring(t)
	other := filepath.Join(r.dir, "other.db")
	s := openAt(t, other, Options{})
	filled(t, s, 40)
	theirs := s.Head()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(r.dir, "damaged.db")
	if err := os.WriteFile(damaged, []byte(strings.Repeat("damaged ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, from := range map[string]int64{filepath.Join(r.dir, "none.db"): r.head, damaged: r.head, other: theirs} {
		r.restore(r.backup, path)
		r.voids(path, r.head, from+unknownNumbers)
		if first, _ := r.goOn(path, 1); first != from+unknownNumbers+1 {
			t.Errorf("%s: the first since is %d", path, first)
		}
	}
}

// TestLogPastVoidNumbers reads, in a few steps, over numbers of which there are
// thousands of millions.
func TestLogPastVoidNumbers(t *testing.T) {
	t.Parallel()
	r := newRestoring(t)
	path := filepath.Join(r.dir, "new.db")
	r.restore(r.backup, path)
	r.goOn(path, 10)
	s := openAt(t, path, Options{})
	for _, f := range []Filter{{}, {SessionID: r.row.Session.ID}, {Types: []api.EventType{api.EventConversationUpdated}}} {
		events, steps := 0, 0
		for after := int64(0); after < s.Head(); steps++ {
			page, upTo, err := s.Log(t.Context(), after, 4, f)
			if err != nil || upTo <= after || steps > 20 {
				t.Fatalf("%+v: after %d to %d in step %d: %v", f, after, upTo, steps, err)
			}
			events += len(page)
			after = upTo
		}
		if want := int(r.head) + 10; events != want {
			t.Errorf("%+v: %d events, not %d", f, events, want)
		}
	}
}
