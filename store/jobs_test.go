package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

var summarizing = []api.JobKind{api.JobSummarize}

// queuedJob is a job that nobody has begun.
func queuedJob(session *SessionRow, lastSeq int64) JobRow {
	return JobRow{Boot: "boot", SessionN: session.N, Job: api.Job{ID: uuid.NewString(), Kind: api.JobSummarize, SessionID: session.Session.ID, LastSeq: lastSeq,
		State: api.JobQueued, MaxAttempts: 3, CreatedAt: api.Now(), UpdatedAt: api.Now()}}
}

func addJob(t testing.TB, s *Store, r JobRow) JobRow {
	t.Helper()
	commit(t, s, &Batch{Jobs: []JobChange{{Row: r}}})
	r, err := s.Job(t.Context(), r.Job.ID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// claim makes a job running.
func claim(r JobRow, lease string) JobChange {
	c := JobChange{Row: r, Was: r.Job.State, Lease: r.Lease}
	c.Row.Job.State, c.Row.Lease, c.Row.Job.Attempts = api.JobRunning, lease, r.Job.Attempts+1
	return c
}

func TestJobIsOnceForASessionAndASeq(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	session := create(t, s, nil)
	row := addJob(t, s, queuedJob(session, 7))
	if row.SessionN != session.N || row.RunID != session.Session.RunID || row.ClaudeSessionID != session.Session.ClaudeSessionID || row.N == 0 {
		t.Errorf("%+v", row)
	}
	if err := s.Commit(t.Context(), &Batch{Jobs: []JobChange{{Row: queuedJob(session, 7)}}}); !errors.Is(err, ErrExists) {
		t.Errorf("a second: %v", err)
	}
	if again, err := s.JobFor(t.Context(), session.Session.ID, api.JobSummarize, 7); err != nil || again != row {
		t.Errorf("%+v, %v", again, err)
	}
	if err := s.Commit(t.Context(), &Batch{Jobs: []JobChange{{Row: queuedJob(newRow(nil), 7)}}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a job of no session: %v", err)
	}
	commit(t, s, &Batch{Delete: session.N, Events: []Event{typedEvent(session.N, api.EventSessionDeleted)}})
	if _, err := s.Job(t.Context(), row.Job.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a session that is gone: %v", err)
	}
}

func TestJobChangesAsItStands(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	session := create(t, s, nil)
	row := addJob(t, s, queuedJob(session, 7))
	one, other := claim(row, "one"), claim(row, "other")
	event := typedEvent(session.N, api.EventJobUpdated)
	commit(t, s, &Batch{Jobs: []JobChange{one}, Events: []Event{event}})
	head := s.Head()
	if err := s.Commit(t.Context(), &Batch{Jobs: []JobChange{other}, Events: []Event{event}}); !errors.Is(err, ErrChanged) || s.Head() != head {
		t.Errorf("claimed twice: %v, head %d and %d", err, head, s.Head())
	}
	done := JobChange{Row: one.Row, Was: api.JobRunning, Lease: "other"}
	done.Row.Job.State, done.Row.Lease = api.JobDone, ""
	if err := s.Commit(t.Context(), &Batch{Jobs: []JobChange{done}}); !errors.Is(err, ErrChanged) {
		t.Errorf("acknowledged by somebody else: %v", err)
	}
	running, err := s.RunningJobs(t.Context())
	if err != nil || len(running) != 1 || running[0].Lease != "one" {
		t.Errorf("%+v, %v", running, err)
	}
}

func TestClaimableJob(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	busy, two, other := create(t, s, nil), create(t, s, nil), create(t, s, nil)
	running := addJob(t, s, queuedJob(busy, 1))
	commit(t, s, &Batch{Jobs: []JobChange{claim(running, "x")}})
	addJob(t, s, queuedJob(busy, 2))
	short, far := addJob(t, s, queuedJob(two, 3)), addJob(t, s, queuedJob(two, 9))
	later := queuedJob(other, 4)
	later.Due = time.Hour
	later = addJob(t, s, later)
	strange := queuedJob(other, 5)
	strange.Job.Kind = "of a newer program"
	addJob(t, s, strange)

	take := func(now time.Duration, boot string) string {
		t.Helper()
		r, err := s.ClaimableJob(t.Context(), summarizing, now, boot)
		if errors.Is(err, ErrNotFound) {
			return ""
		}
		if err != nil {
			t.Fatal(err)
		}
		commit(t, s, &Batch{Jobs: []JobChange{claim(r, r.Job.ID)}})
		return r.Job.ID
	}
	if got := take(0, "boot"); got != far.Job.ID {
		t.Errorf("first %s, want the one that reaches furthest, %s", got, far.Job.ID)
	}
	if got := take(time.Minute, "boot"); got != "" { // one of a session at a time, and nothing early
		t.Errorf("then %s", got)
	}
	if due, ok, err := s.NextJob(t.Context(), time.Minute, "boot"); err != nil || !ok || due != time.Hour {
		t.Errorf("due %v, %v, %v", due, ok, err)
	}
	if got := take(time.Minute, "another run of the machine"); got != later.Job.ID {
		t.Errorf("after a restart of the machine %q, want %s", got, later.Job.ID)
	}
	ended, err := s.Job(t.Context(), far.Job.ID)
	if err != nil {
		t.Fatal(err)
	}
	done := JobChange{Row: ended, Was: api.JobRunning, Lease: ended.Lease}
	done.Row.Job.State, done.Row.Lease = api.JobDone, ""
	commit(t, s, &Batch{Jobs: []JobChange{done}})
	if got := take(0, "boot"); got != short.Job.ID {
		t.Errorf("last %q, want %s", got, short.Job.ID)
	}
	h, err := s.JobFigures(t.Context())
	if err != nil || h.Depth != 5 || h.Running != 3 || h.Failed != 0 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestListJobs(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	one, other := create(t, s, nil), create(t, s, nil)
	var ids []string
	for i := range 7 {
		of := one
		if i%2 == 1 {
			of = other
		}
		ids = append(ids, addJob(t, s, queuedJob(of, int64(i+1))).Job.ID)
	}
	slices.Reverse(ids)
	dead, err := s.Job(t.Context(), ids[3])
	if err != nil {
		t.Fatal(err)
	}
	c := JobChange{Row: dead, Was: api.JobQueued}
	c.Row.Job.State = api.JobDead
	commit(t, s, &Batch{Jobs: []JobChange{c}})
	list := func(p api.ListJobsParams) (got []string) {
		t.Helper()
		limit := 2
		for p.Limit = &limit; ; {
			page, err := s.ListJobs(t.Context(), p)
			if err != nil || len(page.Jobs) > limit {
				t.Fatal(page, err)
			}
			for _, j := range page.Jobs {
				got = append(got, j.ID)
			}
			if p.Cursor = page.NextCursor; p.Cursor == "" {
				return got
			}
		}
	}
	for name, c := range map[string]struct {
		p    api.ListJobsParams
		want []string
	}{
		"all":           {api.ListJobsParams{}, ids},
		"of a session":  {api.ListJobsParams{SessionID: other.Session.ID}, []string{ids[1], ids[3], ids[5]}},
		"in a state":    {api.ListJobsParams{State: []api.JobState{api.JobDead}}, ids[3:4]},
		"of a kind":     {api.ListJobsParams{Kind: summarizing, State: []api.JobState{api.JobQueued, api.JobDead}}, ids},
		"of no session": {api.ListJobsParams{SessionID: uuid.NewString()}, nil},
	} {
		if got := list(c.p); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for _, cursor := range []string{"x", "MTIz=", "bm8"} {
		if _, err := s.ListJobs(t.Context(), api.ListJobsParams{Cursor: cursor}); !errors.Is(err, &api.Error{Reason: api.ReasonInvalidParams}) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	if h, err := s.JobFigures(t.Context()); err != nil || h.Failed != 1 || h.Depth != 6 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestSummariesAreContiguous(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	session := create(t, s, nil)
	quiet := lineEvent(session.N, "{}")
	quiet.Kind = api.ConversationSystem
	commit(t, s, &Batch{Events: []Event{lineEvent(session.N, "a"), lineEvent(session.N, "b"), quiet, typedEvent(session.N, api.EventSessionUpdated)}})
	if e, err := s.Extent(t.Context(), session.N, 10); err != nil || e != (Extent{Last: 2, New: 2}) {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := s.Extent(t.Context(), session.N, 1); err != nil || e.New != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	add := func(after, from, to int64, title string) error {
		return s.Commit(t.Context(), &Batch{Summary: &NewSummary{After: after, Summary: api.Summary{SessionID: session.Session.ID,
			FromSeq: from, ToSeq: to, SummaryText: api.SummaryText{Title: title, NextSteps: "rest"}, CostUSD: 0.5, InputTokens: 3, CreatedAt: api.Now()}}})
	}
	if err := add(0, 1, 2, "first"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"twice": add(0, 1, 2, "x"), "a gap": add(1, 2, 9, "x"), "from elsewhere": add(3, 4, 9, "x")} {
		if !errors.Is(err, ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := add(2, 3, 9, "second"); err != nil {
		t.Fatal(err)
	}
	m, err := s.Summary(t.Context(), session.Session.ID, 1<<62)
	if err != nil || m.Title != "second" || m.NextSteps != "rest" || m.FromSeq != 3 || m.CostUSD != 0.5 {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err = s.Summary(t.Context(), session.Session.ID, m.FromSeq); err != nil || m.Title != "first" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err = s.Summary(t.Context(), session.Session.ID, m.FromSeq); !errors.Is(err, ErrNotFound) {
		t.Errorf("before the first: %v", err)
	}
}

func TestMark(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	if _, err := s.MarkAt(t.Context(), "read"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	for _, want := range []int64{5, 9} {
		commit(t, s, &Batch{Mark: &Mark{"read", want}})
		if got, err := s.MarkAt(t.Context(), "read"); err != nil || got != want {
			t.Errorf("%d, %v", got, err)
		}
	}
}
