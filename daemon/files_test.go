package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shortDir is a temporary directory whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Mode().Perm()
}

func TestPrivateDirectoriesAreMadeAndClosed(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	deep := filepath.Join(base, "a", "b")
	open := filepath.Join(base, "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{deep, open} {
		if err := makePrivate(dir); err != nil {
			t.Fatal(err)
		}
		if m := mode(t, dir); m != 0o700 {
			t.Errorf("%s has mode %04o", dir, m)
		}
	}
	if m := mode(t, filepath.Dir(deep)); m != 0o700 {
		t.Errorf("the directory above has mode %04o", m)
	}
}

func TestUnsafeDirectoriesAreRefused(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	shared := filepath.Join(base, "shared")
	if err := errors.Join(os.Mkdir(shared, 0o700), os.Chmod(shared, 0o770)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := map[string]string{}
	if os.Getuid() == 0 {
		link, dir := filepath.Join(base, "link"), filepath.Join(base, "theirs")
		if err := errors.Join(os.Symlink(t.TempDir(), link), os.Lchown(link, 4242, 4242),
			os.Mkdir(dir, 0o700), os.Chown(dir, 4242, 4242)); err != nil {
			t.Fatal(err)
		}
		foreign = map[string]string{link: "symbolic link", dir: "another user"}
	}
	for dir, want := range map[string]string{shared: "chmod 700", file: "not a directory"} {
		foreign[dir] = want
	}
	for dir, want := range foreign {
		if err := makePrivate(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it to say %q", dir, err, want)
		}
	}
	if err := makeSocketDir(shared); err == nil || !strings.Contains(err.Error(), "chmod go-w "+shared) {
		t.Errorf("a socket's directory that others can write to: %v", err)
	}
	if err := errors.Join(os.Chmod(shared, 0o777|os.ModeSticky), makeSocketDir(shared)); err != nil {
		t.Errorf("a sticky directory was refused: %v", err)
	}
}

// TestUnsafePathsAreRefused: whoever can change what is above a directory can put
// another one in its place.
func TestUnsafePathsAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(above, dir string) error
		want    string // "": it is taken
	}{
		"private":  {func(above, _ string) error { return os.Chmod(above, 0o700) }, ""},
		"readable": {func(above, _ string) error { return os.Chmod(above, 0o755) }, ""},
		"sticky":   {func(above, _ string) error { return os.Chmod(above, 0o777|os.ModeSticky) }, ""},
		"open":     {func(above, _ string) error { return os.Chmod(above, 0o707) }, "chmod go-w"},
		"foreign group": {func(above, _ string) error {
			return errors.Join(os.Chmod(above, 0o770), needsRoot(os.Chown(above, -1, 4242)))
		}, "chmod go-w"},
		"foreign": {func(above, _ string) error { return needsRoot(os.Chown(above, 4242, -1)) }, "another user (uid 4242)"},
		"link above an open one": {func(above, dir string) error {
			moved := above + "-moved"
			return errors.Join(os.Rename(above, moved), os.Symlink(moved, above), os.Chmod(moved, 0o707))
		}, "chmod go-w"},
		"link to a link in an open one": {func(above, _ string) error {
			open, moved := above+"-open", above+"-moved"
			return errors.Join(os.Mkdir(open, 0o700), os.Rename(above, moved), os.Symlink("../"+filepath.Base(moved), filepath.Join(open, "link")),
				os.Symlink(filepath.Join(open, "link"), above), os.Chmod(open, 0o707))
		}, "chmod go-w"},
		"link to a link": {func(above, _ string) error {
			between, moved := above+"-between", above+"-moved"
			return errors.Join(os.Mkdir(between, 0o700), os.Rename(above, moved), os.Symlink("../"+filepath.Base(moved), filepath.Join(between, "link")),
				os.Symlink(filepath.Join(between, "link"), above))
		}, ""},
		"link in a circle": {func(above, _ string) error {
			return errors.Join(os.Rename(above, above+"-moved"), os.Symlink(above, above))
		}, "too many"},
		"link of another user": {func(above, _ string) error {
			moved := above + "-moved"
			return errors.Join(os.Rename(above, moved), os.Symlink(moved, above), needsRoot(os.Lchown(above, 4242, -1)))
		}, "another user (uid 4242)"},
	} {
		above := filepath.Join(t.TempDir(), "above")
		dir := filepath.Join(above, "dir")
		if err := errors.Join(os.MkdirAll(dir, 0o700), c.prepare(above, dir)); errors.Is(err, errNeedsRoot) {
			t.Logf("%s: %v", name, err)
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{"private": makePrivate(dir), "socket's": makeSocketDir(dir)} {
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%s: the %s directory is refused: %v", name, what, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Dir(above))):
				t.Errorf("%s: the %s directory: got %v, want it to say %q", name, what, err, c.want)
			}
		}
	}
}

var errNeedsRoot = errors.New("only root can try this")

func needsRoot(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return errNeedsRoot
	}
	return err
}

// A lock beside a socket may lie where others can leave a link.
func TestALockIsNoLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := errors.Join(os.WriteFile(precious, []byte("all"), 0o600), os.Symlink(precious, filepath.Join(dir, "lock"))); err != nil {
		t.Fatal(err)
	}
	if _, err := lockState(t.Context(), Config{StateDir: dir}); err == nil {
		t.Error("a link was taken for a lock")
	}
	if b, err := os.ReadFile(precious); err != nil || string(b) != "all" {
		t.Errorf("what it leads to is now %q, %v", b, err)
	}
}

func TestTheLockNamesItsHolder(t *testing.T) {
	t.Parallel()
	c := Config{StateDir: t.TempDir(), Socket: "/the/socket"}
	if err := Running(c); err != nil {
		t.Fatalf("nobody runs yet: %v", err)
	}
	l, err := lockState(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockState(t.Context(), c)
	var running *RunningError
	if !errors.As(err, &running) || running.PID != os.Getpid() || running.Socket != c.Socket {
		t.Fatalf("got %#v", err)
	}
	for _, want := range []string{fmt.Sprint(os.Getpid()), c.StateDir, c.Socket} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	if err := Running(c); !errors.As(err, &running) {
		t.Fatalf("Running: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Running(c); err != nil {
		t.Fatalf("Running behind the end: %v", err)
	}
	if _, err := os.Stat(filepath.Join(c.StateDir, "lock")); err != nil {
		t.Errorf("the lock file was unlinked: %v", err)
	}
}

func TestTheSocketIsPrivateAndIsRemovedAtTheEnd(t *testing.T) {
	t.Parallel()
	c := Config{Socket: filepath.Join(shortDir(t), "s")}
	s, err := listen(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if m := mode(t, c.Socket); m != 0o600 {
		t.Errorf("mode %04o", m)
	}
	if err := s.release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(c.Socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestAStaleSocketIsNoObstacle(t *testing.T) {
	t.Parallel()
	c := Config{Socket: filepath.Join(shortDir(t), "s")}
	leaveStale(t, c.Socket)
	s, err := listen(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("unix", c.Socket)
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.Close()
	if err := s.release(); err != nil {
		t.Fatal(err)
	}
}

// leaveStale leaves a socket as a killed daemon does.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = l.Close()
}

func TestALiveSocketIsNeverStolen(t *testing.T) {
	t.Parallel()
	c := Config{Socket: filepath.Join(shortDir(t), "s")}
	var running *RunningError

	foreign, err := net.Listen("unix", c.Socket) // keeps to no lock of ours
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t.Context(), c); !errors.As(err, &running) {
		t.Fatalf("a socket that answers: %v", err)
	}
	_ = foreign.Close()

	s, err := listen(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t.Context(), c); !errors.As(err, &running) || running.PID != os.Getpid() {
		t.Fatalf("a daemon of ours: %v", err)
	}
	if err := s.release(); err != nil {
		t.Fatal(err)
	}
}

func TestASuccessorsSocketIsLeftAlone(t *testing.T) {
	t.Parallel()
	c := Config{Socket: filepath.Join(shortDir(t), "s")}
	s, err := listen(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.Socket); err != nil {
		t.Fatal(err)
	}
	leaveStale(t, c.Socket)
	if err := s.release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(c.Socket); err != nil {
		t.Errorf("the other one's socket was removed: %v", err)
	}
}

func TestOtherFilesInTheWayAreLeftAlone(t *testing.T) {
	t.Parallel()
	c := Config{Socket: filepath.Join(shortDir(t), "s")}
	if err := os.WriteFile(c.Socket, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t.Context(), c); err == nil || !strings.Contains(err.Error(), c.Socket) {
		t.Fatalf("got %v", err)
	}
	if b, err := os.ReadFile(c.Socket); err != nil || string(b) != "precious" {
		t.Fatalf("the file is gone: %q, %v", b, err)
	}
}

func TestTheLogFileIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	b, err := openBounded(path, 100)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 39) + "\n"
	for range 5 {
		if _, err := b.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	now, _ := os.ReadFile(path)
	old, _ := os.ReadFile(path + ".1")
	if string(now) != line || string(old) != line+line {
		t.Fatalf("got %d bytes now and %d before", len(now), len(old))
	}
	if m := mode(t, path); m != 0o600 {
		t.Errorf("mode %04o", m)
	}
}

// TestALogThatCannotBeWritten is told of, until a line is written again.
func TestALogThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	log, err := openLog(Config{StateDir: t.TempDir(), Background: true})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	good := log.file.f
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	log.Info("one")
	if p := log.problem(); p != "" {
		t.Error(p)
	}
	log.file.f = full
	log.Info("two")
	if p := log.problem(); !strings.Contains(p, "/dev/full") || !strings.Contains(p, "no space left on device") {
		t.Errorf("problem %q", p)
	}
	log.file.f = good
	log.Info("three")
	if p := log.problem(); p != "" {
		t.Error(p)
	}
}
