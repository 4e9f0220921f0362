package session

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// queuedSession is a manager with one session, which waits for a slot.
func queuedSession(t *testing.T, log *slog.Logger) (*Manager, string) {
	t.Helper()
	return queuedIn(t, store.Options{Logger: log})
}

func queuedIn(t *testing.T, options store.Options) (*Manager, string) {
	t.Helper()
	dir, log := t.TempDir(), options.Logger
	st, err := store.Open(t.Context(), filepath.Join(dir, "db"), options)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewManager(Config{Store: st, StateDir: dir, LockDir: dir, MaxSessions: 1, Logger: log, Claude: "/bin/sh"}) // it is never run
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(m.Close(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	m.live = 1
	result, err := m.LaunchSession(t.Context(), api.LaunchSessionParams{Query: api.Text("hello"), LaunchOptions: api.LaunchOptions{WorkingDir: &dir}})
	if err != nil {
		t.Fatal(err)
	}
	return m, result.SessionID
}

// TestPanicTakesNobodyDown: a panic in one session's goroutine strands that
// session for a moment. What was panicked with is not logged, the stack is.
func TestPanicTakesNobodyDown(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	m, id := queuedSession(t, slog.New(slog.NewTextHandler(&log, nil)))
	a := m.find(id)
	err := a.do(t.Context(), func(context.Context) error {
		a.m.row.Session.Title = "what a broken step has left"
		panic("a secret")
	})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Reason != api.ReasonInternal {
		t.Errorf("who called was told: %v", err)
	}
	deadline := time.Now().Add(4 * time.Minute)
	for {
		ses, err := m.change(t.Context(), id, func(_ *actor, s *step) error { s.updated = true; return nil })
		if err == nil {
			if ses.Status != api.StatusQueued || ses.Title != "" {
				t.Errorf("session: %+v", ses)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	m.stop()
	m.wg.Wait()
	if text := log.String(); strings.Count(text, "stack=") != 1 || !strings.Contains(text, "actor_test.go") || strings.Contains(text, "a secret") {
		t.Errorf("log: %s", text)
	}
}

// TestShimOfTheDaemonBefore: what a daemon before this one has begun to start may
// run any moment. As long as its shim can have the conversation's lock, the session
// is not called failed because it cannot be started here.
func TestShimOfTheDaemonBefore(t *testing.T) {
	t.Parallel()
	m, id := queuedSession(t, slog.New(slog.DiscardHandler))
	a := m.find(id)
	m.cfg.Claude = filepath.Join(t.TempDir(), "not here") // read once the session may start
	if err := shim.PrivateDir(a.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.path("launch.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lock := flock.New(m.lockFile(a.m.eng.Conversation))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	m.live--
	m.grantLocked(false)
	m.mu.Unlock()

	deadline := time.Now().Add(4 * time.Minute)
	status := func() api.Status {
		row, err := m.store.Session(t.Context(), id)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("session %+v: %v", row.Session, err)
		}
		return row.Session.Status
	}
	stranded := func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.troubles[id] != ""
	}
	for !stranded() {
		if s := status(); s.Final() {
			t.Fatalf("the session is %s, and its process may be starting", s)
		}
		time.Sleep(time.Millisecond)
	}
	if err := lock.Unlock(); err != nil { // it is gone, and has started nothing
		t.Fatal(err)
	}
	for !status().Final() {
		time.Sleep(time.Millisecond)
	}
	if s := status(); s != api.StatusFailed {
		t.Errorf("the session is %s", s)
	}
}

// TestNoTroubleOnceFinal: whoever learns that a session is final finds no more
// trouble with it, and none is noted afterwards, by a start that has waited.
func TestNoTroubleOnceFinal(t *testing.T) {
	t.Parallel()
	final := make(chan []string, 1)
	var m *Manager
	m, id := queuedIn(t, store.Options{Logger: slog.New(slog.DiscardHandler), Published: func(events []store.Event) {
		for _, ev := range events {
			if ev.Type == api.EventSessionStatusChanged && bytes.Contains(ev.Data, []byte(`"failed"`)) {
				final <- m.stranded()
			}
		}
	}})
	a := m.find(id)
	err := a.do(t.Context(), func(ctx context.Context) error {
		a.mgr.trouble(a.id, errors.New("it has not answered"))
		return a.finish(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	if troubles := <-final; len(troubles) != 0 {
		t.Errorf("as it becomes final: %q", troubles)
	}
	m.reportSilent([]*actor{a})
	if troubles := m.stranded(); len(troubles) != 0 {
		t.Errorf("afterwards: %q", troubles)
	}
}

// TestRepeatKeepsOrder: requests that wait for Claude Code's answer are written
// again in the order in which they were made, so that the last switch counts.
func TestRepeatKeepsOrder(t *testing.T) {
	t.Parallel()
	m := &Manager{log: slog.New(slog.DiscardHandler), troubles: map[string]string{}}
	a := m.newActor(newID())
	a.m = &machine{eng: engine{Controls: map[string]control{}}}
	var want []string
	for range 20 {
		id := newID()
		a.m.eng.Controls[id] = control{Mode: "default"}
		want = append(want, string(claude.SetPermissionMode(id, "default")))
	}
	out := &outbox{some: make(chan struct{}, 1)}
	a.link.open, a.link.out = true, out
	a.repeat()
	var got []string
	for _, line := range out.rest[:len(want)] {
		got = append(got, string(line))
	}
	if !slices.Equal(got, want) {
		t.Errorf("written:\n%s", strings.Join(got, "\n"))
	}
}

// TestNameSession: who launches a session from inside another one hands on an
// environment that names that one.
func TestNameSession(t *testing.T) {
	t.Parallel()
	env := nameSession([]string{"A=1", "SESSIOND_SESSION_ID=other", "SESSIOND_RUN_ID=other", "SESSIOND_SESSION_ID=", "SESSIOND_SESSION_IDS=2"},
		&api.Session{ID: "this", RunID: "run"})
	slices.Sort(env)
	if want := []string{"A=1", "SESSIOND_RUN_ID=run", "SESSIOND_SESSION_ID=this", "SESSIOND_SESSION_IDS=2"}; !slices.Equal(env, want) {
		t.Errorf("%v", env)
	}
}
