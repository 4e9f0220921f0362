package hook

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessiond/sessiond/session/claude"
)

// TestMain makes the test binary the command, where it is called as that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "hook" {
		os.Exit(Main(os.Args[2:], os.Stdin, os.Getenv))
	}
	os.Exit(m.Run())
}

// call runs the command in a process of its own, with an environment of its own.
func call(t testing.TB, input io.Reader, env []string, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"hook"}, args...)...)
	cmd.Env, cmd.Stdin = env, input
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const patient = "--patience=5m"

func read(t testing.TB, dir string) []Record {
	t.Helper()
	names, err := Waiting(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []Record
	for _, name := range names {
		r, err := Read(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// TestOrder calls the command again and again, as one claude does, while others do.
func TestOrder(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "not", "there yet")
	var wg sync.WaitGroup
	const callers, calls = 4, 12
	for c := range callers {
		wg.Go(func() {
			for n := range calls {
				out, err := call(t, strings.NewReader(fmt.Sprintf(`{"c":%d,"n":%d}`, c, n)), nil, "--state-dir="+state, patient)
				if err != nil || out != "" {
					t.Errorf("%v, printed %q", err, out)
				}
			}
		})
	}
	wg.Wait()
	var got [callers]int
	for _, r := range read(t, Dir(state)) {
		var c, n int
		if _, err := fmt.Sscanf(string(r.Input), `{"c":%d,"n":%d}`, &c, &n); err != nil {
			t.Fatal(err)
		}
		if got[c] != n {
			t.Errorf("caller %d: %d comes when %d is due", c, n, got[c])
		}
		got[c]++
		if r.Time.IsZero() || time.Since(r.Time) > time.Hour {
			t.Errorf("time: %v", r.Time)
		}
	}
	if got != [callers]int{calls, calls, calls, calls} {
		t.Errorf("inputs: %v", got)
	}
	for path, mode := range map[string]os.FileMode{Dir(state): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	names, _ := Waiting(Dir(state))
	if info, err := os.Stat(filepath.Join(Dir(state), names[0]+suffix)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v, %v", info.Mode(), err)
	}
}

// TestSilent has the command say and keep nothing where that is not its place.
func TestSilent(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	given := "--state-dir=" + state
	notDir := filepath.Join(state, "file")
	if err := os.WriteFile(notDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  []string
		args []string
		in   string
	}{
		"a session of the daemon's": {[]string{"SESSIOND_SESSION_ID=x"}, []string{given, patient}, "{}"},
		"a summariser's":            {[]string{"SESSIOND_SUMMARIZER=1"}, []string{given, patient}, "{}"},
		"no input":                  {nil, []string{given, patient}, " \n"},
		"unknown arguments":         {nil, []string{given, "--what"}, "{}"},
		"a wrong duration":          {nil, []string{given, "--patience=soon"}, "{}"},
		"no directory":              {nil, []string{patient}, "{}"},
		"a relative directory":      {nil, []string{"--state-dir=x", patient}, "{}"},
		"a directory that is none":  {nil, []string{"--state-dir=" + notDir, patient}, "{}"},
	} {
		out, err := call(t, strings.NewReader(c.in), c.env, c.args...)
		if err != nil || out != "" {
			t.Errorf("%s: %v, printed %q", name, err, out)
		}
	}
	if left := read(t, Dir(state)); len(left) != 0 {
		t.Errorf("kept: %d", len(left))
	}
}

// TestStateDir finds the directory where none is given.
func TestStateDir(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for want, env := range map[string][]string{
		"a":                       {"SESSIOND_STATE_DIR=" + base + "/a", "XDG_STATE_HOME=" + base + "/x", "HOME=" + base},
		"b/sessiond":              {"XDG_STATE_HOME=" + base + "/b", "HOME=" + base},
		"c/.local/state/sessiond": {"HOME=" + base + "/c"},
	} {
		if _, err := call(t, strings.NewReader("{}"), env, patient); err != nil {
			t.Error(err)
		}
		if got := read(t, Dir(filepath.Join(base, want))); len(got) != 1 {
			t.Errorf("%s: %v", want, got)
		}
	}
}

// TestPatience has input that never ends: the command ends all the same.
func TestPatience(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if out, err := call(t, r, nil, "--state-dir="+t.TempDir()); err != nil || out != "" {
		t.Errorf("%v, printed %q", err, out)
	}
}

// TestBounded keeps the beginning of what is too long.
func TestBounded(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	const whole = `{"hook_event_name":"UserPromptSubmit","session_id":"x","prompt":""}`
	for _, size := range []int{MaxInput, MaxInput + 1} {
		in := strings.NewReader(strings.TrimSuffix(whole, `"}`) + strings.Repeat("y", size-len(whole)) + `"}`)
		if _, err := call(t, in, nil, "--state-dir="+state, patient); err != nil {
			t.Fatal(err)
		}
	}
	got := read(t, Dir(state))
	if len(got) != 2 || got[0].Cut || len(got[0].Input) != MaxInput || !got[1].Cut {
		t.Fatalf("kept: %d", len(got))
	}
	if h, ok := claude.ParseHook(got[1].Input); !ok || strings.Trim(h.Prompt, "y") != "" || len(h.Prompt) < MaxInput-len(whole) {
		t.Errorf("kept: %t, %d bytes", ok, len(h.Prompt))
	}
}

// TestDamaged tells files that hold no record from those that do, and finishes what
// was cut off.
func TestDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, content string, age time.Duration) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	put("1.hook", "", 0)
	put("2.hook", "{}\nx", 0)
	put("3.hook", `{"size":2}`+"\n{}", 0)
	put("4.tmp", `{"size":2}`+"\n{}", 2*draftPatience)
	put("5.tmp", `{"size":2}`+"\n{", 2*draftPatience)
	put("6.tmp", `{"size":2}`+"\n{", 0)
	put("other", "", 2*draftPatience)
	if _, err := Waiting(dir); err != nil {
		t.Fatal(err)
	}
	names, err := Waiting(dir)
	if err != nil || !slices.Equal(names, []string{"1", "2", "3", "4"}) {
		t.Errorf("waiting: %q, %v", names, err)
	}
	for i, name := range names {
		_, err := Read(dir, name)
		if damaged := new(DamagedError); (i < 2) != errors.As(err, &damaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Remove(dir, names); err != nil {
		t.Error(err)
	}
	if err := Remove(dir, names); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if names, err := Waiting(filepath.Join(dir, "none")); err != nil || len(names) != 0 {
		t.Errorf("a spool that is not there: %q, %v", names, err)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 2 {
		t.Errorf("left: %v", left)
	}
}

// TestCaller has the command know who called it, also through a shell.
func TestCaller(t *testing.T) {
	t.Parallel()
	if beginning(os.Getpid()) == 0 {
		t.Skip("this system does not tell when a process began")
	}
	state := t.TempDir()
	for _, env := range [][]string{{"CLAUDE_PID=" + fmt.Sprint(os.Getpid())}, nil} {
		cmd := exec.Command("/bin/sh", "-c", `"$0" hook "$@"; :`, os.Args[0], "--state-dir="+state, patient)
		cmd.Env, cmd.Stdin = env, strings.NewReader("{}")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	got := read(t, Dir(state))
	if len(got) != 2 {
		t.Fatalf("kept: %v", got)
	}
	for _, r := range got {
		if r.PID != os.Getpid() || r.Began != beginning(os.Getpid()) {
			t.Errorf("called by %d of %d, want %d of %d", r.PID, r.Began, os.Getpid(), beginning(os.Getpid()))
		}
	}
}

// BenchmarkHook sets the command beside a program that does nothing. What it has to
// do itself is in BenchmarkPut.
func BenchmarkHook(b *testing.B) {
	dir := b.TempDir()
	input := `{"session_id":"5f8bfc05-55c2-4ae3-8b19-2a462eb3aef7","hook_event_name":"PostToolUse","tool_input":"` + strings.Repeat("x", 2000) + `"}`
	program := os.Getenv("SESSIOND_PROGRAM") // the whole of it, which this binary is not
	if program == "" {
		b.Skip("SESSIOND_PROGRAM does not name a sessiond")
	}
	for name, args := range map[string][]string{"nothing": {"/bin/true"}, "hook": {program, "hook", "--state-dir=" + dir}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command(args[0], args[1:]...)
				cmd.Env, cmd.Stdin = []string{}, strings.NewReader(input)
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPut is what the command does once it runs, and what it would do if it had the
// file, or its name too, synced: that takes as long as the disk does, and what else is
// written to it.
func BenchmarkPut(b *testing.B) {
	r := Record{Time: time.Now(), Input: []byte(strings.Repeat("x", 2000))}
	for _, synced := range []string{"", "file", "file and name"} {
		b.Run("synced="+synced, func(b *testing.B) {
			dir := b.TempDir()
			var times []time.Duration
			for b.Loop() {
				began := time.Now()
				if err := putSynced(dir, r, synced); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "µs/99%")
		})
	}
}

func putSynced(dir string, r Record, synced string) error {
	if synced == "" {
		return Put(dir, r)
	}
	draft := filepath.Join(dir, rand.Text()+draftSuffix)
	err := os.WriteFile(draft, r.Input, 0o600)
	if err == nil {
		err = syncPath(draft)
	}
	if err == nil {
		err = os.Rename(draft, strings.TrimSuffix(draft, draftSuffix)+suffix)
	}
	if err == nil && synced == "file and name" {
		err = syncPath(dir)
	}
	return err
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
