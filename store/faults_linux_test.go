package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
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

// feeder commits numbered lines of one session, in batches of random sizes, and
// tries each batch again until it is taken, as those do who read journals.
type feeder struct {
	s     *Store
	row   *SessionRow
	who   int
	taken atomic.Int64
	fails atomic.Int64
	last  atomic.Pointer[error] // of the last try
}

// feed commits until ctx ends.
func (f *feeder) feed(ctx context.Context) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		b := &Batch{}
		count := int(f.taken.Load())
		for i := range 1 + n%7 {
			line := numbered(f.who, count+i)
			if i == 6 {
				line += strings.Repeat("x", 20000)
			}
			b.Events = append(b.Events, lineEvent(f.row.N, line))
		}
		b.Update = &SessionUpdate{N: f.row.N, JournalOffset: int64(count + len(b.Events)), LastActivityAt: api.Now()}
		err := f.s.Commit(context.Background(), b)
		f.last.Store(&err)
		if err == nil {
			f.taken.Add(int64(len(b.Events)))
			continue
		}
		f.fails.Add(1)
		<-tick.C
	}
}

// err is that of the last try.
func (f *feeder) err() error {
	if p := f.last.Load(); p != nil {
		return *p
	}
	return nil
}

// feeders feed some sessions until stop is called.
func feeders(t *testing.T, s *Store, n int) (all []*feeder, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for who := range n {
		f := &feeder{s: s, row: create(t, s, nil), who: who}
		all = append(all, f)
		wg.Go(func() { f.feed(ctx) })
	}
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return all, stop
}

// progress waits until every feeder has committed something more.
func progress(t *testing.T, all []*feeder) {
	t.Helper()
	for _, f := range all {
		from := f.taken.Load()
		eventually(t, fmt.Sprintf("commits of session %d (%v)", f.who, f.err()), func() bool { return f.taken.Load() > from+10 })
	}
}

// checkFed checks that the log holds what the feeders know to be taken, once, in
// order, and nothing else.
func checkFed(t *testing.T, s *Store, all []*feeder) {
	t.Helper()
	counts := map[int64]int{}
	who := map[int64]int{}
	for _, f := range all {
		who[f.row.N] = f.who
	}
	last := int64(0)
	for _, e := range wholeLog(t, s, 1000, Filter{}) {
		if line, _, _ := strings.Cut(string(e.Line), "x"); line != numbered(who[e.SessionN], counts[e.SessionN]) || e.Seq <= last {
			t.Fatalf("event %d behind %d of session %d is %q, not number %d", e.Seq, last, who[e.SessionN], line, counts[e.SessionN])
		}
		counts[e.SessionN]++
		last = e.Seq
	}
	for _, f := range all {
		row, err := s.Session(t.Context(), f.row.Session.ID)
		if n := int(f.taken.Load()); counts[f.row.N] != n || err != nil || int(row.JournalOffset) != n {
			t.Errorf("session %d: %d events, offset %d, %d were taken, %v", f.who, counts[f.row.N], row.JournalOffset, n, err)
		}
	}
}

// checkReadable checks that whatever is wrong with writing, reading works.
func checkReadable(t *testing.T, s *Store, all []*feeder) {
	t.Helper()
	if list, err := s.ListSessions(t.Context(), api.ListSessionsParams{}); err != nil || len(list.Sessions) != len(all) {
		t.Errorf("%d sessions are listed, %v", len(list.Sessions), err)
	}
	if _, _, err := s.Log(t.Context(), 0, 1000, Filter{}); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Conversation(t.Context(), []Segment{{N: all[0].row.N}}, 0, 1000, 1<<20); err != nil {
		t.Error(err)
	}
}

// reopen closes the store, checks the file, and opens it again.
func reopen(t *testing.T, s *Store, path string) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := Check(t.Context(), path); err != nil {
		t.Error(err)
	}
	return openAt(t, path, Options{})
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
			all, stop := feeders(t, s, 3)
			progress(t, all)
			for range 2 {
				inject(t, dir, c.rule)
				if c.rule.times > 0 { // it is over before anybody sees it
					failed := failures(all)
					eventually(t, "a commit fails", func() bool { return failures(all) > failed })
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
