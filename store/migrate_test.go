package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"golang.org/x/sync/errgroup"
)

// newer are the migrations of a program that has made the first and these.
func newer(t testing.TB, steps ...string) fstest.MapFS {
	t.Helper()
	one, err := migrations.ReadFile("migrations/00001_log.sql")
	if err != nil {
		t.Fatal(err)
	}
	all := fstest.MapFS{"00001_log.sql": {Data: one}}
	for i, step := range steps {
		all[fmt.Sprintf("%05d_step.sql", i+2)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + step)}
	}
	return all
}

const (
	addTable  = "CREATE TABLE added (x INTEGER); INSERT INTO added VALUES (1);\n"
	addColumn = "ALTER TABLE added ADD COLUMN y INTEGER; INSERT INTO added VALUES (2, 2);\n"
	// breaks fails in its middle.
	breaks = "CREATE TABLE half (x INTEGER); DELETE FROM events; INSERT INTO nowhere VALUES (1);\n"
)

// first are the options of the oldest program.
func first(t testing.TB) Options {
	t.Helper()
	return Options{migrations: newer(t)}
}

// older makes a database of the oldest program's with something in it.
func older(t testing.TB, path string) *SessionRow {
	t.Helper()
	s := openAt(t, path, first(t))
	row := create(t, s, nil)
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "one"), lineEvent(row.N, "two")}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return row
}

// count runs a query that counts something in the database at path.
func count(t testing.TB, path, query string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite3", dsn(path, readerParams))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// checkOld checks that the database at path is of version 1 and whole.
func checkOld(t testing.TB, path string) {
	t.Helper()
	if n := count(t, path, "SELECT max(version_id) FROM goose_db_version"); n != 1 {
		t.Errorf("%s has version %d", path, n)
	}
	if n := count(t, path, "SELECT count(*) FROM events"); n != 2 {
		t.Errorf("%s has %d events", path, n)
	}
	if n := count(t, path, "SELECT count(*) FROM sqlite_schema WHERE name IN ('added', 'half')"); n != 0 {
		t.Errorf("%s has tables of a later version", path)
	}
	if err := Check(t.Context(), path); err != nil {
		t.Error(err)
	}
}

// copies lists the copies from before migrations to a version.
func copies(t testing.TB, path string, version int) []string {
	t.Helper()
	found, err := filepath.Glob(fmt.Sprintf("%s.before-v%d-*", path, version))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFromTheFirstSchema brings a database of the first release to what is newest.
func TestFromTheFirstSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	row := older(t, path)
	s := openAt(t, path, Options{})
	if got, err := s.Session(t.Context(), row.Session.ID); err != nil || got.Session.Query != row.Session.Query {
		t.Errorf("%+v, %v", got, err)
	}
	if log := wholeLog(t, s, 10, Filter{}); len(log) != 2 {
		t.Errorf("%d events", len(log))
	}
	if counts, err := s.StatusCounts(t.Context()); err != nil || len(counts) != 1 || counts[row.Session.Status] != 1 {
		t.Errorf("its sessions are counted as %v, %v", counts, err)
	}
	if kept := copies(t, path, 2); len(kept) != 1 {
		t.Errorf("copies %q", kept)
	} else {
		checkOld(t, kept[0])
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var refused *NewerSchemaError
	if _, err := Open(t.Context(), path, first(t)); !errors.As(err, &refused) || refused.Known != 1 || refused.Found < 2 {
		t.Errorf("the first release: %v", err)
	}
}

func TestMigrationKeepsACopy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	row := older(t, path)
	for range 2 { // once only
		s := openAt(t, path, Options{migrations: newer(t, addTable, addColumn)})
		if log := wholeLog(t, s, 10, Filter{SessionID: row.Session.ID}); len(log) != 2 {
			t.Errorf("%d events", len(log))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if n := count(t, path, "SELECT count(*) FROM added"); n != 2 {
			t.Errorf("the steps were made %d times", n)
		}
	}
	kept := copies(t, path, 2)
	if len(kept) != 1 {
		t.Fatalf("copies %q", kept)
	}
	if fi, err := os.Stat(kept[0]); err != nil || fi.Mode() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	checkOld(t, kept[0])

	// The older program refuses the newer database as it is, and says what to do; the copy it takes.
	before := snapshot(t, filepath.Dir(path))
	_, err := Open(t.Context(), path, first(t))
	var refused *NewerSchemaError
	if !errors.As(err, &refused) || refused.Found != 3 || refused.Known != 1 || !strings.Contains(err.Error(), path+".before-v2-*") {
		t.Errorf("got %v", err)
	}
	if after := snapshot(t, filepath.Dir(path)); after != before {
		t.Errorf("the refused database was %s, and is %s", before, after)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} { // as one does who goes back
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(kept[0], path); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path, first(t))
	if log := wholeLog(t, s, 10, Filter{}); len(log) != 2 {
		t.Errorf("the copy has %d events", len(log))
	}
}

func TestAMigrationThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	older(t, path)
	for range 3 { // a supervisor starts it again and again
		_, err := Open(t.Context(), path, Options{migrations: newer(t, breaks)})
		if err == nil || !strings.Contains(err.Error(), "as it was") || !strings.Contains(err.Error(), "from version 1 to 2") {
			t.Fatalf("got %v", err)
		}
		checkOld(t, path)
	}
	kept := copies(t, path, 2)
	if len(kept) != 1 {
		t.Fatalf("copies %q", kept)
	}
	checkOld(t, kept[0])
	openAt(t, path, first(t)) // the older program goes on
}

// TestALaterStepThatFails: the steps before it are made, and the copy from
// before the first stays, however often it is tried.
func TestALaterStepThatFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	older(t, path)
	var oldest string
	for i := range 5 {
		_, err := Open(t.Context(), path, Options{migrations: newer(t, addTable, breaks)})
		if err == nil || i == 0 && !strings.Contains(err.Error(), "it has version 2 now, and the copy from before is "+path+".before-v2-") {
			t.Fatalf("got %v", err)
		}
		kept := copies(t, path, 2)
		if len(kept) != 1 || i > 0 && kept[0] != oldest {
			t.Fatalf("copies of version 1: %q", kept)
		}
		oldest = kept[0]
		if later := copies(t, path, 3); len(later) != min(i, 1) {
			t.Fatalf("copies of version 2: %q", later)
		}
	}
	checkOld(t, oldest)
	if n := count(t, path, "SELECT count(*) FROM added"); n != 1 {
		t.Errorf("the first step was made %d times", n)
	}
	s := openAt(t, path, Options{migrations: newer(t, addTable, addColumn)}) // one that was repaired
	if log := wholeLog(t, s, 10, Filter{}); len(log) != 2 {
		t.Errorf("%d events", len(log))
	}
}

func TestTheCopiesOfThreeVersionsAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	older(t, path)
	other := path + ".before-very-long" // not ours
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for i := range 5 {
		steps = append(steps, fmt.Sprintf("CREATE TABLE t%d (x INTEGER);\n", i))
		s := openAt(t, path, Options{migrations: newer(t, steps...)})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for version := 2; version <= 6; version++ {
		if n, want := len(copies(t, path, version)), version/4; n != min(want, 1) {
			t.Errorf("%d copies from before version %d", n, version)
		}
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}

// opening calls a function when a file is opened.
type opening struct {
	fs.FS
	name string
	call func()
}

func (o opening) Open(name string) (fs.File, error) {
	if name == o.name {
		o.call()
	}
	return o.FS.Open(name)
}

// TestAMigrationThatIsKilled takes what a crash would leave at each point, and
// starts the older and the newer program on it.
func TestAMigrationThatIsKilled(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"behind the copy", "before a step's commit", "between two steps"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "db")
			older(t, path)
			var left string
			var mu sync.Mutex
			take := func() {
				mu.Lock()
				defer mu.Unlock()
				if left == "" && len(copies(t, path, 2)) == 1 {
					left = copyDatabase(t, path)
				}
			}
			steps := newer(t, addTable, addColumn)
			o, commits := Options{migrations: steps}, 0
			version := 1
			switch at {
			case "behind the copy":
				o.migrations = opening{steps, "00002_step.sql", take}
			case "before a step's commit":
				o.beforeCommit = take
			case "between two steps":
				version = 2
				o.beforeCommit = func() {
					if commits++; commits == 2 {
						take()
					}
				}
			}
			if err := openAt(t, path, o).Close(); err != nil || left == "" {
				t.Fatalf("left %q, %v", left, err)
			}
			if n := count(t, left, "SELECT max(version_id) FROM goose_db_version"); n != version {
				t.Fatalf("version %d", n)
			}
			if version == 1 {
				checkOld(t, left)
				if err := openAt(t, left, first(t)).Close(); err != nil { // the older program goes on
					t.Error(err)
				}
			}
			s := openAt(t, left, Options{migrations: steps})
			if log := wholeLog(t, s, 10, Filter{}); len(log) != 2 {
				t.Errorf("%d events", len(log))
			}
			if n := count(t, left, "SELECT count(*) FROM added"); n != 2 {
				t.Errorf("the steps were made %d times", n)
			}
		})
	}
}

// TestACreationThatIsKilled: what a crash leaves of a new database is in no
// one's way, and no database is there that is not whole.
func TestACreationThatIsKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	_, err := Open(t.Context(), path, Options{migrations: newer(t, breaks)})
	if err == nil || len(names(t, filepath.Dir(path))) != 0 {
		t.Fatalf("got %v, left %q", err, names(t, filepath.Dir(path)))
	}
	// As a kill leaves it, and other files that look like it.
	for _, name := range []string{".db.123.new", ".db.123.new-wal", ".db.123.new-shm", ".db.before-v2-20260102T030405.000Z.456.partial", ".db.partial", "db.new"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var there bool
	s := openAt(t, path, Options{beforeCommit: func() {
		_, err := os.Stat(path)
		there = there || err == nil
	}})
	if there {
		t.Error("the database was there before it was whole")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, filepath.Dir(path)); !slices.Equal(got, []string{".db.partial", "db", "db.new"}) {
		t.Errorf("there is %q", got)
	}
}

// TestTwoOpenAtOnce: the daemon's lock makes it impossible, and yet it harms nothing.
func TestTwoOpenAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	older(t, path)
	var all errgroup.Group
	opened := make(chan *Store, 4)
	for range cap(opened) {
		all.Go(func() error {
			s, err := Open(context.Background(), path, Options{migrations: newer(t, addTable, addColumn)})
			if err == nil {
				opened <- s
			}
			return nil // one that comes too late for a step may say so
		})
	}
	_ = all.Wait()
	close(opened)
	if len(opened) == 0 {
		t.Error("none has opened it")
	}
	for s := range opened {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := count(t, path, "SELECT count(*) FROM added"); n != 2 {
		t.Errorf("the steps were made %d times", n)
	}
	if err := Check(t.Context(), path); err != nil {
		t.Error(err)
	}
}

// TestACopyThatCannotBeMade: without it nothing is migrated.
func TestACopyThatCannotBeMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	row := older(t, path)
	if err := os.Truncate(path, pageSize*10); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path, Options{migrations: newer(t, addTable)})
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) {
		t.Errorf("session %d: %v", row.N, err)
	}
	if got := names(t, filepath.Dir(path)); len(copies(t, path, 2)) != 0 {
		t.Errorf("there is %q", got)
	}
}

// TestWhatIsThereIsNotMadeAnew: a database that is gone, cut, overwritten, or
// not ours is an error that names it, and stays as it is.
func TestWhatIsThereIsNotMadeAnew(t *testing.T) {
	t.Parallel()
	garbage := []byte(strings.Repeat("no database at all ", 1000))
	for name, damage := range map[string]func(t *testing.T, path string){
		"cut to nothing": func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		},
		"cut": func(t *testing.T, path string) {
			if err := os.Truncate(path, 5*pageSize); err != nil {
				t.Fatal(err)
			}
		},
		"overwritten": func(t *testing.T, path string) {
			if err := os.WriteFile(path, garbage, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"its log alone": func(t *testing.T, path string) {
			if err := errors.Join(os.Rename(path, path+"-wal")); err != nil {
				t.Fatal(err)
			}
		},
		"another program's": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			execute(t, path, "CREATE TABLE mine (x)")
		},
		"a directory": func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "db")
			older(t, path)
			damage(t, path)
			before := snapshot(t, filepath.Dir(path))
			s, err := Open(t.Context(), path, first(t))
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), path) || name != "a directory" && !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v", err)
			}
			if after := snapshot(t, filepath.Dir(path)); after != before {
				t.Errorf("it was %s, and is %s", before, after)
			}
		})
	}
}

// snapshot describes the database files in a directory, but for what SQLite puts beside them.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, name := range names(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			content = []byte(err.Error())
		}
		if len(content) > 0 && !strings.HasSuffix(name, "-shm") {
			fmt.Fprintf(&b, "%s of %d bytes, %x; ", name, len(content), sha256.Sum256(content))
		}
	}
	return b.String()
}
