package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessiond.db")
	if _, err := Inspect(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	s := openAt(t, path, Options{})
	if i, err := Inspect(t.Context(), path); err != nil || i.Head != 0 || len(i.Sessions) != 0 {
		t.Errorf("empty: %+v, %v", i, err)
	}
	row := filled(t, s, 3)
	i, err := Inspect(t.Context(), path) // while it is in use
	if err != nil || i.Version == 0 || i.Version != i.Known || i.Head != s.Head() || i.Newest.IsZero() || i.Size.Used == 0 ||
		len(i.Sessions) != 1 || i.Sessions[row.Session.ID] != api.StatusRunning {
		t.Errorf("%+v, %v", i, err)
	}
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte(strings.Repeat("junk", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(t.Context(), junk); !errors.Is(err, ErrCorrupt) {
		t.Errorf("junk: %v", err)
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, backup, aside := filepath.Join(dir, "sessiond.db"), filepath.Join(dir, "backup"), filepath.Join(dir, "aside")
	s := openAt(t, path, Options{})
	first := filled(t, s, 3)
	if err := s.Backup(t.Context(), backup, nil); err != nil {
		t.Fatal(err)
	}
	second := filled(t, s, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	has := func(path string, want ...*SessionRow) {
		t.Helper()
		i, err := Inspect(t.Context(), path)
		if err != nil || len(i.Sessions) != len(want) {
			t.Fatalf("%s: %+v, %v", path, i, err)
		}
		for _, row := range want {
			if i.Sessions[row.Session.ID] == "" {
				t.Errorf("%s: a session is missing", path)
			}
		}
	}
	// What is refused, or ended, leaves everything as it was.
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	unready := errors.New("not now")
	for from, want := range map[string]error{filepath.Join(dir, "none"): fs.ErrNotExist, junk: ErrCorrupt, backup: unready} {
		if err := Restore(t.Context(), from, path, aside, RestoreSteps{Ready: func() error { return unready }}); !errors.Is(err, want) {
			t.Errorf("%s: %v", from, err)
		}
		has(path, first, second)
		for _, left := range []string{aside, path + ".restored"} {
			if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s is left: %v", from, left, err)
			}
		}
	}
	if err := os.WriteFile(path+".restored", []byte("of a call that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), backup, path, aside, RestoreSteps{}); err != nil {
		t.Fatal(err)
	}
	has(path, first)
	has(aside, first, second)
	if fi, err := os.Stat(path); err != nil || fi.Mode() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
	again := openAt(t, path, Options{})
	filled(t, again, 1)
}

// TestRestoreKeepsALogThatCannotBeFoldedIn has somebody read the database, whom
// nobody knows of: its write-ahead log is kept with it, and not taken for the new one's.
func TestRestoreKeepsALogThatCannotBeFoldedIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	backup, aside := filepath.Join(dir, "backup"), filepath.Join(dir, "aside")
	s := openAt(t, filepath.Join(dir, "sessiond.db"), Options{})
	row := filled(t, s, 3)
	if err := s.Backup(t.Context(), backup, nil); err != nil {
		t.Fatal(err)
	}
	var path string
	eventually(t, "a log that is not empty", func() bool {
		filled(t, s, 100)
		path = copyDatabase(t, filepath.Join(dir, "sessiond.db"))
		fi, err := os.Stat(path + "-wal")
		return err == nil && fi.Size() > 0
	})
	reader, err := openConn(path, readerParams)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(reader.run("BEGIN"), reader.run("SELECT count(*) FROM events")); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), backup, path, aside, RestoreSteps{}); err != nil {
		t.Fatal(err)
	}
	if err := reader.close(); err != nil {
		t.Fatal(err)
	}
	if i, err := Inspect(t.Context(), aside); err != nil || len(i.Sessions) < 2 {
		t.Errorf("what was there: %+v, %v", i, err)
	}
	again := openAt(t, path, Options{})
	if all, err := again.Outlines(t.Context(), "", 0); err != nil || len(all) != 1 || all[0].ID != row.Session.ID {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestRestoreOverWhatIsDamaged has a database that cannot be opened.
func TestRestoreOverWhatIsDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, backup, aside := filepath.Join(dir, "sessiond.db"), filepath.Join(dir, "backup"), filepath.Join(dir, "aside")
	s := openAt(t, path, Options{})
	row := filled(t, s, 3)
	if err := errors.Join(s.Backup(t.Context(), backup, nil), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("damaged ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), backup, path, aside, RestoreSteps{}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(aside); err != nil || !strings.HasPrefix(string(b), "damaged") {
		t.Errorf("aside: %.20q, %v", b, err)
	}
	again := openAt(t, path, Options{})
	if _, err := again.Session(t.Context(), row.Session.ID); err != nil {
		t.Error(err)
	}
}

// TestRestoreRefusesWhatIsNewer has a backup of a program of the future.
func TestRestoreRefusesWhatIsNewer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "sessiond.db"), filepath.Join(dir, "backup")
	s := openAt(t, path, Options{})
	if err := s.Backup(t.Context(), backup, nil); err != nil {
		t.Fatal(err)
	}
	c, err := openConn(backup, "mode=rw")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.run("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)"), c.close()); err != nil {
		t.Fatal(err)
	}
	var newer *NewerSchemaError
	if err := Restore(t.Context(), backup, filepath.Join(dir, "other.db"), filepath.Join(dir, "aside"), RestoreSteps{}); !errors.As(err, &newer) {
		t.Errorf("%v", err)
	}
}

// TestRestoreOverWhatIsNewer goes back to a copy from before an upgrade.
func TestRestoreOverWhatIsNewer(t *testing.T) {
	t.Parallel()
	r := newRestoring(t)
	_, last := r.goOn(r.present, 10)
	c, err := openConn(r.present, writerParams)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.run("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)"), c.close()); err != nil {
		t.Fatal(err)
	}
	r.restore(r.backup, r.present)
	r.voids(r.present, r.head, last)
}

// TestRestoreThatFailsIsUndone cannot give the copy its name, since something is
// in the way that comes at the last moment.
func TestRestoreThatFailsIsUndone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, backup, aside := filepath.Join(dir, "sessiond.db"), filepath.Join(dir, "backup"), filepath.Join(dir, "aside")
	s := openAt(t, path, Options{})
	if err := errors.Join(s.Backup(t.Context(), backup, nil), s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		_ = os.Remove(path + suffix)
	}
	undone := false
	err := Restore(t.Context(), backup, path, aside, RestoreSteps{
		Ready: func() error { // the database cannot be put aside: its -shm cannot be removed
			return os.MkdirAll(path+"-shm/full", 0o700)
		},
		Undo: func() error {
			_, err := os.Lstat(RestoredPath(path))
			undone = err == nil
			return os.RemoveAll(path + "-shm")
		},
	})
	if err == nil || !undone {
		t.Fatalf("%v; undone, while it can be told: %v", err, undone)
	}
	for _, left := range []string{aside, RestoredPath(path)} {
		if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", left, err)
		}
	}
	part := filepath.Join(dir, ".sessiond.db.restored.1.partial") // of a call that was killed
	if err := os.WriteFile(part, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	openAt(t, path, Options{})
	if _, err := os.Lstat(part); err == nil {
		t.Errorf("%s is left", part)
	}
}

// TestUndoRestore undoes what a call that was killed has done, wherever it, or an
// undoing before, was killed; the database of an earlier restore stays aside.
func TestUndoRestore(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "sessiond.db")
	s := openAt(t, source, Options{})
	row := filled(t, s, 3)
	for name, killed := range map[string]func(path, aside string) error{
		"before anything": func(string, string) error { return nil },
		"with two names":  os.Link,
		"with its log away": func(path, aside string) error {
			return errors.Join(os.Link(path, aside), os.Rename(path+"-wal", aside+"-wal"))
		},
	} {
		path := copyDatabase(t, source)
		aside, earlier := path+".replaced-2", path+".replaced-1"
		if err := errors.Join(killed(path, aside), os.WriteFile(earlier, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := UndoRestore(path, path+".replaced-"); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if left, err := filepath.Glob(path + ".replaced-*"); err != nil || len(left) != 1 || left[0] != earlier {
			t.Errorf("%s: aside is %v, %v", name, left, err)
		}
		again := openAt(t, path, Options{})
		if _, err := again.Session(t.Context(), row.Session.ID); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := UndoRestore(filepath.Join(t.TempDir(), "none"), "x"); err != nil {
		t.Errorf("there was none: %v", err)
	}
}
