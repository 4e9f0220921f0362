package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/messagesapi"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
	"github.com/sessiond/sessiond/session/shim"
)

// served is a world whose daemon is a process, which can be killed.
type served struct {
	*world
	daemon  *exec.Cmd
	gates   string          // directory of the scripted claude's
	prepare func(*exec.Cmd) // changes the daemon's command; may be nil
}

// serveScripted has the scripted claude, in the flavour of a version.
func serveScripted(t *testing.T, flavour string) *served {
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), flavour)
	return serve(t, w)
}

// serveReal has the real Claude Code of a version.
func serveReal(t *testing.T, version string) *served {
	w := newWorld(t)
	w.cfg.Claude = claudecli.Path(t, version)
	server, err := messagesapi.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w.API, w.url = server, server.URL
	return serve(t, w)
}

func serve(t *testing.T, w *world) *served { return servePrepared(t, w, nil) }

// servePrepared is serve with a daemon whose command prepare changes.
func servePrepared(t *testing.T, w *world, prepare func(*exec.Cmd)) *served {
	s := &served{world: w, gates: t.TempDir(), prepare: prepare}
	s.launchDaemon()
	t.Cleanup(func() {
		s.endAll()
		_ = s.Close()
		_ = s.daemon.Process.Signal(syscall.SIGTERM)
		if err := s.daemon.Wait(); err != nil {
			t.Errorf("daemon: %v", err)
		}
	})
	return s
}

// launchDaemon starts `sessiond serve` and waits until it answers.
func (s *served) launchDaemon() {
	s.t.Helper()
	s.daemon = s.daemonCommand()
	s.daemon.Stderr = os.Stderr
	if s.prepare != nil {
		s.prepare(s.daemon)
	}
	if err := s.daemon.Start(); err != nil {
		s.t.Fatal(err)
	}
	answers := poll(func() bool {
		if s.Client == nil {
			c, err := client.Dial(s.ctx, s.cfg.Socket)
			if err != nil {
				return false
			}
			s.Client = c
		}
		_, err := s.Health(s.ctx)
		return err == nil
	})
	if !answers {
		s.t.Fatal("the daemon does not answer")
	}
}

// daemonCommand is the daemon's command, not started yet.
func (s *served) daemonCommand() *exec.Cmd {
	cmd := exec.Command(sessiond, "serve")
	cmd.Env = append(s.environ(), "SESSIOND_STATE_DIR="+s.cfg.StateDir, "SESSIOND_SOCKET="+s.cfg.Socket, "SESSIOND_CLAUDE="+s.cfg.Claude, "SESSIOND_LOG_LEVEL=error")
	return cmd
}

// poll waits for what no event tells, and reports whether it came.
func poll(there func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !there(); <-tick.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// suspend stops a process until SIGCONT. It returns when the process stands
// still: on a busy machine that is a while after the signal.
func suspend(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := poll(func() bool {
		state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
		if err != nil {
			t.Fatalf("ps of process %d: %v", pid, err)
		}
		return strings.HasPrefix(strings.TrimSpace(string(state)), "T")
	})
	if !stopped {
		t.Fatalf("process %d does not stop", pid)
	}
}

// killDaemon kills the daemon, as nothing else can end it.
func (s *served) killDaemon() {
	_ = s.daemon.Process.Kill()
	_ = s.daemon.Wait() // killed
}

// gate is a prompt that is not answered until open is called.
func (s *served) gate(name string) string {
	if s.API != nil {
		return "wait: " + name
	}
	return "wait: " + filepath.Join(s.gates, name)
}

func (s *served) open(name string) {
	if s.API != nil {
		s.API.Release(name)
		return
	}
	touch(s.t, filepath.Join(s.gates, name))
}

// reached waits until Claude Code is at a gate.
func (s *served) reached(id, name string, position int) {
	if s.API != nil {
		if err := s.API.Reached(s.ctx, name); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	s.when(id, func(api.Session) bool { return s.states(id)[position] == api.MessageStarted })
}

// Who dies, and what for.
var victims = []string{"daemon", "shim", "child", "daemon and shim", "daemon and child"}

// strike kills whom it says. With the daemon dead, whatever else is killed dies
// unseen; it is started again by mend.
func (s *served) strike(id, victim string) {
	s.t.Helper()
	ses := s.when(id, func(api.Session) bool { return true })
	started, err := shim.ReadStart(filepath.Join(s.cfg.StateDir, "sessions", id))
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.Contains(victim, "daemon") {
		s.killDaemon()
	}
	var pid int
	switch {
	case strings.Contains(victim, "shim"):
		pid = started.ShimPID
	case strings.Contains(victim, "child"):
		pid = ses.PID
	default:
		return
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.t.Fatalf("kill %s: %v", victim, err)
	}
}

func (s *served) mend(victim string) {
	s.t.Helper()
	if strings.Contains(victim, "daemon") {
		s.launchDaemon()
	}
}

// fate waits until a message is final, and returns it and how often the words
// that answer it were said.
func (s *served) fate(id, messageID, answer string) (api.Message, int) {
	s.t.Helper()
	find := func() api.Message {
		inbox := s.inbox(id)
		return inbox[slices.IndexFunc(inbox, func(m api.Message) bool { return m.ID == messageID })]
	}
	s.when(id, func(api.Session) bool { return find().State.Final() })
	s.log(id) // marks its end: a conversation goes as far as is announced, which is a moment behind the inbox
	said := 0
	for _, text := range texts(s.conversation(api.GetConversationParams{SessionID: id})) {
		if strings.HasPrefix(text, "assistant: ") && strings.Contains(text, answer) {
			said++
		}
	}
	return find(), said
}

// faults are the moments in a message's life at which somebody dies. Each makes
// the session and the message, and returns what lets things go on afterwards.
var faults = map[string]func(s *served) (id, messageID, answer string, goOn func()){
	"accepted, not written": func(s *served) (string, string, string, func()) {
		id := s.interactive(s.gate("before"))
		s.reached(id, "before", 0)
		m := s.say(id, "the mark")
		return id, m.ID, "you said: the mark", func() { s.open("before") }
	},
	"written, not acknowledged": func(s *served) (string, string, string, func()) {
		id := s.interactive("hello")
		pid := s.idle(id, 1).PID
		suspend(s.t, pid)
		m := s.say(id, "the mark")
		return id, m.ID, "you said: the mark", func() { _ = syscall.Kill(pid, syscall.SIGCONT) } // it may be dead
	},
	"acknowledged, not completed": func(s *served) (string, string, string, func()) {
		id := s.interactive("hello")
		s.idle(id, 1)
		m := s.say(id, s.gate("within"))
		s.reached(id, "within", 1)
		return id, m.ID, "wait", func() { s.open("within") }
	},
}

// ends says what may become of the message, by moment and victim: the state,
// with the reason of a failure.
func ends(moment, victim string) []string {
	switch {
	case victim == "daemon":
		return []string{"completed"}
	case strings.Contains(victim, "child") && moment == "acknowledged, not completed":
		return []string{"failed process_died"}
	case strings.Contains(victim, "child"), moment == "accepted, not written":
		return []string{"failed not_started"}
	case moment == "written, not acknowledged":
		// The shim may die with it, too. And a stopped child whose shim dies gets
		// SIGHUP from the kernel, when it goes on: before its turn or in it.
		return []string{"completed", "failed not_started", "failed process_died"}
	default:
		return []string{"completed"} // without the shim, Claude Code still does what it has read
	}
}

// TestInboxUnderFaults kills whom it may, at each moment of a message's life:
// the message is taken exactly once, or reported as failed, and never both.
func TestInboxUnderFaults(t *testing.T) {
	t.Parallel()
	worlds := map[string]func(*testing.T) *served{}
	for _, version := range claudecli.Versions() {
		worlds["scripted "+version] = func(t *testing.T) *served { return serveScripted(t, version) }
		if version == claudecli.Pinned || !testing.Short() {
			worlds["real "+version] = func(t *testing.T) *served { return serveReal(t, version) }
		}
	}
	for name, world := range worlds {
		for moment, arrange := range faults {
			for _, victim := range victims {
				t.Run(name+"/"+moment+"/"+victim, func(t *testing.T) {
					t.Parallel()
					s := world(t)
					id, messageID, answer, goOn := arrange(s)
					s.strike(id, victim)
					goOn()
					s.mend(victim)
					m, said := s.fate(id, messageID, answer)
					got := strings.TrimSpace(fmt.Sprint(m.State, " ", m.Reason))
					if want := ends(moment, victim); !slices.Contains(want, got) {
						t.Errorf("%s, not %s", got, want)
					}
					if done := m.State == api.MessageCompleted; said > 1 || done && said == 0 || m.Reason == api.MessageNotStarted && said > 0 {
						t.Errorf("%s, answered %d times:\n%s", got, said, s.dump(id))
					}
					if victim != "daemon" {
						s.until(id, final...)
					} else if ses := s.idle(id, 2); ses.QueuedMessages != 0 {
						t.Errorf("session: %+v", ses)
					}
				})
			}
		}
	}
}

// TestDaemonKilledAgainAndAgain sends messages, now and then while the daemon is
// killed. A client that lost an answer asks again with the same message id.
func TestDaemonKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	for _, flavour := range claudecli.Versions() {
		t.Run(flavour, func(t *testing.T) {
			t.Parallel()
			s := serveScripted(t, flavour)
			id := s.interactive("say: begin")
			const messages, kills = 60, 6
			var sent []string
			sending := make(chan struct{})
			go func() {
				defer close(sending)
				for i := range messages {
					p := api.SendMessageParams{SessionID: id, MessageID: uuid.NewString(), Content: api.Text(fmt.Sprintf("say: <%d>", i))}
					if i%3 == 0 {
						p.Delivery = api.DeliveryNow
					}
					var err error
					if !poll(func() bool { _, err = s.SendMessage(s.ctx, p); return err == nil }) {
						t.Errorf("message %d: %v", i, err)
						return
					}
					sent = append(sent, p.MessageID)
				}
			}()
			for range kills {
				head := s.head()
				if !poll(func() bool { return s.head() > head+5 || closed(sending) }) {
					t.Fatal("nothing happens")
				}
				s.killDaemon()
				s.launchDaemon()
			}
			<-sending
			for _, messageID := range sent {
				if m, _ := s.fate(id, messageID, "-"); m.State != api.MessageCompleted {
					t.Errorf("message %d is %s (%s)", m.Position, m.State, m.Reason)
				}
			}
			said := texts(s.conversation(api.GetConversationParams{SessionID: id, Limit: ptr(10000)}))
			for i := range messages {
				if n := count(said, fmt.Sprintf("assistant: <%d>", i)); n != 1 {
					t.Errorf("message %d was taken %d times", i, n)
				}
			}
		})
	}
}

// head is the newest seq of the log.
func (s *served) head() int64 {
	h, err := s.Health(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return h.Events.HeadSeq
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
