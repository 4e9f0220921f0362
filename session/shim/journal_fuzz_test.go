package shim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/traces"
)

// FuzzJournal writes a text in odd pieces, reads after each, and wants it back.
func FuzzJournal(f *testing.F) {
	f.Add("a\nb\n\nc", []byte{1}, uint8(3), true)
	f.Add("no newline at all", []byte{3, 0, 200}, uint8(4), false)
	f.Add("\n\n\n", []byte{}, uint8(1), true)
	f.Add(strings.Repeat("long ", 50)+"\nshort\n", []byte{7, 1, 60}, uint8(200), true)
	for _, name := range traces.Names(claudecli.Kept) {
		if out := traces.Out(claudecli.Kept, name); len(out) < 64<<10 {
			f.Add(string(out), []byte{255, 1, 90}, uint8(255), false)
		}
	}
	w, path := newTestWatcher(f), filepath.Join(f.TempDir(), JournalName)
	f.Fuzz(func(t *testing.T, text string, sizes []byte, longest uint8, reopen bool) {
		j := openTestJournal(t, w, path, "", 0)
		reader := j.Journal
		reader.longest = 1 + int(longest)
		var got []Line
		drain := func() error {
			for {
				lines, err := reader.TryNext()
				if err != nil || lines == nil {
					return err
				}
				got = append(got, lines...)
			}
		}
		for rest := text; len(rest) > 0; {
			n := len(rest)
			if len(sizes) > 0 {
				n, sizes = min(n, int(sizes[0])), sizes[1:]
			}
			j.write(t, rest[:n])
			rest = rest[n:]
			if err := drain(); err != nil {
				t.Fatal(err)
			}
		}
		if reopen && len(got) > 0 { // as after a crash: from behind the last line
			again, err := OpenJournal(j.watcher, j.path, got[len(got)-1].End)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			again.longest = reader.longest
			reader = again
		}
		reader.Finish()
		if err := drain(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if joined(got) != text {
			t.Fatalf("%q became %q", text, joined(got))
		}
		var end int64
		for i, l := range got {
			end += int64(len(l.Bytes))
			if !l.Unterminated {
				end++
			}
			if l.End != end || bytes.IndexByte(l.Bytes, '\n') >= 0 || len(l.Bytes) > 1+int(longest) {
				t.Fatalf("line %d: %q up to %d, not %d", i, l.Bytes, l.End, end)
			}
		}
	})
}

func BenchmarkJournal(b *testing.B) {
	for _, length := range []int{430, 4000} {
		b.Run(fmt.Sprintf("%dB", length), func(b *testing.B) {
			line := strings.Repeat("x", length-1) + "\n"
			const count = 20_000
			j := newTestJournal(b, strings.Repeat(line, count), 0)
			b.SetBytes(int64(length))
			b.ReportAllocs()
			for read := 0; read < b.N; {
				again, err := OpenJournal(j.watcher, j.path, 0)
				if err != nil {
					b.Fatal(err)
				}
				for left := count; left > 0 && read < b.N; {
					lines, err := again.TryNext()
					if err != nil {
						b.Fatal(err)
					}
					left -= len(lines)
					read += len(lines)
				}
				again.Close()
			}
		})
	}
}
