package shim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func newTestWatcher(t testing.TB) *Watcher {
	w := NewWatcher(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { w.Close() })
	return w
}

// testJournal is a journal and the end that is written to.
type testJournal struct {
	*Journal
	out *os.File
}

func newTestJournal(t testing.TB, content string, offset int64) *testJournal {
	return openTestJournal(t, newTestWatcher(t), filepath.Join(t.TempDir(), JournalName), content, offset)
}

func openTestJournal(t testing.TB, w *Watcher, path, content string, offset int64) *testJournal {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	if _, err := out.WriteString(content); err != nil {
		t.Fatal(err)
	}
	j, err := OpenJournal(w, path, offset)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return &testJournal{Journal: j, out: out}
}

func (j *testJournal) write(t testing.TB, text string) {
	t.Helper()
	if _, err := j.out.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// plain is a Line that can be compared.
type plain struct {
	Text  string
	End   int64
	Whole bool
}

func plainly(lines []Line) []plain {
	var out []plain
	for _, l := range lines {
		out = append(out, plain{string(l.Bytes), l.End, !l.Unterminated})
	}
	return out
}

func TestJournalLines(t *testing.T) {
	t.Parallel()
	j := newTestJournal(t, "skipped\none\n\nthree\r\nhal", 8)
	expect := func(want ...plain) {
		t.Helper()
		lines, err := j.TryNext()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, plainly(lines)); diff != "" {
			t.Fatal(diff)
		}
	}
	expect(plain{"one", 12, true}, plain{"", 13, true}, plain{"three\r", 20, true})
	expect()
	j.write(t, "f\nnext")
	expect(plain{"half", 25, true})
	expect()
	j.Finish()
	expect(plain{"next", 29, false})
	for range 2 {
		if lines, err := j.TryNext(); lines != nil || !errors.Is(err, io.EOF) {
			t.Errorf("behind the end: %v, %v", lines, err)
		}
	}
}

func TestJournalMissing(t *testing.T) {
	t.Parallel()
	if _, err := OpenJournal(newTestWatcher(t), filepath.Join(t.TempDir(), "none"), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestJournalBatches: batches are bounded, and their lines stay as they were
// when later ones are read.
func TestJournalBatches(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "%d %s\n", i, strings.Repeat("x", i%1500))
	}
	text.WriteString(strings.Repeat("y", 3<<20) + "\n" + strings.Repeat("z\n", 1000))
	j := newTestJournal(t, text.String(), 0)
	j.Finish()
	var all []Line
	for {
		lines, err := j.TryNext()
		if errors.Is(err, io.EOF) {
			break
		}
		size := 0
		for _, l := range lines[:max(1, len(lines))-1] {
			size += len(l.Bytes)
		}
		if err != nil || len(lines) == 0 || len(lines) > batchLines || size > batchBytes {
			t.Fatalf("%d lines, %d bytes before the last, %v", len(lines), size, err)
		}
		all = append(all, lines...)
		for i := range lines { // appending to a line must not touch the next
			_ = append(lines[i].Bytes, "!!!!"...)
		}
	}
	if got := joined(all); got != text.String() {
		t.Errorf("%d bytes came out of %d", len(got), text.Len())
	}
}

// joined is what the lines were made of.
func joined(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.Write(l.Bytes)
		if !l.Unterminated {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func TestJournalLongLines(t *testing.T) {
	t.Parallel()
	j := newTestJournal(t, "", 0)
	j.longest = 10
	j.write(t, "0123456789\n0123456789a\n0123456789abcdefghijk\n01234567890123456789\nx")
	j.Finish()
	var all []Line
	for {
		lines, err := j.TryNext()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, lines...)
	}
	want := []plain{
		{"0123456789", 11, true},
		{"0123456789", 21, false}, {"a", 23, true},
		{"0123456789", 33, false}, {"abcdefghij", 43, false}, {"k", 45, true},
		{"0123456789", 55, false}, {"0123456789", 66, true},
		{"x", 67, false},
	}
	if diff := cmp.Diff(want, plainly(all)); diff != "" {
		t.Error(diff)
	}
}

func TestHugeLine(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	h := start(t, "huge", fmt.Sprint(size))
	j, err := OpenJournal(newTestWatcher(t), filepath.Join(h.dir, JournalName), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	lines, err := j.Next(testContext(t))
	if err != nil || len(lines[0].Bytes) != size || bytes.Count(lines[0].Bytes, []byte("x")) != size {
		t.Fatalf("%d lines, the first has %d bytes, %v", len(lines), len(lines[0].Bytes), err)
	}
	if len(lines) == 1 {
		if lines, err = j.Next(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	if last := lines[len(lines)-1]; string(last.Bytes) != "end" || last.End != size+5 {
		t.Errorf("last line %q up to %d", last.Bytes, last.End)
	}
}

// TestJournalFollows: a reader that waits gets what a child prints, all of it, in
// order, while it is printed.
func TestJournalFollows(t *testing.T) {
	t.Parallel()
	const count = 20_000
	h := start(t, "lines", fmt.Sprint(count), "430")
	j, err := OpenJournal(newTestWatcher(t), filepath.Join(h.dir, JournalName), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	next, done := 0, h.Done()
	var offset int64
	for {
		select {
		case <-j.Wake():
		case <-done:
			j.Finish()
			done = nil
			continue
		case <-time.After(patience):
			t.Fatalf("no line behind %d", next)
		}
		lines, err := j.TryNext() // one a wake-up must do
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			want := numbered(next, 430)
			offset += int64(len(want))
			if !bytes.Equal(l.Bytes, want[:len(want)-1]) || l.End != offset || l.Unterminated {
				t.Fatalf("line %d: %q up to %d", next, l.Bytes, l.End)
			}
			next++
		}
	}
	if next != count {
		t.Errorf("%d lines of %d", next, count)
	}
}

func TestJournalNextWaits(t *testing.T) {
	t.Parallel()
	j := newTestJournal(t, "half", 0)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if lines, err := j.Next(ctx); lines != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v, %v", lines, err)
	}
	written := make(chan error)
	go func() {
		_, err := j.out.WriteString(" and half\n")
		written <- err
	}()
	lines, err := j.Next(testContext(t))
	if err != nil || len(lines) != 1 || string(lines[0].Bytes) != "half and half" {
		t.Errorf("%v, %v", plainly(lines), err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

// TestJournalPolls: a file system without notifications.
func TestJournalPolls(t *testing.T) {
	t.Parallel()
	j := newTestJournal(t, "", 0)
	if err := j.watcher.notify.Remove(j.path); err != nil {
		t.Fatal(err)
	}
	<-j.Wake() // there may be something at the beginning
	if lines, err := j.TryNext(); lines != nil || err != nil {
		t.Fatal(lines, err)
	}
	j.write(t, "line\n")
	if lines, err := j.Next(testContext(t)); err != nil || len(lines) != 1 {
		t.Errorf("%v, %v", lines, err)
	}
}

// TestWatcherServesMany: several journals, two of them of one file, one closed.
func TestWatcherServesMany(t *testing.T) {
	t.Parallel()
	w := newTestWatcher(t)
	path := filepath.Join(t.TempDir(), JournalName)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var js []*Journal
	for range 3 {
		j, err := OpenJournal(w, path, 0)
		if err != nil {
			t.Fatal(err)
		}
		js = append(js, j)
	}
	js[0].Close()
	if err := os.WriteFile(path, []byte("line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, j := range js[1:] {
		if lines, err := j.Next(testContext(t)); err != nil || len(lines) != 1 {
			t.Errorf("%v, %v", lines, err)
		}
		j.Close()
	}
	if len(w.journals) != 0 {
		t.Errorf("left: %v", w.journals)
	}
}

// TestPunchHole: the disk gets back what was read; offsets stay, and an open
// journal goes on.
func TestPunchHole(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("x", 99) + "\n"
	j := newTestJournal(t, strings.Repeat(line, 40_000), 0)
	if err := j.out.Sync(); err != nil {
		t.Fatal(err)
	}
	path, before := j.path, blocksOf(t, j.path)
	lines, err := j.TryNext()
	if err != nil {
		t.Fatal(err)
	}
	for _, upTo := range []int64{0, 10, lines[len(lines)-1].End, 3_900_000} {
		err := PunchHole(path, upTo)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if after := blocksOf(t, path); after > before/4 {
		t.Errorf("%d blocks before, %d after", before, after)
	}
	again, err := OpenJournal(j.watcher, path, 3_900_000)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	j.write(t, "last\n")
	again.Finish()
	var rest []Line
	for {
		lines, err := again.TryNext()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rest = append(rest, lines...)
	}
	if joined(rest) != strings.Repeat(line, 1000)+"last\n" || rest[1000].End != 4_000_005 {
		t.Errorf("%d lines behind the hole", len(rest))
	}
	if err := PunchHole(filepath.Join(t.TempDir(), "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func blocksOf(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks
}
