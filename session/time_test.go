package session

import (
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
)

// bounded is an actor whose session is in a permission mode for an hour, begun
// when the machine was up for ten.
func bounded(t *testing.T) *actor {
	t.Helper()
	r := newRig(t, true)
	r.run()
	r.do(func(s *step) {
		s.clock = 10 * time.Hour
		s.expireMode(time.Hour.Milliseconds())
	})
	return &actor{m: r.m, mgr: &Manager{}}
}

// TestModeDeadlineIgnoresTheTimeOfDay: the wall clock of a rig stands in 2001, so
// by the time of day every deadline of it is long over.
func TestModeDeadlineIgnoresTheTimeOfDay(t *testing.T) {
	t.Parallel()
	a := bounded(t)
	for up, want := range map[time.Duration]time.Duration{10 * time.Hour: time.Hour, 10*time.Hour + 45*time.Minute: 15 * time.Minute, 12 * time.Hour: -time.Hour} {
		a.mgr.clock = func() time.Duration { return up }
		if left := a.modeLeft(); left != want {
			t.Errorf("up %v: %v left, not %v", up, left, want)
		}
	}
}

// TestModeDeadlineOutlivesTheDaemon has another daemon take over: what is left is
// counted on the same clock.
func TestModeDeadlineOutlivesTheDaemon(t *testing.T) {
	t.Parallel()
	a := bounded(t)
	m, err := newMachine(a.m.row, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	next := &actor{m: m, mgr: &Manager{clock: func() time.Duration { return 10*time.Hour + 20*time.Minute }}}
	if left := next.modeLeft(); left != 40*time.Minute {
		t.Errorf("%v left", left)
	}
	next.plan(false)
	if left := time.Until(next.alarms.mode.at); left < 30*time.Minute || left > 40*time.Minute {
		t.Errorf("the alarm rings in %v", left)
	}
	next.m.eng.ModeUntil = 0 // as an older daemon has left it
	if left := next.modeLeft(); left > 0 {
		t.Errorf("by the time of day %v is left", left)
	}
}

// TestModeDeadlineIsForgotten with the mode that it was for.
func TestModeDeadlineIsForgotten(t *testing.T) {
	t.Parallel()
	a := bounded(t)
	s := a.m.begin(api.Now())
	s.expireMode(0)
	if s.m.eng.ModeUntil != 0 || !s.m.row.Session.PermissionModeExpiresAt.IsZero() {
		t.Errorf("engine: %+v", s.m.eng)
	}
}

// TestAlarmsAreMonotonic: each is set on the clock that nobody sets, which stands
// still while the machine sleeps.
func TestAlarmsAreMonotonic(t *testing.T) {
	t.Parallel()
	a := bounded(t)
	a.mgr.clock, a.mgr.cfg.IdleTimeout = monotonic, time.Hour
	a.m.eng.Interrupt = &interrupt{Sent: true}
	a.plan(false)
	r := newRig(t, true)
	r.run()
	r.print(lineInit, lineText, lineOK)
	idle := &actor{m: r.m, mgr: a.mgr}
	idle.plan(false)
	for name, at := range map[string]time.Time{"nudge": a.alarms.nudge.at, "mode": a.alarms.mode.at, "idle": idle.alarms.idle.at} {
		if at.IsZero() || !strings.Contains(at.String(), " m=") {
			t.Errorf("%s: %v", name, at)
		}
	}
}

// TestMonotonicGoesOn, and is the same for everybody.
func TestMonotonicGoesOn(t *testing.T) {
	t.Parallel()
	if first, second := monotonic(), monotonic(); first <= 0 || second < first {
		t.Errorf("%v, then %v", first, second)
	}
}

// TestClockJumps sets the wall clock back and forth by hours in mid-session: it
// changes times, not what happens nor its order.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	r := newRig(t, true)
	r.run()
	for i, jump := range []time.Duration{-5 * time.Hour, 9 * time.Hour, -100 * 24 * time.Hour} {
		r.now = r.now.Add(jump)
		if i > 0 {
			r.do(func(s *step) { s.addMessage(newID(), api.Text("more"), api.DeliveryQueue) })
		}
		r.turn(true)
		if r.status != api.StatusWaitingInput || r.m.row.Session.NumTurns != i+1 {
			t.Fatalf("after %v: %s, %d turns", jump, r.status, r.m.row.Session.NumTurns)
		}
	}
	r.exit(0)
	if ses := r.m.row.Session; r.status != api.StatusCompleted || ses.CompletedAt.IsZero() {
		t.Errorf("session: %+v", ses)
	}
}

// TestAnotherDaemonIsNoActivity: the answers of a take-over leave a session's
// place in lists, and the time since which it waits.
func TestAnotherDaemonIsNoActivity(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		pendingLine(): true,
		`{"type":"system","subtype":"background_tasks_changed","tasks":[]}`: true,
		lineText: false, lineInit: false, `{"type":"stream_event","event":{}}`: false,
		`{"type":"control_response","response":{"subtype":"success","request_id":"x","response":{"mode":"plan"}}}`: false,
	} {
		r := newRig(t, true)
		r.run()
		s := r.m.begin(api.Now())
		s.quiet = true
		parsed := claude.Parse([]byte(line))
		s.line(shim.Line{Bytes: []byte(line), End: int64(len(line))}, &parsed)
		if s.quiet != want {
			t.Errorf("quiet %v: %s", s.quiet, line)
		}
	}
}

// TestActivityWhilePrinting: what is only printed moves last_activity_at once a
// second, what changes the session at once; a clock that was set back does not
// hold it up.
func TestActivityWhilePrinting(t *testing.T) {
	t.Parallel()
	r := newRig(t, true)
	r.run()
	const said = `{"type":"assistant","message":{"content":"hm"}}`
	r.print(said) // the turn begins
	for _, tc := range []struct {
		name  string
		after time.Duration
		line  string
		want  bool
	}{
		{"a second later", 2 * time.Second, said, true},
		{"a line", time.Millisecond, said, false},
		{"a clock that is set back", -time.Hour, said, true},
		{"a line behind it", time.Millisecond, said, false},
		{"a turn that ends", time.Millisecond, `{"type":"result","subtype":"success","result":"done"}`, true},
	} {
		r.now = r.now.Add(tc.after)
		s := r.do(func(s *step) { s.take([]shim.Line{{Bytes: []byte(tc.line), End: s.m.row.JournalOffset + 1}}) })
		at, shown := s.batch.Update.LastActivityAt, s.m.row.Session.LastActivityAt
		if at.IsZero() == tc.want || !at.IsZero() && !at.Equal(shown.Time) {
			t.Errorf("%s: stored is %v, shown %v", tc.name, at, shown)
		}
	}
}
