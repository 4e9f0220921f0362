package examples

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/daemontest"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
	"github.com/sessiond/sessiond/session"
)

// patience bounds every wait. It is reached only by a failure.
const patience = 4 * time.Minute

// sessiond is the program that was built for the tests; the shims run it.
var sessiond string

func TestMain(m *testing.M) { daemontest.Main(m, &sessiond) }

// world is a daemon of its own, in directories of its own, and what is recorded.
type world struct {
	*client.Client
	t    *testing.T
	ctx  context.Context
	cfg  daemon.Config
	work string // working directory of sessions
	// summaries is where summarisers look for what they are to do.
	summaries string
	names     *strings.Replacer
	taken     *recording
}

// newWorld starts a daemon. Its directories get the names that a user's would have
// wherever something is recorded.
func newWorld(t *testing.T, taken *recording) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	w := &world{t: t, ctx: ctx, work: filepath.Join(dir, "work"), taken: taken}
	bin := filepath.Join(dir, "bin")
	for _, d := range []string{w.work, bin} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	state := filepath.Join(dir, "state")
	w.cfg = daemon.Config{StateDir: state, Socket: filepath.Join(dir, "s"), LockDir: filepath.Join(dir, "locks"),
		LogFormat: daemon.LogText, LogLevel: slog.LevelWarn, Version: "1.0.0", Executable: sessiond,
		Claude:  scripted.InstallVersion(t, bin, claudecli.Pinned),
		Environ: []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}}
	w.summaries = filepath.Join(dir, "summaries")
	if err := os.Mkdir(w.summaries, 0o700); err != nil {
		t.Fatal(err)
	}
	w.cfg.Environ = append(w.cfg.Environ, scripted.SummariesVariable+"="+w.summaries)
	w.cfg.Jobs = session.Jobs{Attempts: 1, Backoff: time.Millisecond}
	w.names = strings.NewReplacer(w.cfg.Claude, "/home/you/.local/bin/claude", state, "/home/you/.local/state/sessiond",
		w.work, "/home/you/project", dir, "/home/you")
	return w
}

// start runs the daemon in this process, and connects a client.
func (w *world) start() {
	w.t.Helper()
	c, stop := daemontest.Start(w.ctx, w.t, w.cfg)
	w.Client = c
	w.t.Cleanup(func() {
		if err := daemontest.EndAll(w.ctx, c); err != nil {
			w.t.Error(err)
		}
		stop()
	})
}

// ask calls a method and keeps both what was asked and what was said as an example.
func (w *world) ask(name, method string, params map[string]any) map[string]any {
	w.t.Helper()
	var result json.RawMessage
	if err := w.Call(w.ctx, method, params, &result); err != nil {
		w.t.Fatalf("%s: %v", method, err)
	}
	if params == nil {
		params = map[string]any{}
	}
	asked, err := api.Marshal(params)
	if err != nil {
		w.t.Fatal(err)
	}
	w.taken.Methods[method] = append(w.taken.Methods[method], call{name, w.named(asked), w.named(result)})
	var out map[string]any
	if err := json.Unmarshal(result, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// fail calls a method that has to fail for a reason, and keeps the error.
func (w *world) fail(reason api.Reason, method string, params map[string]any) {
	w.t.Helper()
	var e *api.Error
	err := w.Call(w.ctx, method, params, nil)
	if !errors.As(err, &e) || e.Reason != reason {
		w.t.Fatalf("%s: %v, want %s", method, err, reason)
	}
	w.taken.keep(w, reason, e)
}

// named puts the names that a user would have in the place of this world's.
func (w *world) named(raw []byte) json.RawMessage {
	return json.RawMessage(w.names.Replace(string(raw)))
}

// until waits until a session has a status as wanted.
func (w *world) until(id string, wanted func(api.Status) bool) {
	w.t.Helper()
	for ev, err := range w.Events(w.ctx, api.SubscribeParams{SessionID: id, AfterSeq: new(int64)}) {
		if err != nil {
			w.t.Fatal(err)
		}
		var change api.StatusChange
		if ev.Type != api.EventSessionStatusChanged {
			continue
		}
		if err := json.Unmarshal(ev.Data, &change); err != nil {
			w.t.Fatal(err)
		}
		ses, err := w.GetSessionState(w.ctx, api.SessionParams{SessionID: id})
		if err != nil {
			w.t.Fatal(err)
		}
		if wanted(ses.Session.Status) {
			return
		}
	}
}

func is(status api.Status) func(api.Status) bool {
	return func(s api.Status) bool { return s == status }
}

// transcript puts a conversation of Claude Code's where it keeps them, and returns
// the directory, in which nothing else is.
func (w *world) transcript() string {
	w.t.Helper()
	kept, err := os.ReadFile(filepath.Join("..", "..", "session", "transcript", "testdata", claudecli.Pinned, "text.jsonl"))
	if err != nil {
		w.t.Fatal(err)
	}
	project := filepath.Join(filepath.Dir(w.work), ".claude", "projects", "-home-you-project")
	if err := os.MkdirAll(project, 0o700); err != nil {
		w.t.Fatal(err)
	}
	file := filepath.Join(project, "6e9a881b-e763-4990-9ecb-37775de8657d.jsonl")
	if err := os.WriteFile(file, kept, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return project
}

// summarizers says what those are to do that come from now on; "" for a summary.
func (w *world) summarizers(script string) {
	w.t.Helper()
	file := filepath.Join(w.summaries, "script")
	err := os.Remove(file)
	if script != "" {
		err = os.WriteFile(file, []byte(script), 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
}

// job waits until a job is in a state.
func (w *world) job(id string, state api.JobState) {
	w.t.Helper()
	for ev, err := range w.Events(w.ctx, api.SubscribeParams{AfterSeq: new(int64), EventTypes: []api.EventType{api.EventJobUpdated}}) {
		if err != nil {
			w.t.Fatal(err)
		}
		var j api.Job
		if err := json.Unmarshal(ev.Data, &j); err != nil {
			w.t.Fatal(err)
		}
		if j.ID == id && j.State == state {
			return
		}
	}
}

func (w *world) send(id, text string) error {
	_, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text(text)})
	return err
}
