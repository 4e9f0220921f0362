package session

import (
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// idleManager has a store and a clock that only the test moves. Nobody is at work.
func idleManager(t *testing.T, change func(*Config)) (m *Manager, now *time.Duration) {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(t.Context(), filepath.Join(dir, "db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Store: st, StateDir: dir, LockDir: dir, Claude: "/no/such/claude", Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	if m, err = NewManager(cfg); err != nil {
		t.Fatal(err)
	}
	now = new(time.Duration)
	*now = time.Hour
	m.clock = func() time.Duration { return *now }
	m.workers.progress = *now
	t.Cleanup(func() {
		if err := errors.Join(m.Close(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	return m, now
}

// ended stores a session that has said so many things, and ended.
func (m *Manager) ended(t *testing.T, things int) store.SessionRow {
	return m.endedOf(t, api.OriginLaunched, things)
}

func (m *Manager) endedOf(t *testing.T, origin api.Origin, things int) store.SessionRow {
	t.Helper()
	row := store.SessionRow{Session: api.Session{Origin: origin, ID: newID(), RunID: newID(), ClaudeSessionID: newID(), Status: api.StatusRunning,
		WorkingDir: "/", CreatedAt: api.Now(), LastActivityAt: api.Now()}}
	b := &store.Batch{Create: &row}
	for range things {
		b.Events = append(b.Events, store.Event{Type: api.EventConversationUpdated, Kind: api.ConversationMessage, Time: api.Now(),
			FromLine: true, Line: []byte(`{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"so it is"}]}}`)})
	}
	if err := m.store.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	row.Session.Status = api.StatusCompleted
	err := m.store.Commit(t.Context(), &store.Batch{Update: &store.SessionUpdate{N: row.N, Session: &row.Session, JournalOffset: -1},
		Events: []store.Event{{SessionN: row.N, Type: api.EventSessionStatusChanged, Time: api.Now(),
			Data: mustJSON(api.StatusChange{OldStatus: api.StatusRunning, NewStatus: api.StatusCompleted})}}})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// TestHealthMeansProgress: a queue in which something is due and nothing moves is a
// problem; one that waits for its pauses, or for the next day's budget, is none.
func TestHealthMeansProgress(t *testing.T) {
	t.Parallel()
	m, now := idleManager(t, nil)
	problems := func() string {
		t.Helper()
		h, err := m.Health(t.Context())
		for err == nil && slices.ContainsFunc(h.Problems, func(p string) bool { return strings.Contains(p, errNoAnswer.Error()) }) {
			h, err = m.Health(t.Context()) // this one was of the time before
		}
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, p := range h.Problems {
			if strings.Contains(p, "jobs") {
				found = append(found, p)
			}
		}
		return strings.Join(found, "; ")
	}
	*now += time.Hour
	if got := problems(); got != "" {
		t.Errorf("an empty queue: %s", got)
	}
	if wait, err := m.workers.round(t.Context()); err != nil || wait != workRest {
		t.Errorf("an empty queue is looked at again in %v, %v", wait, err)
	}
	row := m.ended(t, 3)
	r, err := m.SummarizeSession(t.Context(), api.SessionParams{SessionID: row.Session.ID})
	if err != nil || r.Job == nil || r.Job.State != api.JobQueued {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := problems(); got != "" {
		t.Errorf("a job that has just come: %s", got)
	}
	*now += time.Hour
	if got := problems(); !strings.Contains(got, "1 jobs are due") || !strings.Contains(got, "1h0m0s") {
		t.Errorf("a job that nobody begins: %q", got)
	}
	claimed, ok, err := m.workers.queue.Claim(t.Context(), api.JobKinds)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	m.workers.moves()
	if err := m.workers.queue.Fail(t.Context(), claimed, "it failed", false, api.Usage{CostUSD: 3}); err != nil {
		t.Fatal(err)
	}
	*now += 10 * time.Second
	if got := problems(); got != "" {
		t.Errorf("a job that waits for its pause: %s", got)
	}
	if wait, err := m.workers.round(t.Context()); err != nil || wait > workPoll {
		t.Errorf("a queue with a job that waits for its pause is looked at again in %v, %v", wait, err)
	}
	*now += time.Hour
	if got := problems(); got == "" {
		t.Error("a job whose pause is over, and that nobody begins, is no problem")
	}
	m.cfg.DailyBudgetUSD = 1
	if got := problems(); got != "" {
		t.Errorf("over the daily limit: %s", got)
	}
	if wait, err := m.workers.round(t.Context()); err != nil || wait != budgetPoll {
		t.Errorf("over the daily limit it is looked again in %v, %v", wait, err)
	}
}

// TestAutoSummariesReadTheLog: an end is seen, also by a daemon that has not lived to
// keep that it was; the same end twice is one job.
func TestAutoSummariesReadTheLog(t *testing.T) {
	t.Parallel()
	m, now := idleManager(t, func(c *Config) { c.Summaries = Summaries{Auto: true, MinEvents: 2, Idle: time.Minute} })
	before := m.ended(t, 9)
	head := m.store.Head()
	if err := m.beginSummaries(t.Context(), nil); err != nil { // it begins with what comes
		t.Fatal(err)
	}
	auto := m.auto
	short, long, imported := m.ended(t, 2), m.ended(t, 3), m.endedOf(t, api.OriginImported, 9)
	for range 2 { // the second time as if the mark had not been kept
		auto.read = head
		if _, err := auto.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	jobs := func(id string) int {
		t.Helper()
		page, err := m.ListJobs(t.Context(), api.ListJobsParams{SessionID: id})
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Jobs)
	}
	if jobs(before.Session.ID) != 0 {
		t.Error("what ended before is summarised")
	}
	if jobs(imported.Session.ID) != 0 {
		t.Error("what was imported is summarised")
	}
	if jobs(short.Session.ID) != 0 || jobs(long.Session.ID) != 1 {
		t.Errorf("%d jobs of the short one, %d of the long one", jobs(short.Session.ID), jobs(long.Session.ID))
	}
	if mark, err := m.store.MarkAt(t.Context(), autoMark); err != nil || mark == autoOff {
		t.Errorf("mark %d, %v", mark, err)
	}

	// An idle session is due after a while, on the clock that the test moves.
	idle := m.ended(t, 3)
	auto.read = m.store.Head()
	auto.waits(idle.Session.ID, api.WaitingForMessage)
	if wait, err := auto.round(t.Context()); err != nil || wait > time.Minute || jobs(idle.Session.ID) != 0 {
		t.Errorf("early: %v, %v", wait, err)
	}
	*now += time.Minute
	if _, err := auto.round(t.Context()); err != nil || jobs(idle.Session.ID) != 1 {
		t.Errorf("%d jobs of the idle one, %v", jobs(idle.Session.ID), err)
	}

	// Switched off, it forgets where it stood: what ends then is never summarised.
	m.auto = nil
	if err := m.beginSummaries(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if mark, err := m.store.MarkAt(t.Context(), autoMark); err != nil || mark != autoOff {
		t.Errorf("mark %d, %v", mark, err)
	}
}

func TestParamsOfJobsAndUsage(t *testing.T) {
	t.Parallel()
	m, _ := idleManager(t, nil)
	nobody := newID()
	bad := func(field string, err error) {
		t.Helper()
		var e *api.Error
		if !errors.As(err, &e) || e.Reason != api.ReasonInvalidParams || e.Data["field"] != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := m.ListJobs(t.Context(), api.ListJobsParams{State: []api.JobState{"lost"}})
	bad("state", err)
	_, err = m.ListJobs(t.Context(), api.ListJobsParams{Kind: []api.JobKind{"lost"}})
	bad("kind", err)
	_, err = m.ListJobs(t.Context(), api.ListJobsParams{Limit: new(501)})
	bad("limit", err)
	_, err = m.ListJobs(t.Context(), api.ListJobsParams{Cursor: "x"})
	bad("cursor", err)
	_, err = m.GetUsage(t.Context(), api.GetUsageParams{By: "year"})
	bad("by", err)
	_, err = m.GetUsage(t.Context(), api.GetUsageParams{By: api.UsageByDay, SessionID: nobody})
	bad("session_id", err)
	_, err = m.GetUsage(t.Context(), api.GetUsageParams{Cursor: "x"})
	bad("cursor", err)
	_, err = m.GetSummary(t.Context(), api.GetSummaryParams{SessionID: nobody, BeforeSeq: new(int64(-1))})
	bad("before_seq", err)
	_, err = m.RetryJob(t.Context(), api.JobParams{JobID: "x"})
	bad("job_id", err)
	_, summarize := m.SummarizeSession(t.Context(), api.SessionParams{SessionID: nobody})
	_, get := m.GetSummary(t.Context(), api.GetSummaryParams{SessionID: nobody})
	_, list := m.ListJobs(t.Context(), api.ListJobsParams{SessionID: nobody})
	_, usage := m.GetUsage(t.Context(), api.GetUsageParams{By: api.UsageBySession, SessionID: nobody})
	for name, err := range map[string]error{"summarizeSession": summarize, "getSummary": get, "listJobs": list, "getUsage": usage} {
		if !errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}) {
			t.Errorf("%s of a session that is none: %v", name, err)
		}
	}
	quiet := m.ended(t, 0)
	if r, err := m.SummarizeSession(t.Context(), api.SessionParams{SessionID: quiet.Session.ID}); err != nil || r.Job != nil || r.Summary != nil {
		t.Errorf("a session that has said nothing: %+v, %v", r, err)
	}
}
