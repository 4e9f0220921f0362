package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestACheckpointFails: commits do not need it; the problem is told, and over
// when checkpoints succeed again, though nothing more is committed.
func TestACheckpointFails(t *testing.T) {
	t.Parallel()
	if !underFaults(t) {
		return
	}
	for name, c := range map[string]struct {
		rule   rule
		want   error
		atRest bool // it is only tried when nothing is written
	}{
		"full":       {rule{call: "write", errno: syscall.ENOSPC, suffix: "/db"}, ErrFull, false},
		"broken":     {rule{call: "write", errno: syscall.EIO, suffix: "/db"}, ErrIO, false},
		"sync fails": {rule{call: "sync", errno: syscall.EIO, suffix: "/db"}, ErrIO, false},
		"not cut":    {rule{call: "truncate", errno: syscall.EIO, suffix: "-wal"}, ErrIO, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "db")
			s := openAt(t, path, Options{walPages: 10}) // so that it begins anew all the time
			all, stop := feeders(t, s, 2, 0)
			inject(t, dir, c.rule)
			if c.atRest {
				progress(t, all)
				stop()
			}
			eventually(t, "the problem is told", func() bool { return errors.Is(s.Problem(), c.want) })
			if !c.atRest {
				progress(t, all)
			}
			checkReadable(t, s, all)
			stop()
			inject(t, dir)
			eventually(t, "the problem is over", func() bool { return s.Problem() == nil })
			eventually(t, "an empty write-ahead log", func() bool { return walSize(t, path) == 0 })
			checkFed(t, s, all)
			checkFed(t, reopen(t, s, path), all)
		})
	}
}

// TestTheIndexOfTheLogCannotGrow: it lies beside the log, and is made longer
// with every 16 MB of it.
func TestTheIndexOfTheLogCannotGrow(t *testing.T) {
	t.Parallel()
	if !underFaults(t) {
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	s := openAt(t, path, Options{})
	row := create(t, s, nil)
	inject(t, dir, rule{call: "write", errno: syscall.ENOSPC, suffix: "-shm"})
	large := &Batch{Events: []Event{lineEvent(row.N, strings.Repeat("x", 17<<20))}}
	if err := s.Commit(t.Context(), large); !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
	if n := len(wholeLog(t, s, 10, Filter{})); n != 0 {
		t.Errorf("%d events", n)
	}
	inject(t, dir)
	commit(t, s, large)
	if n := len(wholeLog(t, reopen(t, s, path), 10, Filter{})); n != 1 {
		t.Errorf("%d events", n)
	}
}

// TestReadingFails: where the disk gives nothing the reading fails, and says why;
// it works again when the disk does.
func TestReadingFails(t *testing.T) {
	t.Parallel()
	if !underFaults(t) {
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	s := openAt(t, path, Options{})
	row := create(t, s, nil)
	for range 300 { // more than the connections keep in memory
		commit(t, s, &Batch{Events: []Event{lineEvent(row.N, strings.Repeat("x", 100000))}})
	}
	inject(t, dir, rule{call: "read", errno: syscall.EIO, suffix: "*"})
	failed := false
	for after := int64(0); after < 300; after++ {
		_, _, err := s.Conversation(t.Context(), []Segment{{N: row.N}}, after, 1, 1)
		if failed = failed || err != nil; err != nil && faultOf(err) == nil {
			t.Fatal(err)
		}
	}
	inject(t, dir)
	if n := len(wholeLog(t, s, 10, Filter{})); n != 300 || !failed {
		t.Errorf("%d events; failed before: %v", n, failed)
	}
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "more")}})
	eventually(t, "no problem", func() bool { return s.Problem() == nil })
}

// TestEachWriteOfACommitFails makes each of a commit's calls fail once: the
// commit fails whole, and the next one finds nothing in its way.
func TestEachWriteOfACommitFails(t *testing.T) {
	t.Parallel()
	if !underFaults(t) {
		return
	}
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		for _, call := range []string{"write", "sync"} {
			t.Run(fmt.Sprint(call, " ", errno), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				path := filepath.Join(dir, "db")
				s := openAt(t, path, Options{})
				row := create(t, s, nil)
				var want []string
				failed := 0
				for nth := range 30 {
					inject(t, dir, rule{call: call, errno: errno, suffix: "-wal", after: nth, times: 1})
					for range 2 {
						text := numbered(0, nth) + strings.Repeat("x", 30000)
						offset := int64(len(want) + 1)
						b := &Batch{Events: []Event{lineEvent(row.N, text)}, Update: &SessionUpdate{N: row.N, JournalOffset: offset}}
						if err := s.Commit(t.Context(), b); err == nil {
							want = append(want, text)
						} else if failed++; faultOf(err) == nil {
							t.Fatal(err)
						}
						if b.Events[0].Seq != int64(len(want)) && int64(len(want)) == offset {
							t.Errorf("seq %d, %d are in the log", b.Events[0].Seq, len(want))
						}
						row, err := s.Session(t.Context(), row.Session.ID)
						if err != nil || row.JournalOffset != int64(len(want)) || s.Head() != int64(len(want)) {
							t.Fatalf("offset %d, head %d, %d in the log, %v", row.JournalOffset, s.Head(), len(want), err)
						}
					}
				}
				if got := texts(wholeLog(t, s, 100, Filter{})); failed == 0 || !slices.Equal(got, want) {
					t.Errorf("%d events, %d were taken, %d failed", len(got), len(want), failed)
				}
				inject(t, dir)
				if got := texts(wholeLog(t, reopen(t, s, path), 100, Filter{})); !slices.Equal(got, want) {
					t.Errorf("%d events, %d were taken", len(got), len(want))
				}
			})
		}
	}
}

// TestACrashBehindAFailedSync: what a commit has written that could not be
// synced would count at the next start. Where the disk works again by the time
// that the committer is told, it does not; and where it does not work, the next
// start finds all of it or nothing.
func TestACrashBehindAFailedSync(t *testing.T) {
	t.Parallel()
	if !underFaults(t) {
		return
	}
	for _, times := range []int{1, 0} {
		dir := t.TempDir()
		path := filepath.Join(dir, "db")
		s := openAt(t, path, Options{})
		row := create(t, s, nil)
		commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "before")}})
		before, offset := []string{"before"}, int64(0)
		eventually(t, "a commit fails", func() bool {
			inject(t, dir, rule{call: "sync", errno: syscall.EIO, suffix: "-wal", times: times})
			b := &Batch{Events: []Event{lineEvent(row.N, "failed"), lineEvent(row.N, "too")}, Update: &SessionUpdate{N: row.N, JournalOffset: offset + 2}}
			err := s.Commit(t.Context(), b)
			if err == nil && times > 0 { // a checkpoint had the sync that failed
				before, offset = append(before, "failed", "too"), offset+2
				return false
			}
			if !errors.Is(err, ErrIO) {
				t.Fatalf("got %v", err)
			}
			return true
		})
		left := openAt(t, copyDatabase(t, path), Options{})
		got, err := left.Session(t.Context(), row.Session.ID)
		if err != nil {
			t.Fatal(err)
		}
		switch log := texts(wholeLog(t, left, 10, Filter{})); {
		case slices.Equal(log, before) && got.JournalOffset == offset:
		case slices.Equal(log, append(before, "failed", "too")) && got.JournalOffset == offset+2 && times == 0:
		default:
			t.Errorf("failing %d times: log %q, offset %d", times, log, got.JournalOffset)
		}
		inject(t, dir)
	}
}

// TestABackupOnAFullDisk: it fails, leaves nothing, and is nobody else's problem.
func TestABackupOnAFullDisk(t *testing.T) {
	t.Parallel()
	if !underFaults(t) {
		return
	}
	s := open(t, Options{})
	filled(t, s, 1000)
	for _, after := range []int{0, 1, 20} {
		for errno, want := range map[syscall.Errno]error{syscall.ENOSPC: ErrFull, syscall.EIO: ErrIO} {
			dir := t.TempDir()
			inject(t, dir, rule{call: "write", errno: errno, suffix: ".partial", after: after})
			err := s.Backup(t.Context(), filepath.Join(dir, "backup"), nil)
			if got := names(t, dir); !errors.Is(err, want) || !slices.Equal(got, []string{".faults"}) {
				t.Errorf("%v after %d: %v, there is %q", errno, after, err, got)
			}
			inject(t, dir)
			if err := s.Backup(t.Context(), filepath.Join(dir, "backup"), nil); err != nil {
				t.Error(err)
			}
		}
	}
	if err := s.Problem(); err != nil {
		t.Error(err)
	}
}

// TestAMigrationOnAFullDisk makes calls of a migration fail, the copy's and each
// of the steps': the older database is as it was until a step is whole.
func TestAMigrationOnAFullDisk(t *testing.T) {
	t.Parallel()
	if !underFaults(t) {
		return
	}
	for _, after := range []int{0, 1, 30} {
		err := migrateOnAFullDisk(t, rule{suffix: ".partial", after: after})
		if err == nil || !strings.Contains(err.Error(), "copy the database before its schema is brought from version 1 to 3 (it is as it was") {
			t.Errorf("the copy's call %d: %v", after, err)
		}
	}
	failed := 0
	for err := error(nil); err != nil || failed == 0; failed++ {
		err = migrateOnAFullDisk(t, rule{suffix: "db-wal", after: failed})
		if err != nil && !strings.Contains(err.Error(), "bring the schema from version 1 to 3") {
			t.Errorf("the steps' call %d: %v", failed, err)
		}
	}
	if failed < 4 {
		t.Errorf("%d calls have failed", failed-1)
	}
}

// migrateOnAFullDisk returns how a migration fails, and checks what is left.
func migrateOnAFullDisk(t *testing.T, r rule) error {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	older(t, path)
	r.call, r.errno = "write", syscall.ENOSPC
	inject(t, dir, r)
	s, failure := Open(t.Context(), path, Options{migrations: newer(t, addTable, addColumn)})
	inject(t, dir)
	if failure == nil {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return nil
	}
	if !errors.Is(failure, ErrFull) || !strings.Contains(failure.Error(), path) || !strings.Contains(failure.Error(), "make room") {
		t.Errorf("got %v", failure)
	}
	want := 1
	if r.suffix == ".partial" {
		want = 0
	}
	if kept := copies(t, path, 2); len(kept) != want {
		t.Errorf("copies %q", kept)
	}
	if count(t, path, "SELECT max(version_id) FROM goose_db_version") == 1 {
		checkOld(t, path)
	}
	for _, name := range names(t, dir) {
		if strings.HasSuffix(name, ".partial") {
			t.Errorf("%s is left", name)
		}
	}
	again := openAt(t, path, Options{migrations: newer(t, addTable, addColumn)})
	if log := wholeLog(t, again, 10, Filter{}); len(log) != 2 || count(t, path, "SELECT count(*) FROM added") != 2 {
		t.Errorf("%d events", len(log))
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	return failure
}

// TestALargeBatchOnAFullDisk: what is small goes while it does not, and the
// problem is told all the same.
func TestALargeBatchOnAFullDisk(t *testing.T) {
	t.Parallel()
	if !underFaults(t) {
		return
	}
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "db"), Options{lasting: time.Hour})
	row := create(t, s, nil)
	inject(t, dir, rule{call: "write", errno: syscall.ENOSPC, suffix: "-wal", after: 100, times: 1})
	large := &Batch{Events: []Event{lineEvent(row.N, strings.Repeat("x", 4<<20))}}
	if err := s.Commit(t.Context(), large); !errors.Is(err, ErrFull) {
		t.Fatalf("got %v", err)
	}
	commit(t, s, &Batch{Update: &SessionUpdate{N: row.N, JournalOffset: 1, LastActivityAt: api.Now()}})
	if err := s.Problem(); !errors.Is(err, ErrFull) {
		t.Errorf("problem: %v", err)
	}
	commit(t, s, large)
	if err := s.Problem(); err != nil {
		t.Errorf("problem: %v", err)
	}
}

// TestTheProblemEndsByItself: nobody need commit anything to see that it is over.
func TestTheProblemEndsByItself(t *testing.T) {
	t.Parallel()
	if !underFaults(t) {
		return
	}
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "db"), Options{})
	row := create(t, s, nil)
	inject(t, dir, rule{call: "write", errno: syscall.EROFS, suffix: "-wal"})
	if err := s.Commit(t.Context(), &Batch{Events: []Event{lineEvent(row.N, "x")}}); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("got %v", err)
	}
	if err := s.Problem(); !errors.Is(err, ErrReadOnly) {
		t.Errorf("problem: %v", err)
	}
	inject(t, dir)
	eventually(t, "the problem is over", func() bool { return s.Problem() == nil })
	if n := len(wholeLog(t, s, 10, Filter{})); n != 0 {
		t.Errorf("%d events", n)
	}
}
