package session

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// TestIdleAlarm is set only for a session that waits for its user, with nothing
// at work behind it.
func TestIdleAlarm(t *testing.T) {
	t.Parallel()
	r := newRig(t, true)
	a := &actor{mgr: &Manager{cfg: Config{IdleTimeout: time.Hour}}}
	set := func() bool {
		a.m = r.m
		a.plan(false)
		return a.alarms.idle.c != nil
	}
	r.run()
	if set() {
		t.Error("set in mid-turn")
	}
	r.print(lineInit, lineText, lineOK)
	if !set() {
		t.Error("not set when idle")
	}
	before := a.alarms.idle.at
	a.plan(true)
	if a.alarms.idle.at != before {
		t.Error("a change of title counts as activity")
	}
	r.print(`{"type":"system","subtype":"background_tasks_changed","tasks":[{"task_type":"local_agent"}]}`)
	if set() {
		t.Error("set while a subagent works")
	}
	r.print(`{"type":"system","subtype":"background_tasks_changed","tasks":[]}`, question("q"))
	if set() {
		t.Error("set while a question is open")
	}
}

// TestNewDay lets those go on who were held back, when there is money again.
func TestNewDay(t *testing.T) {
	t.Parallel()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "db"), store.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	spend := func(usd float64) {
		t.Helper()
		if err := st.Commit(t.Context(), &store.Batch{Used: api.Usage{CostUSD: usd}, UsedAt: api.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	m := &Manager{cfg: Config{DailyBudgetUSD: 1, MaxQueued: 1}, store: st, log: slog.New(slog.DiscardHandler), actors: map[string]*actor{}}
	ctx, stop := context.WithCancel(t.Context())
	poll, done := make(chan time.Time), make(chan struct{})
	spend(2)
	go func() { defer close(done); m.watchBudget(ctx, poll) }()
	waits := m.newActor(newID())
	if now, err := m.reserve(ctx, waits); now || err != nil {
		t.Fatalf("started %v over the limit: %v", now, err)
	}
	poll <- time.Now()
	poll <- time.Now() // the first was looked at
	select {
	case <-waits.granted:
		t.Fatal("started over the limit")
	default:
	}
	spend(-2) // as good as a new day
	poll <- time.Now()
	<-waits.granted
	stop()
	<-done
}
