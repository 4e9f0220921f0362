package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/daemontest"
	"github.com/sessiond/sessiond/internal/messagesapi"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// patience bounds every wait of these tests. It is reached only by a failure.
const patience = 4 * time.Minute

// sessiond is the program that was built for the tests; the shims run it.
var sessiond string

func TestMain(m *testing.M) { daemontest.Main(m, &sessiond) }

// world is a daemon of its own, with a state directory, a home and a client.
type world struct {
	*client.Client
	t    testing.TB
	ctx  context.Context
	cfg  daemon.Config
	home string
	work string              // working directory of sessions
	url  string              // of the Messages API's stand-in, if there is one
	env  []string            // what else is in the environment of sessions
	API  *messagesapi.Server // nil with the scripted claude
	stop func()              // the daemon
}

// scriptedWorld has the scripted claude, in the flavour of a version.
func scriptedWorld(t testing.TB, flavour string) *world {
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), flavour)
	w.start()
	return w
}

// realWorld has the real Claude Code of a version.
func realWorld(t testing.TB, version string) *world {
	w := newWorld(t)
	w.cfg.Claude = claudecli.Path(t, version)
	server, err := messagesapi.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w.API, w.url = server, server.URL
	w.start()
	return w
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &world{t: t, ctx: ctx, home: t.TempDir(), work: t.TempDir()}
	t.Cleanup(cancel)
	state := filepath.Join(t.TempDir(), "state")
	w.cfg = daemon.Config{StateDir: state, Socket: shortSocket(t), LockDir: filepath.Join(w.home, "locks"), LogFormat: daemon.LogText,
		LogLevel: slog.LevelWarn, Version: "test", Executable: sessiond}
	return w
}

// shortSocket is a path for a socket that is short enough, whatever the
// directories of tests are called.
func shortSocket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// start runs the daemon in this process, and connects a client.
func (w *world) start() {
	w.t.Helper()
	w.cfg.Environ = w.environ()
	c, stop := daemontest.Start(w.ctx, w.t, w.cfg)
	w.Client = c
	w.stop = func() {
		stop()
		w.stop = func() {}
	}
	w.t.Cleanup(func() { w.endAll(); w.stop() })
}

// environ is the environment of the sessions: nothing of this process's own.
func (w *world) environ() []string {
	if w.url != "" {
		return append(messagesapi.Env(w.home, w.url), w.env...)
	}
	return append([]string{"HOME=" + w.home, "PATH=" + os.Getenv("PATH")}, w.env...)
}

// endAll leaves no process behind.
func (w *world) endAll() {
	if err := daemontest.EndAll(w.ctx, w.Client); err != nil {
		w.t.Logf("sessions to end: %v", err)
	}
}

var final = []api.Status{api.StatusCompleted, api.StatusFailed, api.StatusInterrupted}

func ptr[T any](v T) *T { return &v }

// prompt is a launch with nothing but a prompt and a directory.
func (w *world) prompt(text string) api.LaunchSessionParams {
	return api.LaunchSessionParams{Query: api.Text(text), LaunchOptions: api.LaunchOptions{WorkingDir: &w.work}}
}

// launch launches a session and returns its id.
func (w *world) launch(p api.LaunchSessionParams) string {
	w.t.Helper()
	result, err := w.LaunchSession(w.ctx, p)
	if err != nil {
		w.t.Fatalf("launchSession: %v", err)
	}
	return result.SessionID
}

// run launches a session and waits for its end.
func (w *world) run(text string) api.Session {
	w.t.Helper()
	return w.until(w.launch(w.prompt(text)), final...)
}

// until follows a session's events until it has one of the statuses, and
// returns it as it was then.
func (w *world) until(id string, statuses ...api.Status) api.Session {
	w.t.Helper()
	return w.when(id, func(ses api.Session) bool { return slices.Contains(statuses, ses.Status) })
}

// when follows a session's events until it is as wanted.
func (w *world) when(id string, wanted func(api.Session) bool) api.Session {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	var ses api.Session
	look := func() bool {
		got, err := w.GetSessionState(ctx, api.SessionParams{SessionID: id})
		if err != nil {
			w.t.Fatalf("getSessionState: %v (last: %+v)", err, ses)
		}
		ses = got.Session
		return wanted(ses)
	}
	head, err := w.Health(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if look() {
		return ses
	}
	for _, err := range w.Events(ctx, api.SubscribeParams{SessionID: id, AfterSeq: &head.Events.HeadSeq}) {
		if err != nil {
			w.t.Fatalf("session is not as wanted: %v\n%+v\n%s", err, ses, w.dump(id))
		}
		if look() {
			break
		}
	}
	return ses
}

// conversation reads a whole conversation, page by page.
func (w *world) conversation(p api.GetConversationParams) []api.ConversationEvent {
	w.t.Helper()
	var all []api.ConversationEvent
	for {
		page, err := w.GetConversation(w.ctx, p)
		if err != nil {
			w.t.Fatalf("getConversation: %v", err)
		}
		all = append(all, page.Events...)
		if page.NextAfterSeq == nil {
			return all
		}
		p.AfterSeq = *page.NextAfterSeq
	}
}

// log reads a session's events from the beginning of the log up to now, which a
// change of its title marks.
func (w *world) log(id string) []api.Event {
	w.t.Helper()
	health, err := w.Health(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: id, Title: ptr(fmt.Sprint("as of ", health.Events.HeadSeq))}); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	var events []api.Event
	for ev, err := range w.Events(ctx, api.SubscribeParams{SessionID: id, AfterSeq: ptr(int64(0))}) {
		if err != nil {
			w.t.Fatalf("subscribe: %v", err)
		}
		if ev.Seq > health.Events.HeadSeq {
			break
		}
		events = append(events, ev)
	}
	return events
}

// dump shows a session's conversation, for the message of a failure.
func (w *world) dump(id string) string {
	var b strings.Builder
	page, err := w.GetConversation(context.Background(), api.GetConversationParams{SessionID: id})
	for _, ev := range page.Events {
		fmt.Fprintf(&b, "%d %s %s %.200s\n", ev.Seq, ev.EventType, ev.Role, ev.Content)
	}
	if err != nil {
		fmt.Fprintln(&b, err)
	}
	for _, name := range []string{"stderr", "shim.log"} {
		if f, err := os.Open(filepath.Join(w.cfg.StateDir, "sessions", id, name)); err == nil {
			fmt.Fprintf(&b, "%s: ", name)
			_, _ = io.Copy(&b, io.LimitReader(f, 2000))
			_ = f.Close()
		}
	}
	return b.String()
}

// texts lists what was said, by whom.
func texts(events []api.ConversationEvent) []string {
	var said []string
	for _, ev := range events {
		if ev.EventType == api.ConversationMessage {
			said = append(said, ev.Role+": "+ev.Content)
		}
	}
	return said
}

// changes lists a session's statuses in their order, as the events tell them,
// and fails the test where one does not begin with what the one before ended in.
func (w *world) changes(id string) []api.Status {
	w.t.Helper()
	var statuses []api.Status
	for _, ev := range w.log(id) {
		switch ev.Type {
		case api.EventSessionCreated:
			statuses = append(statuses, decode[api.Session](w.t, ev).Status)
		case api.EventSessionStatusChanged:
			c := decode[api.StatusChange](w.t, ev)
			if c.OldStatus != statuses[len(statuses)-1] {
				w.t.Errorf("status changed from %s, was %s", c.OldStatus, statuses[len(statuses)-1])
			}
			statuses = append(statuses, c.NewStatus)
		}
	}
	return statuses
}

// decode reads an event's data.
func decode[T any](t testing.TB, ev api.Event) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(ev.Data, &v); err != nil {
		t.Fatalf("data of %s: %v", ev.Type, err)
	}
	return v
}
