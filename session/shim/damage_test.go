package shim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// everything reads a journal to its present end: its lines, and what is missing.
func everything(t *testing.T, j *Journal) (lines []plain, missing []string) {
	t.Helper()
	for {
		got, err := j.TryNext()
		damage, damaged := errors.AsType[*JournalError](err)
		switch {
		case damaged:
			missing = append(missing, fmt.Sprint(damage.From, "-", damage.To, " cut ", damage.Cut))
		case err != nil && !errors.Is(err, io.EOF):
			t.Fatal(err)
		case len(got) == 0:
			return lines, missing
		}
		lines = append(lines, plainly(got)...)
	}
}

func wantDamage(t *testing.T, j *Journal, lines []plain, missing ...string) {
	t.Helper()
	gotLines, gotMissing := everything(t, j)
	if diff := cmp.Diff(lines, gotLines) + cmp.Diff(missing, gotMissing); diff != "" {
		t.Fatal(diff)
	}
}

// TestJournalWasCut: somebody has made the file shorter than what was read. That
// is said once, nothing is read twice, and what comes behind it is read.
func TestJournalWasCut(t *testing.T) {
	t.Parallel()
	j := newTestJournal(t, "one\ntwo\nhal", 0)
	wantDamage(t, j.Journal, []plain{{"one", 4, true}, {"two", 8, true}})
	if err := j.out.Truncate(2); err != nil {
		t.Fatal(err)
	}
	wantDamage(t, j.Journal, []plain{{"hal", 11, false}}, "2-11 cut true")
	j.write(t, "\nthree\n")
	wantDamage(t, j.Journal, []plain{{"", 3, true}, {"three", 9, true}})

	again, err := OpenJournal(j.watcher, j.path, 5000) // as a daemon that has it so in its database
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	wantDamage(t, again, nil, "9-5000 cut true")
	j.write(t, "four\n")
	wantDamage(t, again, []plain{{"four", 14, true}})
	again.Finish()
	if _, err := again.TryNext(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// TestJournalWakesForACut: nobody appends, and it is noticed all the same.
func TestJournalWakesForACut(t *testing.T) {
	t.Parallel()
	j := newTestJournal(t, "one\n", 0)
	everything(t, j.Journal)
	if err := j.out.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if lines, err := j.Next(testContext(t)); lines != nil || err == nil {
		t.Errorf("%v, %v", plainly(lines), err)
	}
}

// TestJournalHoles: what was never written, or was given back to the disk before
// the database that is read with had it, is not taken for lines, however much
// that is.
func TestJournalHoles(t *testing.T) {
	t.Parallel()
	const hole = 1 << 40
	for name, tc := range map[string]struct {
		before string
		after  string
		want   []plain
	}{
		"at the beginning": {"", "tail\nnext\n", []plain{{"tail", hole + 5, true}, {"next", hole + 10, true}}},
		"at the end":       {"", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newTestJournal(t, tc.before, 0)
			if err := j.out.Truncate(hole); err != nil {
				t.Skipf("the file system has no files of that size: %v", err)
			}
			if at, err := nextData(j.file, 0); err != nil || at == 0 {
				t.Skipf("the file system does not tell holes apart: %d, %v", at, err)
			}
			j.write(t, tc.after)
			wantDamage(t, j.Journal, tc.want, fmt.Sprint("0-", hole, " cut false"))
			j.write(t, "last\n")
			j.Finish()
			end := int64(hole + len(tc.after) + len("last\n"))
			wantDamage(t, j.Journal, []plain{{"last", end, true}})
		})
	}
}

// TestJournalGivenBackTooEarly is a database that was restored from a backup: it
// is behind the journal, a part of which is gone by now.
func TestJournalGivenBackTooEarly(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("x", 99) + "\n"
	j := newTestJournal(t, strings.Repeat(line, 1000), 0)
	if err := errors.Join(j.out.Sync(), PunchHole(j.path, 50_000)); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	lines, missing := everything(t, j.Journal)
	if len(missing) != 1 || missing[0] != "0-49152 cut false" {
		t.Fatalf("missing: %v", missing)
	}
	// The line in the middle of which the rest begins is the first.
	if len(lines) != 509 || lines[0].End != 49_200 || lines[508].End != 100_000 {
		t.Errorf("%d lines, %+v", len(lines), lines[0])
	}
}

// TestJournalOfNULs: what a child has printed is what it has printed, and after a
// crash of the machine the end of a file may be zeros.
func TestJournalOfNULs(t *testing.T) {
	t.Parallel()
	zeros := string(make([]byte, 3000))
	j := newTestJournal(t, "\x00\n\x00a\n{\"type\":\"assi"+zeros, 0)
	j.Finish()
	wantDamage(t, j.Journal, []plain{{"\x00", 2, true}, {"\x00a", 5, true}, {"{\"type\":\"assi" + zeros, 3018, false}})
}

// TestJournalIsNoFile: something else lies where the journal should be. It is
// not read, and nobody waits for it.
func TestJournalIsNoFile(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(path string) error{
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":      func(path string) error { return os.Symlink("/etc/passwd", path) },
		"pipe":      func(path string) error { return unix.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), JournalName)
			if err := put(path); err != nil {
				t.Fatal(err)
			}
			_, err := OpenJournal(newTestWatcher(t), path, 0)
			if _, typed := errors.AsType[*RecordError](err); !typed || !strings.Contains(err.Error(), path) {
				t.Errorf("%T %v", err, err)
			}
			if _, _, err := Start(testContext(t), executable(t), filepath.Dir(path), specOf(t, "exit", "0")); err == nil {
				t.Error("a child was started on it")
			}
		})
	}
}

// FuzzJournalDamage: a journal is written, cut and punched while it is read. The
// reader always comes to the end, hands out nothing that was not there, and what
// it has handed out goes forward but where it says so.
func FuzzJournalDamage(f *testing.F) {
	f.Add([]byte{0, 10, 1, 3, 0, 200, 2, 1, 0, 7})
	f.Add([]byte{0, 255, 0, 255, 2, 200, 3, 0, 1, 0})
	f.Add([]byte{3, 255, 0, 1, 3, 9, 1, 255})
	w, path := newTestWatcher(f), filepath.Join(f.TempDir(), JournalName)
	f.Fuzz(func(t *testing.T, moves []byte) {
		j := openTestJournal(t, w, path, "", 0)
		defer j.Close()
		for len(moves) > 1 {
			how, n := moves[0]%4, int64(moves[1])*97
			moves = moves[2:]
			size, err := fileSize(j.out)
			if err != nil {
				t.Fatal(err)
			}
			switch how {
			case 0:
				j.write(t, strings.Repeat("ab\n", int(n))+"half")
			case 1:
				err = j.out.Truncate(min(size, n))
			case 2:
				err = PunchHole(path, min(size, n*64))
			case 3: // a hole
				err = j.out.Truncate(size + n*64)
			}
			if err != nil && !errors.Is(err, errors.ErrUnsupported) {
				t.Fatal(err)
			}
			lines, _ := everything(t, j.Journal)
			for i, l := range lines {
				if rest := strings.Trim(l.Text, "\x00abhlf"); rest != "" {
					t.Fatalf("%q was never printed", l.Text)
				}
				if i > 0 && l.End <= lines[i-1].End && lines[i-1].Whole {
					t.Fatalf("line %d ends at %d, behind %d", i, l.End, lines[i-1].End)
				}
			}
		}
		j.Finish()
		everything(t, j.Journal)
		if _, err := j.TryNext(); !errors.Is(err, io.EOF) {
			t.Fatalf("at the end: %v", err)
		}
		size, err := fileSize(j.out)
		if err != nil || j.off != size && !bytes.Equal(j.rest, nil) {
			t.Fatalf("stands at %d of %d, %v", j.off, size, err)
		}
	})
}
