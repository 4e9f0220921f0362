package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// childEnv says that a test runs in a process that was made for it.
const childEnv = "SESSIOND_STORE_TEST_CHILD"

// inChild runs the test in a process of its own, and reports whether this is it.
func inChild(t *testing.T, prepare func(*exec.Cmd)) bool {
	t.Helper()
	if os.Getenv(childEnv) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=10m") //nolint:gosec // G204, G702: the test itself
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name())
	prepare(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// underFaults runs the test where calls of SQLite's can be made to fail.
func underFaults(t *testing.T) bool {
	t.Helper()
	if os.Getenv(childEnv) == t.Name() {
		return true
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("there is no gcc to build the library that makes calls fail")
	}
	library := filepath.Join(t.TempDir(), "faults.so")
	if out, err := exec.CommandContext(t.Context(), gcc, "-O2", "-shared", "-fPIC", "-o", library, "testdata/faults.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return inChild(t, func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "LD_PRELOAD="+library) })
}

// rule makes calls fail, see testdata/faults.c.
type rule struct {
	call, suffix string
	errno        syscall.Errno
	after, times int
}

var ruleIDs atomic.Int64

// inject makes calls on files of a directory fail as the rules say; none: no more.
func inject(t *testing.T, dir string, rules ...rule) {
	t.Helper()
	var b strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&b, "%s %d %s %d %d %d\n", r.call, int(r.errno), r.suffix, ruleIDs.Add(1), r.after, r.times)
	}
	path := filepath.Join(dir, ".faults")
	if err := os.WriteFile(path+".new", []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// failures counts the tries that failed.
func failures(all []*feeder) (n int64) {
	for _, f := range all {
		n += f.fails.Load()
	}
	return n
}

// about tells whether err is about a fault; nil: about any.
func about(err, kind error) bool {
	return errors.Is(err, kind) && kind != nil || kind == nil && faultOf(err) != nil
}

// TestTheDiskFails: commits fail with the cause, readings go on, Problem says
// what is wrong, and when it is over commits go on by themselves; nothing that
// was taken is lost, nothing is there twice.
func TestTheDiskFails(t *testing.T) {
	t.Parallel()
	if !underFaults(t) {
		return
	}
	for name, c := range map[string]struct {
		rule rule
		want error
	}{
		"full":               {rule{call: "write", errno: syscall.ENOSPC, suffix: "-wal"}, ErrFull},
		"full in a moment":   {rule{call: "write", errno: syscall.ENOSPC, suffix: "-wal", after: 9}, ErrFull},
		"quota":              {rule{call: "write", errno: syscall.EDQUOT, suffix: "-wal"}, ErrFull},
		"read-only":          {rule{call: "write", errno: syscall.EROFS, suffix: "-wal"}, ErrReadOnly},
		"broken":             {rule{call: "write", errno: syscall.EIO, suffix: "-wal"}, ErrIO},
		"sync fails":         {rule{call: "sync", errno: syscall.EIO, suffix: "-wal"}, ErrIO},
		"one sync fails":     {rule{call: "sync", errno: syscall.EIO, suffix: "-wal", after: 2, times: 1}, ErrIO},
		"sync finds it full": {rule{call: "sync", errno: syscall.ENOSPC, suffix: "-wal"}, ErrFull},
		// What cannot be read is damaged to SQLite: it may say so as well.
		"everything": {rule{call: "any", errno: syscall.EIO, suffix: "*"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "db")
			s := openAt(t, path, Options{})
			all, stop := feeders(t, s, 3, 0)
			progress(t, all)
			for range 2 {
				inject(t, dir, c.rule)
				if c.rule.times > 0 { // it is over before anybody sees it
					failed, armed := failures(all), time.Now()
					eventually(t, "a commit fails", func() bool {
						if time.Since(armed) > time.Second { // a checkpoint had the sync that failed
							inject(t, dir, c.rule)
							armed = time.Now()
						}
						return failures(all) > failed
					})
				} else {
					eventually(t, "the problem is told", func() bool { return about(s.Problem(), c.want) })
					eventually(t, "commits fail", func() bool { return about(all[0].err(), c.want) })
				}
				if p := s.Problem(); p != nil && (!strings.Contains(p.Error(), path) || !strings.Contains(p.Error(), "; ")) {
					t.Errorf("%q does not say which file, or what to do", p)
				}
				if c.rule.call != "any" {
					checkReadable(t, s, all)
				}
				inject(t, dir)
				progress(t, all)
				eventually(t, "the problem is over", func() bool { return s.Problem() == nil })
			}
			stop()
			checkFed(t, s, all)
			checkFed(t, reopen(t, s, path), all)
		})
	}
}
