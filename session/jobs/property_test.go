package jobs_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/jobs"
	"github.com/sessiond/sessiond/store"
)

// history is a queue in which things happen at random, and what is known of it.
type history struct {
	*world
	t        *rapid.T
	sessions []store.SessionRow
	from     int64 // where the log stood
	seq      int64
	held     []store.JobRow // claims of this daemon, those that were lost too
	owned    map[string]bool
}

// TestAnyHistory: whatever clients, workers and crashes do, every change is one of the
// table and has its event, no session has two jobs at work, no attempt is more than
// allowed, and in the end, without any client's help, nothing is left open.
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{world: w, t: rt, from: w.store.Head(), owned: map[string]bool{}}
		for range 2 {
			h.sessions = append(h.sessions, w.session())
		}
		for range rapid.IntRange(1, 40).Draw(rt, "length") {
			h.step()
		}
		h.drain()
		h.check()
	})
}

func (h *history) step() {
	ctx := h.world.t.Context()
	switch rapid.SampledFrom([]string{"add", "add", "claim", "claim", "finish", "fail", "release", "cancel", "retry", "reclaim", "time", "crash", "delete"}).Draw(h.t, "what") {
	case "add":
		h.seq += int64(rapid.IntRange(0, 1).Draw(h.t, "further"))
		_, _, err := h.Add(ctx, h.one(), api.JobSummarize, h.seq)
		h.expect(err, store.ErrNotFound)
	case "claim":
		row, ok, err := h.Claim(ctx, kinds)
		h.expect(err)
		if ok {
			h.held, h.owned[row.Lease] = append(h.held, row), true
		}
	case "finish":
		h.work(func(row store.JobRow) error { return h.Finish(ctx, row, "") })
	case "fail":
		vain := rapid.IntRange(0, 4).Draw(h.t, "vain") == 0
		h.work(func(row store.JobRow) error { return h.Fail(ctx, row, "failed", vain, api.Usage{}) })
	case "release":
		h.work(func(row store.JobRow) error { return h.Release(ctx, row, "released") })
	case "cancel":
		_, err := h.Cancel(ctx, h.any(), "somebody")
		h.expect(err, &api.Error{Reason: api.ReasonJobNotFound}, &api.Error{Reason: api.ReasonInvalidState})
	case "retry":
		_, err := h.Retry(ctx, h.any())
		h.expect(err, &api.Error{Reason: api.ReasonJobNotFound}, &api.Error{Reason: api.ReasonInvalidState})
	case "reclaim":
		_, err := h.Reclaim(ctx, func(lease string) bool { return h.owned[lease] })
		h.expect(err)
	case "time":
		h.now += time.Duration(rapid.IntRange(1, 20).Draw(h.t, "minutes")) * time.Minute
	case "crash":
		h.crash()
	case "delete":
		h.delete()
	}
	h.aliveOnce()
}

// crash is another daemon, perhaps behind a restart of the machine. What workers of
// the one before still hold is as good as nothing.
func (h *history) crash() {
	if rapid.Bool().Draw(h.t, "machine") {
		h.boot, h.now = uuid.NewString(), time.Duration(rapid.IntRange(0, 90).Draw(h.t, "since"))*time.Minute
	}
	h.owned = map[string]bool{}
	h.restart()
	_, err := h.Reclaim(h.world.t.Context(), nobody)
	h.expect(err)
}

func (h *history) delete() {
	if len(h.sessions) < 2 {
		return
	}
	row := h.sessions[0]
	err := h.store.Commit(h.world.t.Context(), &store.Batch{Delete: row.N, Events: []store.Event{{SessionID: row.Session.ID,
		RunID: row.Session.RunID, Type: api.EventSessionDeleted, Time: api.Now()}}})
	h.expect(err, store.ErrNotFound)
	if rapid.Bool().Draw(h.t, "known") {
		h.sessions = h.sessions[1:]
	}
}

func (h *history) one() store.SessionRow {
	return h.sessions[rapid.IntRange(0, len(h.sessions)-1).Draw(h.t, "session")]
}

// any is the id of a job, or of none.
func (h *history) any() string {
	ids := []string{uuid.NewString()}
	for _, j := range h.all() {
		ids = append(ids, j.ID)
	}
	return ids[rapid.IntRange(0, len(ids)-1).Draw(h.t, "job")]
}

func (h *history) all() (all []api.Job) {
	limit := 500
	for _, s := range h.sessions {
		page, err := h.store.ListJobs(h.world.t.Context(), api.ListJobsParams{SessionID: s.Session.ID, Limit: &limit})
		h.expect(err)
		all = append(all, page.Jobs...)
	}
	return all
}

// work ends a claim, one that was lost perhaps.
func (h *history) work(end func(store.JobRow) error) {
	if len(h.held) == 0 {
		return
	}
	i := rapid.IntRange(0, len(h.held)-1).Draw(h.t, "claim")
	row := h.held[i]
	before, err := h.store.Job(h.world.t.Context(), row.Job.ID)
	h.expect(err, store.ErrNotFound)
	switch err := end(row); {
	case before.Lease == row.Lease && err != nil:
		h.t.Fatalf("a claim that holds is refused: %v", err)
	case before.Lease != row.Lease && !errors.Is(err, jobs.ErrLost):
		h.t.Fatalf("a claim that was lost is taken: %v", err)
	}
}

func (h *history) expect(err error, allowed ...error) {
	for _, a := range allowed {
		if errors.Is(err, a) {
			return
		}
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// aliveOnce: a session has one job at work at most.
func (h *history) aliveOnce() {
	running := map[string]int{}
	for _, j := range h.all() {
		if j.State == api.JobRunning {
			if running[j.SessionID]++; running[j.SessionID] > 1 {
				h.t.Fatalf("session %s has two jobs at work", j.SessionID)
			}
		}
		if j.Attempts < 0 || j.Attempts > j.MaxAttempts {
			h.t.Fatalf("%d attempts of %d", j.Attempts, j.MaxAttempts)
		}
	}
}

// drain is a daemon that does nothing but its work, which succeeds or fails as it
// comes: whatever is open ends in bounded time.
func (h *history) drain() {
	h.crash()
	for range 200 {
		_, err := h.Reclaim(h.world.t.Context(), func(string) bool { return true })
		h.expect(err)
		row, ok, err := h.Claim(h.world.t.Context(), kinds)
		h.expect(err)
		switch {
		case !ok:
			wait, more, err := h.Next(h.world.t.Context(), h.now)
			h.expect(err)
			if !more {
				return
			}
			h.now += wait
		case rapid.Bool().Draw(h.t, "succeeds"):
			h.expect(h.Finish(h.world.t.Context(), row, ""))
		case rapid.Bool().Draw(h.t, "hangs"):
		default:
			h.expect(h.Fail(h.world.t.Context(), row, "failed", false, api.Usage{}))
		}
	}
	h.t.Fatal("the queue does not become empty")
}

// check replays the log: every change of a job is one of the table, and where the log
// ends it says how the job stands.
func (h *history) check() {
	known := map[string]api.Job{}
	for after := h.from; after < h.store.Head(); {
		events, upTo, err := h.store.Log(h.world.t.Context(), after, 500, store.Filter{Types: []api.EventType{api.EventJobUpdated}})
		h.expect(err)
		for _, ev := range events {
			var j api.Job
			h.expect(json.Unmarshal(ev.Data, &j))
			before, seen := known[j.ID]
			if !seen && j.State != api.JobQueued || seen && !possible(before.State, j.State) {
				h.t.Fatalf("job %s went from %q to %s", j.ID, before.State, j.State)
			}
			known[j.ID] = j
		}
		after = upTo
	}
	for _, j := range h.all() {
		if j != known[j.ID] {
			h.t.Fatalf("the row says %+v, the log %+v", j, known[j.ID])
		}
		if j.State.Open() {
			h.t.Fatalf("left open: %+v", j)
		}
		if (j.State == api.JobDead) && j.Reason == "" {
			h.t.Fatalf("dead without a reason: %+v", j)
		}
	}
}

func possible(from, to api.JobState) bool {
	for _, move := range jobs.Moves {
		if next, ok := move[from]; ok && next == to {
			return true
		}
	}
	return false
}
