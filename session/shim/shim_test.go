package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/internal/program"
)

func TestExitRecord(t *testing.T) {
	t.Parallel()
	code := func(n int) *int { return &n }
	long := strings.Repeat("first line\n", 1000) + "last words"
	for name, tc := range map[string]struct {
		args    []string
		want    Exit
		journal string
	}{
		"quiet":    {args: []string{"exit", "0"}, want: Exit{ExitCode: code(0)}},
		"code 3":   {args: []string{"exit", "3"}, want: Exit{ExitCode: code(3)}},
		"signal":   {args: []string{"killself"}, want: Exit{Signal: "SIGKILL"}},
		"stderr":   {args: []string{"stderr", "broken\n"}, want: Exit{ExitCode: code(1), StderrTail: "broken\n"}},
		"not text": {args: []string{"stderr", "a\xffb"}, want: Exit{ExitCode: code(1), StderrTail: "a\uFFFDb"}},
		"much":     {args: []string{"stderr", long}, want: Exit{ExitCode: code(1), StderrTail: long[len(long)-len("last words")-743*11:]}},
		"half":     {args: []string{"print", "whole\nhalf"}, want: Exit{ExitCode: code(0)}, journal: "whole\nhalf"},
		"lines":    {args: []string{"lines", "3", "4"}, want: Exit{ExitCode: code(0)}, journal: "0 xx\n1 xx\n2 xx\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, tc.args...)
			got := h.exit()
			if got.ExitedAt.Before(h.started.StartedAt) {
				t.Errorf("exited at %v, started at %v", got.ExitedAt, h.started.StartedAt)
			}
			got.ExitedAt = tc.want.ExitedAt
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if got := h.journal(); got != tc.journal {
				t.Errorf("journal %q", got)
			}
			started, err := ReadStart(h.dir)
			if err != nil || started != h.started || started.StartTime == 0 || started.BootID == "" {
				t.Errorf("start record %+v, %v; Start said %+v", started, err, h.started)
			}
			checkLeftovers(t, h.dir, "exit.json", "journal", "shim.log", "start.json", "stderr")
		})
	}
}

// checkLeftovers wants these files in a directory, and all of them private.
func checkLeftovers(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestCannotStart(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	plain, script := filepath.Join(tmp, "plain"), filepath.Join(tmp, "script")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	program.Write(t, script, "#!/no/such/thing\n")
	for name, tc := range map[string]struct {
		change func(*Spec)
		is     error
		text   string
	}{
		"missing":     {func(s *Spec) { s.Path = "/no/such/program" }, fs.ErrNotExist, "cannot start /no/such/program: no such file"},
		"relative":    {func(s *Spec) { s.Path = "claude" }, nil, "not absolute"},
		"mode":        {func(s *Spec) { s.Path = plain }, fs.ErrPermission, "permission denied"},
		"interpreter": {func(s *Spec) { s.Path = script }, fs.ErrNotExist, "interpreter is missing"},
		"directory":   {func(s *Spec) { s.Dir = "/no/such/dir" }, fs.ErrNotExist, "working directory /no/such/dir"},
		"not one":     {func(s *Spec) { s.Dir = plain }, syscall.ENOTDIR, "working directory " + plain},
		"too much":    {func(s *Spec) { s.Args = append(s.Args, strings.Repeat("x", 8<<20)) }, syscall.E2BIG, "argument list too long"},
		"zero byte":   {func(s *Spec) { s.Args = append(s.Args, "a\x00b") }, syscall.EINVAL, "invalid argument"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, dir := specOf(t, "exit", "0"), t.TempDir()
			tc.change(&spec)
			_, _, err := Start(testContext(t), executable(t), dir, spec)
			if _, typed := errors.AsType[*StartError](err); !typed || !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("Start: %T %v", err, err)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%v is not %v", err, tc.is)
			}
			if e, recErr := ReadExit(dir); recErr != nil || e.Error != err.Error() || e.ExitCode != nil {
				t.Errorf("exit record %+v, %v", e, recErr)
			}
			if _, err := ReadStart(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("start record: %v", err)
			}
			if _, err := ReadSpec(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the environment is still there: %v", err)
			}
			if locked, err := Locked(spec.LockFile); locked || err != nil {
				t.Errorf("locked %v, %v", locked, err)
			}
		})
	}
}

func TestShimCannotStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, _, err := Start(testContext(t), "/no/such/sessiond", dir, specOf(t, "exit", "0"))
	if _, typed := errors.AsType[*StartError](err); typed || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing shim: %v", err)
	}
	_, _, err = Start(testContext(t), "/bin/false", dir, specOf(t, "exit", "0"))
	if !errors.Is(err, ErrGone) {
		t.Errorf("a shim that says nothing: %v", err)
	}
	if _, err := ReadSpec(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the environment is still there: %v", err)
	}
}

func TestOneOwner(t *testing.T) {
	t.Parallel()
	h := start(t, "echo")
	spec := specOf(t, "exit", "0")
	if locked, err := Locked(spec.LockFile); locked || err != nil {
		t.Fatalf("nobody has been here: %v, %v", locked, err)
	}
	other := startIn(t, filepath.Join(t.TempDir(), "a"), withLock(specOf(t, "echo"), spec.LockFile))
	if locked, err := Locked(spec.LockFile); !locked || err != nil {
		t.Fatalf("while the child lives: %v, %v", locked, err)
	}
	second := filepath.Join(t.TempDir(), "b")
	if _, _, err := Start(testContext(t), executable(t), second, spec); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second owner: %v", err)
	}
	checkLeftovers(t, second, "shim.log")
	other.closeInput()
	other.exit()
	startIn(t, second, spec).exit() // free again at once
	if _, _, err := Start(testContext(t), executable(t), second, spec); !errors.Is(err, ErrStarted) {
		t.Fatalf("a second child in one directory: %v", err)
	}
	h.writeLine("not disturbed")
	h.awaitJournal("not disturbed\n")
}

func withLock(s Spec, lockFile string) Spec {
	s.LockFile = lockFile
	return s
}

func TestSurroundings(t *testing.T) {
	t.Parallel()
	// A descriptor that anybody may have left open must not reach the child.
	stray, err := unix.Open(os.DevNull, unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(stray)
	spec := specOf(t, "surroundings")
	spec.Dir = t.TempDir()
	spec.Env = []string{"A=1", "BYTES=\xff\xfe"}
	h := startIn(t, t.TempDir(), spec)
	h.exit()
	var got surroundings
	if err := json.Unmarshal([]byte(h.journal()), &got); err != nil {
		t.Fatal(err)
	}
	want := surroundings{
		Args: append([]string{spec.Path}, spec.Args...), Env: []string{"A=1", "BYTES=\uFFFD\uFFFD"}, Dir: spec.Dir,
		Descriptors: []int{0, 1, 2, 3}, PID: h.started.PID, PGID: h.started.PID, SID: h.started.ShimPID,
		Ignored: got.Ignored, PipeSize: got.PipeSize,
	}
	if isLinux {
		want.PipeSize = 1 << 20
		want.Ignored = ignoredByChild(t)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// ignoredByChild is what a child ignores: what this process was told to, and
// nothing that the shim ignores. What the shim catches is at its default, even if
// this process runs in the background of a shell, or under nohup.
func ignoredByChild(t *testing.T) string {
	t.Helper()
	mask, err := strconv.ParseUint(lookAround().Ignored, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM} {
		mask &^= 1 << (sig - 1)
	}
	return fmt.Sprintf("%016x", mask)
}

func TestSpecKeepsBytes(t *testing.T) {
	t.Parallel()
	want := Spec{Path: "/a\xff", Args: []string{"\xfe", ""}, Env: []string{"K=\xc3\x28"}, Dir: "/d", LockFile: "/l"}
	dir := t.TempDir()
	if err := writeSpec(dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadSpec(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestQuickChildren: a child that exits right behind its last line loses nothing.
func TestQuickChildren(t *testing.T) {
	t.Parallel()
	count := 1000
	if testing.Short() {
		count = 100
	}
	tmp, exe := t.TempDir(), executable(t)
	jobs := make(chan int)
	var wg sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		wg.Go(func() {
			for i := range jobs {
				if err := quickChild(t, exe, filepath.Join(tmp, fmt.Sprint(i)), fmt.Sprintf("one\ntwo\nlast of %d\n", i)); err != nil {
					t.Errorf("child %d: %v", i, err)
				}
			}
		})
	}
	for i := range count {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
}

func quickChild(t *testing.T, exe, dir, text string) error {
	c, _, err := Start(testContext(t), exe, dir, Spec{
		Path: "/bin/sh", Args: []string{"-c", `printf "$0"`, text}, Dir: "/", LockFile: filepath.Join(dir, "lock"),
	})
	if err != nil {
		return err
	}
	defer c.Close()
	<-c.Done()
	e, err := ReadExit(dir)
	if err != nil {
		return err
	}
	if e.ExitCode == nil || *e.ExitCode != 0 {
		return fmt.Errorf("exit record %+v", e)
	}
	if got, err := os.ReadFile(filepath.Join(dir, JournalName)); err != nil || string(got) != text {
		return fmt.Errorf("journal %q, %w", got, err)
	}
	return nil
}
