package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// later are two programs that come after the one under test: their schema has
// one migration more. The broken one's fails in its middle.
var later = sync.OnceValues(func() (p struct{ newer, broken string }, err error) {
	p.newer, err = buildLater("newer", "CREATE TABLE later (n INTEGER PRIMARY KEY) STRICT;")
	if err == nil {
		p.broken, err = buildLater("broken", "CREATE TABLE later (n INTEGER PRIMARY KEY) STRICT;\nDROP TABLE messages;\nINSERT INTO nowhere VALUES (1);")
	}
	return p, err
})

// buildLater builds a program of a version, with a migration more than there is.
func buildLater(version, migration string) (program string, err error) {
	dir := filepath.Join(filepath.Dir(sessiond), version)
	root, err := filepath.Abs("../..")
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		return "", err
	}
	step, overlay := filepath.Join(dir, "step.sql"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(root, "store", "migrations", "90001_later.sql"): step,
	}})
	if err == nil {
		err = os.WriteFile(step, []byte("-- +goose Up\n"+migration+"\n"), 0o600)
	}
	if err == nil {
		err = os.WriteFile(overlay, replace, 0o600)
	}
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, "sessiond")
	build := exec.Command("go", "build", "-overlay", overlay, "-ldflags", "-X main.stamped="+version, "-o", program, "./cmd/sessiond")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
}

func laterPrograms(t *testing.T) (newer, broken string) {
	t.Helper()
	p, err := later()
	if err != nil {
		t.Fatal(err)
	}
	return p.newer, p.broken
}

// install copies a program to a path, in the place of what is there, as package
// managers do: by renaming.
func install(t *testing.T, from, path string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	program.Write(t, path+".new", string(b))
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// serveInstalled has a daemon of the program under test, installed for itself.
func serveInstalled(t *testing.T) (s *served, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sessiond")
	install(t, sessiond, path)
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	return servePrepared(t, w, func(daemon *exec.Cmd) { daemon.Path = path }), path
}

// at says what has become of sessions in each state that a daemon may leave
// behind, and that they go on.
type at struct {
	asking, queued, printing, idle string
	question                       api.Approval
	message                        api.Message
	shims                          map[string]int // pids, by session
	children                       map[string]int
}

const printed = 300

// everywhere makes a session in each state.
func (s *served) everywhere() *at {
	s.t.Helper()
	a := &at{shims: map[string]int{}, children: map[string]int{}}
	a.asking = s.interactive(`ask: Bash {"command":"ls"}`)
	a.queued = s.interactive(s.gate("turn"))
	a.idle = s.interactive("hello")
	a.question = s.asked(a.asking)
	s.reached(a.queued, "turn", 0)
	a.message = s.say(a.queued, "the mark")
	s.idle(a.idle, 1)
	a.printing = s.launch(s.prompt(fmt.Sprintf("emit: %d 430 60", printed)))
	s.heardAtAll(a.printing)
	for _, id := range []string{a.asking, a.queued, a.idle} { // the printing one may have come to its end
		a.shims[id], a.children[id] = s.shimPID(id), s.when(id, func(api.Session) bool { return true }).PID
	}
	return a
}

// heardAtAll waits until Claude Code has said anything.
func (s *served) heardAtAll(id string) {
	s.t.Helper()
	s.when(id, func(api.Session) bool {
		return len(numbers(s.conversation(api.GetConversationParams{SessionID: id}))) > 0
	})
}

func (s *served) shimPID(id string) int {
	s.t.Helper()
	started, err := shim.ReadStart(filepath.Join(s.cfg.StateDir, "sessions", id))
	if err != nil {
		s.t.Fatal(err)
	}
	return started.ShimPID
}

// alive checks that shims and children are those that they were.
func (a *at) alive(s *served) {
	s.t.Helper()
	for _, id := range []string{a.asking, a.queued, a.idle} {
		if pid := s.shimPID(id); pid != a.shims[id] {
			s.t.Errorf("the shim of %s was %d, is %d", id, a.shims[id], pid)
		}
		for _, pid := range []int{a.shims[id], a.children[id]} {
			if err := syscall.Kill(pid, 0); err != nil {
				s.t.Errorf("process %d of %s: %v", pid, id, err)
			}
		}
	}
}

// goOn has every session go on, and checks that it does.
func (a *at) goOn(s *served) {
	s.t.Helper()
	a.alive(s)
	s.decide(api.SendDecisionParams{ApprovalID: a.question.ID, Decision: api.DecisionApprove})
	s.idle(a.asking, 1)
	if said := s.results(a.asking); len(said) != 1 {
		s.t.Errorf("the tool that was asked about said %q", said)
	}
	s.open("turn")
	if m, said := s.fate(a.queued, a.message.ID, "you said: the mark"); m.State != api.MessageCompleted || said != 1 {
		s.t.Errorf("the queued message is %s, answered %d times", m.State, said)
	}
	s.say(a.idle, "and on")
	s.idle(a.idle, 2)
	if ses := s.until(a.printing, final...); ses.Status != api.StatusCompleted {
		s.t.Errorf("the printing session: %+v", ses)
	}
	for i, n := range numbers(s.conversation(api.GetConversationParams{SessionID: a.printing})) {
		if n != i+1 || i >= printed {
			s.t.Fatalf("line %d is the %dth", n, i+1)
		}
	}
}

// endDaemon ends the daemon by a signal.
func (s *served) endDaemon(sig syscall.Signal) {
	s.t.Helper()
	if err := s.daemon.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
	if err := s.daemon.Wait(); sig == syscall.SIGTERM && err != nil {
		s.t.Errorf("daemon: %v", err)
	}
}

// version is what the daemon says it is.
func (s *served) version() string {
	s.t.Helper()
	h, err := s.Health(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return h.Version
}

// runs checks which program a process runs, where the system tells.
func runs(t *testing.T, pid int, program string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	is, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		t.Fatal(err)
	}
	should, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(is, should) {
		t.Errorf("process %d runs another program than %s", pid, program)
	}
}

// copies lists the copies of the database that migrations have made.
func (s *served) copies() []string {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.cfg.StateDir, "sessiond.db.before-v*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// TestUpgrade installs a newer program while sessions run, and has its daemon
// take them over: their processes stay, everything goes on, the database was
// migrated once, and what is new runs the new program.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sig     syscall.Signal
		deleted bool // the old program's file, before the new one is there
	}{
		"stopped, its file replaced": {syscall.SIGTERM, false},
		"killed, its file deleted":   {syscall.SIGKILL, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newer, _ := laterPrograms(t)
			s, path := serveInstalled(t)
			a := s.everywhere()
			if c.deleted {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else {
				install(t, newer, path)
			}
			between := s.interactive("still the older daemon")
			s.idle(between, 1)
			runs(t, s.shimPID(between), fmt.Sprintf("/proc/%d/exe", s.daemon.Process.Pid))
			s.endDaemon(c.sig)
			install(t, newer, path)
			s.launchDaemon()
			if v := s.version(); v != "newer" {
				t.Errorf("the daemon is %q", v)
			}
			fresh := s.interactive("hello")
			s.idle(fresh, 1)
			runs(t, s.shimPID(fresh), path)
			a.goOn(s)
			s.killDaemon()
			s.launchDaemon()
			if found := s.copies(); len(found) != 1 {
				t.Errorf("copies from before the migration: %v", found)
			}
		})
	}
}

// TestFailedUpgradeKillsEverySession installs a newer program that cannot start,
// because its migration fails: sessions live on, the database is as it was, and
// the older program takes over again.
func TestFailedUpgradeKillsEverySession(t *testing.T) {
	t.Parallel()
	_, broken := laterPrograms(t)
	s, _ := serveInstalled(t)
	a := s.everywhere()
	s.endDaemon(syscall.SIGTERM)
	for range 2 { // as a service manager would
		s.refused(broken, "the sessiond that wrote it can go on with it")
		a.alive(s)
	}
	s.launchDaemon()
	a.goOn(s)
}

// TestOlderBinaryStripsNewerFields has an older program find the database of a
// newer one. It does not touch it, and says why; sessions live on, and the newer
// one takes over again. (That what is stored changes only with the schema's
// version is TestStoredFields of package session.)
func TestOlderBinaryStripsNewerFields(t *testing.T) {
	t.Parallel()
	newer, _ := laterPrograms(t)
	s, path := serveInstalled(t)
	s.endDaemon(syscall.SIGTERM)
	install(t, newer, path)
	s.launchDaemon()
	a := s.everywhere()
	s.endDaemon(syscall.SIGTERM)
	for range 2 {
		s.refused(sessiond, "schema version 90001", "use the newer sessiond")
		a.alive(s)
	}
	s.launchDaemon()
	a.goOn(s)
}

// refused has a program try to be the daemon, and checks that it says why it is
// not.
func (s *served) refused(program string, why ...string) {
	s.t.Helper()
	daemon := s.daemonCommand()
	daemon.Path = program
	out, err := daemon.CombinedOutput()
	if err == nil {
		s.t.Errorf("%s was the daemon", program)
	}
	for _, words := range why {
		if !strings.Contains(string(out), words) {
			s.t.Errorf("%s does not say %q: %s", program, words, out)
		}
	}
}

// TestAnotherVersionsCommandLine uses an older command line on a newer daemon,
// and the other way round.
func TestAnotherVersionsCommandLine(t *testing.T) {
	t.Parallel()
	newer, _ := laterPrograms(t)
	for name, c := range map[string]struct{ daemon, command string }{
		"older on newer": {newer, sessiond},
		"newer on older": {sessiond, newer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
			s := servePrepared(t, w, func(daemon *exec.Cmd) { daemon.Path = c.daemon })
			launch := s.daemonCommand()
			launch.Path, launch.Args = c.command, []string{"sessiond", "launch", "--unattended", "say: hello"}
			out, err := launch.Output()
			if err != nil || !strings.Contains(string(out), "hello") || !strings.Contains(string(out), "completed") {
				t.Errorf("launch: %v\n%s", err, out)
			}
		})
	}
}
