package transcript

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
)

func write(t testing.TB, path, content string) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// all reads the lines of a file from an offset on.
func all(t testing.TB, path string, offset int64, maxLine int) (lines []Raw) {
	t.Helper()
	f, err := Open(path, offset, maxLine)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		raw, err := f.Next()
		if errors.Is(err, io.EOF) {
			if again, err := f.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("behind the end: %q, %v", again.Bytes, err)
			}
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, raw)
	}
}

// joined is what lines were in their file.
func joined(lines []Raw) string {
	var b strings.Builder
	for _, l := range lines {
		b.Write(l.Bytes)
		if !l.Unterminated {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func TestFile(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	for name, content := range map[string]string{"nothing": "", "half a line": "half", "lines": "a\nb\n", "empty lines": "\n\n\na\n\n",
		"half a line behind others": "a\nhal", "a long line": long + "\nb\n", "half a long line": "a\n" + long, "of the very length": strings.Repeat("y", 1000) + "\nb\n",
		"one byte more": strings.Repeat("y", 1001) + "\nb\n", "carriage returns": "a\r\nb\r\n"} {
		for _, most := range []int{0, 1000, 64 << 10} {
			path := write(t, filepath.Join(t.TempDir(), "f"), content)
			whole := content[:strings.LastIndexByte(content, '\n')+1]
			lines := all(t, path, 0, most)
			if got := joined(lines); !strings.HasPrefix(content, got) || len(got) < len(whole) {
				t.Errorf("%s, at most %d: %d of %d bytes", name, most, len(got), len(content))
			}
			for i, l := range lines {
				if most > 0 && len(l.Bytes) > most || l.Unterminated && (most == 0 || len(l.Bytes) != most) {
					t.Errorf("%s, at most %d: line %d has %d bytes", name, most, i, len(l.Bytes))
				}
				if i%10 > 0 {
					continue
				}
				if rest := joined(all(t, path, l.End, most)); rest != joined(lines[i+1:]) {
					t.Errorf("%s, at most %d: from %d on it is another", name, most, l.End)
				}
			}
		}
	}
}

// TestFileGrows: half a line is handed out once it is whole.
func TestFileGrows(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "f"), "one\ntw")
	f, err := Open(path, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if raw, err := f.Next(); err != nil || string(raw.Bytes) != "one" {
		t.Fatal(raw, err)
	}
	if _, err := f.Next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	write(t, path, "one\ntwo\n")
	if raw, err := f.Next(); err != nil || string(raw.Bytes) != "two" || raw.End != 8 {
		t.Errorf("%+v, %v", raw, err)
	}
}

func TestMark(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := strings.Repeat("0123456789", 300)
	mark := func(content string, offset int64) string {
		m, err := MarkAt(write(t, filepath.Join(dir, "f"), content), offset)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if mark(long, 2000) != mark(long+"more", 2000) {
		t.Error("a file that has grown has another mark")
	}
	for name, other := range map[string]string{"changed": long[:1990] + "x" + long[1991:], "cut": long[:1500], "emptied": ""} {
		if mark(long, 2000) == mark(other, 2000) {
			t.Errorf("%s: the mark is the same", name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := write(t, filepath.Join(dir, "target"), "x\n")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{link: ErrNotRegular, dir: ErrNotRegular, filepath.Join(dir, "none"): os.ErrNotExist} {
		if f, err := Open(path, 0, 0); !errors.Is(err, want) {
			t.Errorf("%s: %v, %v", path, f, err)
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(target, 12345, 12345); err != nil {
			t.Skip("another user's file cannot be made: ", err)
		}
		if _, err := Open(target, 0, 0); !errors.Is(err, ErrNotOwned) {
			t.Errorf("another user's: %v", err)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const a, b, c = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
	for _, path := range []string{"p1/" + b + suffix, "p1/" + a + suffix, "p2/" + c + suffix, "p1/notes.jsonl", "p1/agent-x.jsonl", "p1/" + a + "/subagents/agent-1.jsonl",
		"p1/" + a + "/" + c + suffix, "p1/deeper/" + c + suffix, "p1/" + strings.ToUpper("abcdef00-1111-4111-8111-111111111111") + suffix, a + suffix} {
		write(t, filepath.Join(dir, path), "x")
	}
	if err := os.Symlink(filepath.Join(dir, "p1"), filepath.Join(dir, "p3")); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string][]string{
		".": {a + suffix, "p1/" + a + suffix, "p1/" + b + suffix, "p2/" + c + suffix}, "p1": {"p1/" + a + suffix, "p1/" + b + suffix, "p1/deeper/" + c + suffix},
		"p1/notes.jsonl": {"p1/notes.jsonl"}} {
		found, err := Find(filepath.Join(dir, from))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			rel, err := filepath.Rel(dir, f.Path)
			if err != nil || f.Size != 1 || f.Modified.IsZero() {
				t.Error(f, err)
			}
			got = append(got, rel)
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", from, diff)
		}
	}
}

// TestManySubagents: more files than are open at once, and lines that are too long
// to be held while others come first.
func TestManySubagents(t *testing.T) {
	t.Parallel()
	const id = "6e9a881b-e763-4990-9ecb-37775de8657d"
	path := filepath.Join(t.TempDir(), id+suffix)
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	line := func(n int, padding string) string {
		return fmt.Sprintf(`{"type":"user","sessionId":"s","timestamp":%q,"message":{"content":"%s"}}`+"\n", at.Add(time.Duration(n)*time.Second).Format(time.RFC3339), padding)
	}
	var own strings.Builder
	for n := range 200 {
		own.WriteString(line(n, ""))
	}
	write(t, path, own.String())
	for k := range 2 * atOnce {
		write(t, filepath.Join(strings.TrimSuffix(path, suffix), "subagents", fmt.Sprintf("agent-%03d.jsonl", k)),
			line(k, strings.Repeat("long ", 20_000))+line(k+1, "")+line(k+2, "short"))
	}
	steps, s := read(t, path)
	if len(steps) != 200+3*2*atOnce || s.Lines != int64(len(steps)) {
		t.Fatalf("%d lines", len(steps))
	}
	last := map[int]int64{}
	for i, step := range steps {
		if step.Raw.End <= last[step.Source] {
			t.Fatalf("line %d is not behind the one before it", i)
		}
		last[step.Source] = step.Raw.End
		if i > 0 && step.Source <= atOnce && steps[i-1].Source <= atOnce && step.Line.Time.Before(steps[i-1].Line.Time.Time) {
			t.Errorf("line %d is older than the one before it", i)
		}
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	for want, lines := range map[string][]string{
		"":          {`{"type":"summary","summary":"of another","leafUuid":"z"}`},
		"before":    {`{"type":"summary","summary":"before","leafUuid":"b"}`},
		"behind":    {`{"type":"mode"}`, `{"type":"summary","summary":"behind","leafUuid":"b"}`},
		"written":   {`{"type":"ai-title","aiTitle":"written"}`, `{"type":"summary","summary":"behind","leafUuid":"b"}`},
		"given":     {`{"type":"custom-title","customTitle":"given"}`, `{"type":"ai-title","aiTitle":"written"}`},
		"newest":    {`{"type":"custom-title","customTitle":"given"}`, `{"type":"custom-title","customTitle":" newest\n"}`},
		"\uFFFD it": {"{\"type\":\"custom-title\",\"customTitle\":\"\xff it\"}"},
	} {
		var s State
		for _, line := range append([]string{lines[0], `{"type":"user","uuid":"a"}`, `{"type":"assistant","uuid":"b"}`}, lines[1:]...) {
			l := Parse([]byte(line))
			s.Take(&l, false)
		}
		if s.Title != want {
			t.Errorf("%q: %q", want, s.Title)
		}
	}
}

func TestBehind(t *testing.T) {
	t.Parallel()
	first, second := `{"type":"user","timestamp":"2024-01-01T00:00:00Z"}`+"\n{}\n", `{"type":"user","timestamp":"2024-01-02T00:00:00Z"}`+"\n"
	path := write(t, filepath.Join(t.TempDir(), "f"), first+second)
	moment := api.At(time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC))
	if at, err := Behind(path, 0, 0, moment); err != nil || at != int64(len(first)) {
		t.Errorf("%d, %v", at, err)
	}
	if at, err := Behind(path, 0, 0, api.At(moment.Add(24*time.Hour))); !errors.Is(err, io.EOF) {
		t.Errorf("%d, %v", at, err)
	}
}

// FuzzTranscript: whatever a file holds, no line is lost, each is an event that can be
// shown, and reading it in two goes comes to the same as in one.
func FuzzTranscript(f *testing.F) {
	for _, version := range versions {
		names, err := filepath.Glob(filepath.Join("testdata", version, "*.jsonl"))
		if err != nil || len(names) == 0 {
			f.Fatal(names, err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b[:min(len(b), 8000)], 700)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, most int) {
		path := write(t, filepath.Join(t.TempDir(), "f"), string(content))
		most = 500 + int(uint(most)%5000)
		lines := all(t, path, 0, most)
		if got := joined(lines); !bytes.HasPrefix(content, []byte(got)) || len(got) < bytes.LastIndexByte(content, '\n')+1 {
			t.Fatalf("%q became %q", content, got)
		}
		var s State
		for _, raw := range lines {
			l := Parse(raw.Bytes)
			if len(l.Parts) == 0 {
				t.Fatalf("%q is no event", raw.Bytes)
			}
			for part, p := range l.Parts {
				claude.Render(raw.Bytes, part, p.Kind)
			}
			s.Take(&l, false)
		}
		kept, err := api.Marshal(&s)
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		if len(kept) > 2*maxQuery+len(content)*2+10_000 || s.Turns < 0 || s.Usage.InputTokens < 0 || !s.Status().Final() {
			t.Fatalf("%s", kept)
		}
	})
}
