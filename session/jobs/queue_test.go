package jobs_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/jobs"
	"github.com/sessiond/sessiond/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var kinds = []api.JobKind{api.JobSummarize}

// world is a queue on a real store, and a clock that only the test moves.
type world struct {
	*jobs.Queue
	t     testing.TB
	store *store.Store
	now   time.Duration
	boot  string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, store: s, now: time.Hour, boot: "first"}
	w.restart()
	return w
}

// restart is another daemon on the same store.
func (w *world) restart() {
	w.Queue = jobs.New(jobs.Options{Store: w.store, Clock: func() time.Duration { return w.now }, Boot: w.boot,
		MaxAttempts: 3, Backoff: time.Minute, Lease: 10 * time.Minute})
}

func (w *world) session() store.SessionRow {
	row := store.SessionRow{Session: api.Session{ID: uuid.NewString(), RunID: uuid.NewString(), ClaudeSessionID: uuid.NewString(),
		Status: api.StatusCompleted, WorkingDir: "/", CreatedAt: api.Now(), LastActivityAt: api.Now()}}
	if err := w.store.Commit(w.t.Context(), &store.Batch{Create: &row}); err != nil {
		w.t.Fatal(err)
	}
	return row
}

func (w *world) add(session store.SessionRow, seq int64) store.JobRow {
	w.t.Helper()
	row, added, err := w.Add(w.t.Context(), session, api.JobSummarize, seq)
	if err != nil || !added {
		w.t.Fatal(row, added, err)
	}
	return row
}

// claim takes the next job; nil if none is due.
func (w *world) claim() *store.JobRow {
	w.t.Helper()
	row, ok, err := w.Claim(w.t.Context(), kinds)
	if err != nil {
		w.t.Fatal(err)
	}
	if !ok {
		return nil
	}
	return &row
}

func (w *world) job(id string) api.Job {
	w.t.Helper()
	row, err := w.store.Job(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return row.Job
}

func nobody(string) bool    { return false }
func everybody(string) bool { return true }

// TestEveryStateHasAnExit looks at the table itself.
func TestEveryStateHasAnExit(t *testing.T) {
	t.Parallel()
	exits := map[api.JobState]int{}
	for move, from := range jobs.Moves {
		for state, next := range from {
			exits[state]++
			if next == state && move != jobs.Retry {
				t.Errorf("%s leaves %s as it is", move, state)
			}
		}
	}
	for _, state := range api.JobStates {
		if exits[state] == 0 && state != api.JobDone {
			t.Errorf("%s has no exit", state)
		}
	}
	if exits[api.JobDone] > 0 {
		t.Error("what is done can be undone")
	}
	for _, own := range []jobs.Move{jobs.Claim, jobs.Finish, jobs.Fail, jobs.Bury, jobs.Release} {
		for state := range jobs.Moves[own] {
			if !state.Open() {
				t.Errorf("%s is made of a job that is %s", own, state)
			}
		}
	}
}

func TestAddIsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.session()
	first := w.add(session, 5)
	again, added, err := w.Add(t.Context(), session, api.JobSummarize, 5)
	if err != nil || added || again.Job.ID != first.Job.ID {
		t.Errorf("%+v, %v, %v", again, added, err)
	}
	if other := w.add(session, 6); other.Job.ID == first.Job.ID {
		t.Error("another seq is the same job")
	}
}

func TestFailuresAreRetriedThenDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.add(w.session(), 1).Job.ID
	for attempt, pause := range []time.Duration{time.Minute, 4 * time.Minute, 0} {
		row := w.claim()
		if row == nil || row.Job.Attempts != attempt+1 || row.Job.LeaseUntil.IsZero() {
			t.Fatalf("attempt %d: %+v", attempt+1, row)
		}
		if err := w.Fail(t.Context(), *row, "it broke", false, api.Usage{CostUSD: 0.5}); err != nil {
			t.Fatal(err)
		}
		if pause == 0 {
			break
		}
		if j := w.job(id); j.State != api.JobQueued || j.Reason != "it broke" || j.RetryAt.IsZero() || !j.LeaseUntil.IsZero() {
			t.Errorf("%+v", j)
		}
		if wait, ok, err := w.Next(t.Context(), w.now); wait != pause || !ok || err != nil {
			t.Errorf("waits %v, %v, %v; want %v", wait, ok, err, pause)
		}
		if early := w.claim(); early != nil {
			t.Fatalf("claimed early: %+v", early)
		}
		w.now += pause
	}
	if j := w.job(id); j.State != api.JobDead || j.Reason != "it broke" || j.Attempts != 3 || !j.RetryAt.IsZero() {
		t.Errorf("%+v", j)
	}
	if spent, err := w.store.Spent(t.Context(), api.Now()); err != nil || spent != 1.5 {
		t.Errorf("spent %v, %v", spent, err)
	}
	if w.claim() != nil {
		t.Error("a dead job was claimed")
	}
	if row, err := w.Retry(t.Context(), id); err != nil || row.Job.State != api.JobQueued || row.Job.Attempts != 0 {
		t.Errorf("%+v, %v", row, err)
	}
	if row := w.claim(); row == nil || row.Job.ID != id {
		t.Errorf("%+v", row)
	}
}

func TestAVainAttemptIsTheLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(w.session(), 1)
	row := w.claim()
	if err := w.Fail(t.Context(), *row, "never", true, api.Usage{}); err != nil {
		t.Fatal(err)
	}
	if j := w.job(row.Job.ID); j.State != api.JobDead || j.Attempts != 1 {
		t.Errorf("%+v", j)
	}
}

// TestLeases: work that comes too late changes nothing.
func TestLeases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(w.session(), 1)
	first := w.claim()
	if taken, err := w.Reclaim(t.Context(), everybody); err != nil || len(taken) != 0 {
		t.Errorf("%+v, %v", taken, err)
	}
	w.now += 10 * time.Minute
	if taken, err := w.Reclaim(t.Context(), everybody); err != nil || len(taken) != 1 || taken[0].Lease != first.Lease {
		t.Errorf("%+v, %v", taken, err)
	}
	w.now += time.Minute
	second := w.claim()
	if second == nil || second.Job.Attempts != 2 || !strings.Contains(second.Job.Reason, "lease") {
		t.Fatalf("%+v", second)
	}
	for name, err := range map[string]error{"done": w.Finish(t.Context(), *first, ""), "failed": w.Fail(t.Context(), *first, "", false, api.Usage{}),
		"released": w.Release(t.Context(), *first, "")} {
		if !errors.Is(err, jobs.ErrLost) {
			t.Errorf("%s with a lease that was taken: %v", name, err)
		}
	}
	if err := w.Finish(t.Context(), *second, ""); err != nil {
		t.Error(err)
	}
}

// TestRestart takes back what a daemon before had claimed, also when the machine's
// clock has begun anew; a daemon that was stopped gently has lost no attempt.
func TestRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(w.session(), 1)
	row := w.claim()
	if err := w.Release(t.Context(), *row, "the daemon stopped"); err != nil {
		t.Fatal(err)
	}
	if row = w.claim(); row == nil || row.Job.Attempts != 1 {
		t.Fatalf("%+v", row)
	}
	w.now, w.boot = time.Second, "second"
	w.restart()
	if taken, err := w.Reclaim(t.Context(), nobody); err != nil || len(taken) != 1 {
		t.Fatalf("%+v, %v", taken, err)
	}
	if j := w.job(row.Job.ID); j.State != api.JobQueued || !strings.Contains(j.Reason, "daemon ended") {
		t.Errorf("%+v", j)
	}
	w.boot = "third" // the pause was on another clock
	w.restart()
	if row = w.claim(); row == nil || row.Job.Attempts != 2 {
		t.Errorf("%+v", row)
	}
}

func TestClientsMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	row := w.add(w.session(), 1)
	id := row.Job.ID
	if _, err := w.Cancel(t.Context(), uuid.NewString(), "me"); !errors.Is(err, &api.Error{Reason: api.ReasonJobNotFound}) {
		t.Errorf("unknown: %v", err)
	}
	claimed := w.claim()
	if _, err := w.Retry(t.Context(), id); !errors.Is(err, &api.Error{Reason: api.ReasonInvalidState}) {
		t.Errorf("retry of one that runs: %v", err)
	}
	if row, err := w.Cancel(t.Context(), id, "me"); err != nil || row.Job.State != api.JobCancelled || row.Job.Reason != "cancelled by me" {
		t.Errorf("%+v, %v", row, err)
	}
	if err := w.Finish(t.Context(), *claimed, ""); !errors.Is(err, jobs.ErrLost) {
		t.Errorf("finished behind its end: %v", err)
	}
	if _, err := w.Retry(t.Context(), id); err != nil {
		t.Error(err)
	}
	if err := w.Finish(t.Context(), *w.claim(), "nothing to do"); err != nil {
		t.Fatal(err)
	}
	var refused *api.Error
	if _, err := w.Cancel(t.Context(), id, "me"); !errors.As(err, &refused) || refused.Data["job_state"] != api.JobDone || refused.Data["hint"] == "" {
		t.Errorf("cancel of one that is done: %v", err)
	}
}
