package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
)

// limitedWorld has the scripted claude, and a daemon with limits.
func limitedWorld(t *testing.T, limit func(w *world)) *world {
	w := newWorld(t)
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	limit(w)
	w.start()
	return w
}

// TestAdmission launches more sessions than may live: the others queue, in
// order, can be seen and cancelled, and start as slots free up.
func TestAdmission(t *testing.T) {
	t.Parallel()
	w := limitedWorld(t, func(w *world) { w.cfg.MaxSessions = 2 })
	ids := make([]string, 5)
	for i := range ids {
		ids[i] = w.interactive("say: hi")
		if i < 2 {
			w.idle(ids[i], 1)
		}
	}
	queued := func() []string {
		list, err := w.ListSessions(w.ctx, api.ListSessionsParams{Status: []api.Status{api.StatusQueued}})
		if err != nil {
			t.Fatal(err)
		}
		var waiting []string
		for _, ses := range list.Sessions {
			waiting = append(waiting, ses.ID)
		}
		slices.Sort(waiting) // ids sort by time
		return waiting
	}
	if diff := cmp.Diff(ids[2:], queued()); diff != "" {
		t.Fatal(diff)
	}
	w.figures(func(h api.Health) bool { return h.Sessions[api.StatusQueued] == 3 })
	cancelled, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: ids[3]})
	if err != nil || cancelled.Status != api.StatusInterrupted {
		t.Errorf("interrupted in the queue: %+v, %v", cancelled, err)
	}
	if m := w.inbox(ids[3])[0]; m.State != api.MessageFailed || m.Reason != api.MessageNotStarted {
		t.Errorf("its message: %+v", m)
	}
	// The queue outlives the daemon, in its order.
	w.stop()
	w.start()
	if diff := cmp.Diff([]string{ids[2], ids[4]}, queued()); diff != "" {
		t.Fatal(diff)
	}
	w.end(ids[0])
	w.idle(ids[2], 1)
	if diff := cmp.Diff([]string{ids[4]}, queued()); diff != "" {
		t.Fatal(diff)
	}
	w.end(ids[2])
	w.idle(ids[4], 1)
	if diff := cmp.Diff([]string{"slot_free", "output", "turn_ended"}, w.reasons(ids[4])); diff != "" {
		t.Error(diff)
	}
}

// figures waits until those of health are as wanted: where the database does not answer
// at once, they are older.
func (w *world) figures(wanted func(api.Health) bool) {
	w.t.Helper()
	var h api.Health
	if !poll(func() bool {
		var err error
		if h, err = w.Health(w.ctx); err != nil {
			w.t.Fatal(err)
		}
		return wanted(h)
	}) {
		w.t.Errorf("health: %+v", h)
	}
}

// end ends a session and waits for its end.
func (w *world) end(id string) api.Session {
	w.t.Helper()
	if _, err := w.EndSession(w.ctx, api.EndSessionParams{SessionID: id}); err != nil {
		w.t.Fatalf("endSession: %v", err)
	}
	return w.until(id, final...)
}

// TestDailyLimit spends a day's money: nothing new is launched or sent, what
// was queued is held back, and goes on when there is money again.
func TestDailyLimit(t *testing.T) {
	t.Parallel()
	w := limitedWorld(t, func(w *world) { w.cfg.DailyBudgetUSD = 0.0001 })
	gate := filepath.Join(t.TempDir(), "gate")
	id := w.interactive("wait: " + gate)
	w.until(id, api.StatusRunning)
	held := w.say(id, "say: held back")
	touch(t, gate)
	ses := w.idle(id, 1)
	if ses.QueuedMessages != 1 {
		t.Errorf("session: %+v", ses)
	}
	if all := w.reasons(id); all[len(all)-1] != "daily_limit" {
		t.Errorf("reasons: %v", all)
	}
	if m := w.inbox(id)[1]; m.State != api.MessageQueued {
		t.Errorf("message: %+v", m)
	}
	_, err := w.LaunchSession(w.ctx, w.prompt("say: hi"))
	refused(t, err, api.ReasonLimitExceeded)
	_, err = w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("say: more")})
	if e := refused(t, err, api.ReasonLimitExceeded); e.Data["limit"] != 0.0001 {
		t.Errorf("error: %v %v", e, e.Data)
	}
	w.figures(func(h api.Health) bool { return h.Budget.DailyLimitUSD == 0.0001 && h.Budget.SpentTodayUSD >= 0.0001 })
	// There is nothing to interrupt: the session stays as it is.
	if got, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id}); err != nil || got.Status != api.StatusWaitingInput || !slices.Equal(got.QueuedMessages, []string{held.ID}) {
		t.Errorf("interrupted while held: %+v, %v", got, err)
	}
	w.stop()
	w.cfg.DailyBudgetUSD = 5
	w.start()
	if ses := w.idle(id, 2); ses.Result != "held back" || ses.QueuedMessages != 0 {
		t.Errorf("session: %+v", ses)
	}
	p := w.prompt("report")
	p.MaxBudgetUSD = ptr(100.0)
	budget := ""
	for _, arg := range w.report(w.launch(p)).Argv {
		if rest, ok := strings.CutPrefix(arg, "--max-budget-usd="); ok {
			budget = rest
		}
	}
	if !strings.HasPrefix(budget, "4.99") {
		t.Errorf("a launch may spend %q", budget)
	}
}

// TestDailyLimitOneTurn: a one-turn session is not ended as long as a message
// of it is held back, and what is held back can be withdrawn.
func TestDailyLimitOneTurn(t *testing.T) {
	t.Parallel()
	w := limitedWorld(t, func(w *world) { w.cfg.DailyBudgetUSD = 0.0001 })
	gate := filepath.Join(t.TempDir(), "gate")
	id := w.launch(w.prompt("wait: " + gate))
	w.until(id, api.StatusRunning)
	w.say(id, "say: held back")
	touch(t, gate)
	w.idle(id, 1)
	if _, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id, Queued: api.QueuedCancel}); err != nil {
		t.Fatal(err)
	}
	w.until(id, final...)
	if diff := cmp.Diff([]api.MessageState{"completed", "cancelled"}, w.states(id)); diff != "" {
		t.Error(diff)
	}
}

// TestIdleTimeout ends a session that nobody talks to, says why, and can be
// continued; never while a question is open.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	w := limitedWorld(t, func(w *world) { w.cfg.IdleTimeout = 300 * time.Millisecond })
	asking := w.interactive("ask: Bash {\"command\":\"x\"}")
	a := w.asked(asking)
	for range 2 {
		id := w.interactive("say: hi")
		if ses := w.until(id, final...); ses.Status != api.StatusCompleted || ses.ErrorMessage != "" {
			t.Errorf("session: %+v", ses)
		}
		if all := w.reasons(id); all[len(all)-1] != "idle_timeout" {
			t.Errorf("reasons: %v", all)
		}
		next := api.ContinueSessionParams{SessionID: id, Query: api.Text("history")}
		result, err := w.ContinueSession(w.ctx, next)
		if err != nil {
			t.Fatal(err)
		}
		if ses := w.until(result.SessionID, final...); ses.Status != api.StatusCompleted || !strings.Contains(ses.Result, "say: hi") {
			t.Errorf("continued: %+v", ses)
		}
	}
	// By now the other one has asked for several times as long.
	if ses := w.when(asking, func(api.Session) bool { return true }); ses.WaitingFor != api.WaitingForApproval {
		t.Errorf("session: %+v", ses)
	}
	w.decide(api.SendDecisionParams{ApprovalID: a.ID, Decision: api.DecisionApprove})
	w.until(asking, final...)
	if all := w.reasons(asking); all[len(all)-1] != "idle_timeout" {
		t.Errorf("reasons: %v", all)
	}
}

// TestModeTimeout bounds a permission mode, from the launch on and live: it
// falls back by itself, with an event, also under the next daemon.
func TestModeTimeout(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	p := w.prompt("say: hi")
	p.Interactive, p.PermissionMode, p.PermissionModeTimeoutMS = ptr(true), ptr("acceptEdits"), ptr(int64(500))
	id := w.launch(p)
	fellBack := func(ses api.Session) bool {
		return ses.PermissionMode == "default" && ses.PermissionModeExpiresAt.IsZero()
	}
	w.when(id, fellBack)
	_, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: id, PermissionMode: ptr("acceptEdits"), PermissionModeTimeoutMS: ptr(int64(1500))})
	if err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.start()
	w.when(id, fellBack)
	var modes []string
	bounds := map[api.Time]bool{} // of modes that are to fall back: by now all have
	for _, ev := range w.log(id) {
		if ev.Type == api.EventSessionUpdated {
			ses := decode[api.Session](t, ev)
			modes = append(modes, ses.PermissionMode)
			if ses.PermissionMode == "acceptEdits" && !ses.PermissionModeExpiresAt.IsZero() {
				bounds[ses.PermissionModeExpiresAt] = true
			}
		}
	}
	if len(bounds) != 2 {
		t.Errorf("modes were to fall back at %v", bounds)
	}
	if diff := cmp.Diff([]string{"acceptEdits", "default", "acceptEdits", "default"}, slices.Compact(modes)); diff != "" {
		t.Error(diff)
	}
	// What continues it has the mode that it ended with.
	w.end(id)
	result, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: id, Query: api.Text("report")})
	if err != nil {
		t.Fatal(err)
	}
	if argv := w.report(result.SessionID).Argv; !slices.Contains(argv, "--permission-mode=default") {
		t.Errorf("continued with %v", argv)
	}
}

// TestRealRetry has the API refuse: that the request is tried again shows in
// the session, until the turn is over.
func TestRealRetry(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.interactive("err: 529")
		ses := w.when(id, func(ses api.Session) bool { return ses.APIRetry != nil })
		if r := ses.APIRetry; r.Attempt < 1 || r.ErrorStatus != 529 || r.RetryDelayMS <= 0 || r.MaxRetries < 1 {
			t.Errorf("retry: %+v", r)
		}
		if _, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id}); err != nil {
			t.Fatal(err)
		}
		if ses := w.idle(id, 1); ses.APIRetry != nil {
			t.Errorf("session: %+v", ses)
		}
	})
}

// TestOneOwner has two daemons of one user, with a state directory each: what
// lives in the one cannot be continued in the other.
func TestOneOwner(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	first := w.until(w.launch(w.prompt("say: first")), final...)
	other := w.copy()
	live := api.ContinueSessionParams{SessionID: first.ID, Query: api.Text("say: second")}
	live.Interactive = ptr(true)
	result, err := w.ContinueSession(w.ctx, live)
	if err != nil {
		t.Fatal(err)
	}
	w.idle(result.SessionID, 1)
	_, err = other.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: first.ID, Query: api.Text("say: third")})
	if e := refused(t, err, api.ReasonInvalidState); e.Data["hint"] == "" || !strings.Contains(e.Message, "live process") {
		t.Errorf("error: %v %v", e, e.Data)
	}
	if list, err := other.ListSessions(w.ctx, api.ListSessionsParams{}); err != nil || len(list.Sessions) != 1 {
		t.Errorf("something was left behind: %+v, %v", list, err)
	}
	// A fork is another conversation, and so allowed.
	if _, err := other.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: first.ID, Query: api.Text("say: fork"), Fork: true}); err != nil {
		t.Errorf("fork: %v", err)
	}
	w.end(result.SessionID)
	again, err := other.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: first.ID, Query: api.Text("history")})
	if err != nil {
		t.Fatal(err)
	}
	if ses := other.until(again.SessionID, final...); ses.Status != api.StatusCompleted {
		t.Errorf("session: %+v", ses)
	}
}
