package hook

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/redact"
)

// privateInput has the word in each kind of place where it is private.
const privateInput = `{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Bash","tool_use_id":"t","transcript_path":"/h/s.jsonl","cwd":"/w",` +
	`"prompt":"go <private>hidden</private> on","tool_input":{"command":"echo \u003cprivate\u003ehidden\u003c/private\u003e","sk-hidden":[1,"sk-hidden"]},` +
	`"last_assistant_message":"sk-hidden","new_in_the_next_version":["<PRIVATE>hidden"],"tool_response":"sk-hid`

// spooled is what lies in a spool, byte by byte.
func spooled(t *testing.T, dir string) (all string) {
	t.Helper()
	names, err := Waiting(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name+suffix))
		if err != nil {
			t.Fatal(err)
		}
		all += string(b)
	}
	return all
}

// withPatterns makes a spool whose daemon has called something private, and is gone.
func withPatterns(t testing.TB, patterns string) (state string) {
	t.Helper()
	state = t.TempDir()
	err := os.Mkdir(Dir(state), 0o700)
	if err == nil {
		err = KeepPatterns(Dir(state), patterns)
	}
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// TestNothingPrivateIsSpooled has the command take out what is private by itself, with
// no daemon, and keep all else.
func TestNothingPrivateIsSpooled(t *testing.T) {
	t.Parallel()
	state := withPatterns(t, `sk-[a-z]+`)
	for _, end := range []string{`den"}`, `den`} { // the second one is cut off
		if out, err := call(t, strings.NewReader(privateInput+end), nil, "--state-dir="+state, patient); err != nil || out != "" {
			t.Errorf("%v, printed %q", err, out)
		}
	}
	if all := spooled(t, Dir(state)); strings.Contains(all, "hid") || strings.Count(all, redact.Mark) != 13 {
		t.Errorf("%d places: %s", strings.Count(all, redact.Mark), all)
	}
	for _, r := range read(t, Dir(state)) {
		h, ok := claude.ParseHook(r.Input)
		if !ok || r.Withheld || h.Prompt != "go [private] on" || string(h.ToolInput) != `{"[private]":[1,"[private]"],"command":"echo [private]"}` ||
			h.TranscriptPath != "/h/s.jsonl" || h.ToolUseID != "t" {
			t.Errorf("%t, withheld %t: %+v", ok, r.Withheld, h)
		}
	}
}

// TestPatternsAreForgotten when a daemon has none.
func TestPatternsAreForgotten(t *testing.T) {
	t.Parallel()
	state := withPatterns(t, "abc\n")
	path := filepath.Join(Dir(state), patternsName)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for range 2 {
		if err := KeepPatterns(Dir(state), ""); err != nil {
			t.Error(err)
		}
	}
	if _, err := call(t, strings.NewReader(`{"a":"abc"}`), nil, "--state-dir="+state, patient); err != nil {
		t.Error(err)
	}
	if got := read(t, Dir(state)); len(got) != 1 || string(got[0].Input) != `{"a":"abc"}` {
		t.Errorf("%v", got)
	}
}

// TestWithheld: where there is no time to look for what is private, or nobody can say
// what is, no text is stored; what names things is.
func TestWithheld(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"no time":                 nil,
		"patterns that are wrong": func(path string) error { return os.WriteFile(path, []byte("(\n"), 0o600) },
		"patterns that are lost":  func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"patterns cut off":        func(path string) error { return os.WriteFile(path, []byte("abc\nhid"), 0o600) },
		"patterns not readable":   func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		state, then := withPatterns(t, ""), time.Now().Add(time.Hour)
		if spoil == nil {
			then = time.Now()
			if err := KeepPatterns(Dir(state), strings.Repeat(`(x+x+)+y`+"\n", 100)); err != nil {
				t.Fatal(err)
			}
		} else if err := spoil(filepath.Join(Dir(state), patternsName)); err != nil {
			t.Fatal(err)
		}
		input := privateInput + strings.Repeat("x", 1<<20) + `"}`
		b, withheld := without(Dir(state), []byte(input), then)
		h, ok := claude.ParseHook(b)
		if !withheld || !ok || strings.Contains(string(b), "hid") || h.SessionID != "s" || h.ToolUseID != "t" || h.Prompt != redact.Mark || len(b) > 1000 {
			t.Errorf("%s: withheld %t: %s", name, withheld, b)
		}
	}
}

// TestTooLong: what cannot be looked through in time leaves all of it for what needs none.
func TestTooLong(t *testing.T) {
	t.Parallel()
	for left, sizes := range map[time.Duration][2]int{16 * time.Millisecond: {1 << 20, 4 << 20}, time.Second: {MaxInput, 1 << 30}, 0: {0, 1}} {
		if tooLong(sizes[0], left) || !tooLong(sizes[1], left) {
			t.Errorf("%s: %v", left, sizes)
		}
	}
}

// longInput is of about that many bytes.
func longInput(size int) []byte {
	code := "if x < 10 && y[3] == nil { return fmt.Errorf(\\\"%d: %w\\\", 4711, err) }\\n"
	return []byte(`{"session_id":"s","hook_event_name":"PostToolUse","tool_response":"` + strings.Repeat(code, size/len(code)) + `"}`)
}

// BenchmarkWithhold is for what takes no look.
func BenchmarkWithhold(b *testing.B) {
	state := withPatterns(b, "")
	for _, size := range []int{1 << 20, 4 << 20, 15 << 20} {
		input := longInput(size)
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			b.SetBytes(int64(len(input)))
			for b.Loop() {
				if _, withheld := without(Dir(state), input, time.Now()); !withheld {
					b.Fatal("not withheld")
				}
			}
		})
	}
}

// BenchmarkWithout is the search for what is private, in inputs of several lengths.
func BenchmarkWithout(b *testing.B) {
	const patterns = "sk-[A-Za-z0-9]{20,}\n(?i)password\\s*[:=]\\s*\\S+\n\\b\\d{4}-?\\d{4}-?\\d{4}-?\\d{4}\\b\n"
	for _, kept := range []string{"", patterns} {
		state := withPatterns(b, kept)
		for _, size := range []int{2 << 10, 32 << 10, 256 << 10, 1 << 20} {
			input := longInput(size)
			b.Run(fmt.Sprintf("patterns=%d/bytes=%d", strings.Count(kept, "\n"), size), func(b *testing.B) {
				b.SetBytes(int64(len(input)))
				for b.Loop() {
					if _, withheld := without(Dir(state), input, time.Now().Add(time.Hour)); withheld {
						b.Fatal("withheld")
					}
				}
			})
		}
	}
}
