package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/jobs"
	"github.com/sessiond/sessiond/session/summary"
)

// summarized has a world's sessions summarised, by summarisers that do what a
// script says.
func (w *world) summarized(settings ...string) {
	w.t.Helper()
	w.scripts = filepath.Join(w.dir, "scripts")
	if err := os.Mkdir(w.scripts, 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.daemon.env = append(append(w.daemon.env, scripted.SummariesVariable+"="+w.scripts, "SESSIOND_SUMMARIZE=all", "SESSIOND_SUMMARIZE_IDLE=1s",
		"SESSIOND_MAX_SUMMARIZERS=2"), settings...)
}

// script says what summarisers are to do from now on; "": what they are told.
func (w *world) script(steps string) {
	file := filepath.Join(w.scripts, "script")
	err := os.Remove(file)
	if steps != "" {
		if err = os.WriteFile(file+".new", []byte(steps), 0o600); err == nil {
			err = os.Rename(file+".new", file)
		}
	}
	if err != nil && !os.IsNotExist(err) {
		w.problem("%v", err)
	}
}

// summarize asks for a summary of a session; nil: there is nothing new in it.
func (w *world) summarize(id string) *api.Job {
	var result api.SummarizeSessionResult
	err := w.again(func(ctx context.Context) (err error) {
		result, err = w.client.SummarizeSession(ctx, api.SessionParams{SessionID: id})
		return err
	})
	if err != nil && !w.isDeleted(id) {
		w.problem("summarizeSession %s: %v", id, err)
	}
	return result.Job
}

// jobs lists all jobs, the newest first.
func (w *world) jobs() (all []api.Job) {
	limit := 500
	p := api.ListJobsParams{Limit: &limit}
	for {
		var page api.ListJobsResult
		err := w.again(func(ctx context.Context) (err error) {
			page, err = w.client.ListJobs(ctx, p)
			return err
		})
		if err != nil {
			w.problem("listJobs: %v", err)
			return all
		}
		all = append(all, page.Jobs...)
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			return all
		}
	}
}

// job waits until a job is as wanted.
func (w *world) job(id string, wanted func(api.Job) bool) {
	for {
		all := w.jobs()
		i := slices.IndexFunc(all, func(j api.Job) bool { return j.ID == id })
		switch {
		case i < 0:
			w.problem("job %s is not listed", id)
			return
		case wanted(all[i]):
			return
		case w.ctx.Err() != nil:
			w.problem("job is not as wanted: %+v", all[i])
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// ask has a job cancelled, or tried again. It may have changed meanwhile: then it is
// refused, with that as the reason.
func (w *world) ask(call func(context.Context, api.JobParams) (api.JobResult, error), id string) {
	err := w.again(func(ctx context.Context) error {
		_, err := call(ctx, api.JobParams{JobID: id})
		return err
	})
	if err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonInvalidState}) {
		w.problem("job %s: %v", id, err)
	}
}

func (w *world) cancelJob(id string) {
	w.ask(func(ctx context.Context, p api.JobParams) (api.JobResult, error) { return w.client.CancelJob(ctx, p) }, id)
}

func (w *world) retryJob(id string) {
	w.ask(func(ctx context.Context, p api.JobParams) (api.JobResult, error) { return w.client.RetryJob(ctx, p) }, id)
}

// finishJobs has everything summarised that there is, however often it has to be
// tried. No job stands still: each is done in the end, the dead ones too.
func (w *world) finishJobs(sessions ...string) {
	w.script("")
	for open := true; open; {
		open = false
		for _, id := range sessions {
			open = w.summarize(id) != nil || open
		}
		for _, j := range w.jobs() {
			if j.State == api.JobDone {
				continue
			}
			if open = true; j.State != api.JobRunning { // what waits behind a pause is begun at once
				w.retryJob(j.ID)
			}
		}
		if w.ctx.Err() != nil {
			w.problem("jobs do not end: %+v", w.jobs())
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// checkJobs looks at what has become of the jobs of sessions that have ended: each has
// gone the ways there are, every event is read for one summary, and nothing is left.
func (w *world) checkJobs(sessions ...string) {
	state := map[string]api.JobState{}
	for _, ev := range w.log()[""] {
		if ev.Type != api.EventJobUpdated {
			continue
		}
		var j api.Job
		w.decode(ev, &j)
		if was := state[j.ID]; !mayFollow(was, j.State) {
			w.problem("job %s goes from %q to %s (seq %d)", j.ID, was, j.State, ev.Seq)
		}
		state[j.ID] = j.State
	}
	all := w.jobs()
	for _, j := range all {
		if j.State != state[j.ID] || j.State != api.JobDone {
			w.problem("job %s is %s, by its events %s", j.ID, j.State, state[j.ID])
		}
	}
	if len(all) != len(state) || len(all) == 0 {
		w.problem("%d jobs are listed, %d were told", len(all), len(state))
	}
	for _, id := range sessions {
		w.checkSummaries(id)
	}
	left, err := os.ReadDir(filepath.Join(w.daemon.state, "jobs"))
	if err != nil && !os.IsNotExist(err) || len(left) > 0 {
		w.problem("left of the jobs: %v, %v", left, err)
	}
}

// mayFollow reports whether a job may go from one state to another; "" is before it was.
func mayFollow(was, is api.JobState) bool {
	if was == "" {
		return is == api.JobQueued
	}
	for _, ways := range jobs.Moves {
		if to, may := ways[was]; may && to == is {
			return true
		}
	}
	return false
}

// checkSummaries compares the summaries of a session with its conversation: one goes on
// where the other ends, and the summarisers were given each step once.
func (w *world) checkSummaries(id string) {
	own, steps := false, summary.NewExtract(nil)
	for p := (api.GetConversationParams{SessionID: id, IncludeAncestors: &own}); ; {
		page, err := w.client.GetConversation(w.ctx, p)
		if err != nil {
			w.problem("getConversation %s: %v", id, err)
			return
		}
		for i := range page.Events {
			steps.Add(&page.Events[i])
		}
		if page.NextAfterSeq == nil {
			break
		}
		p.AfterSeq = *page.NextAfterSeq
	}
	read, n, next := 0, 0, int64(1)<<60
	for before := next; ; n++ {
		result, err := w.client.GetSummary(w.ctx, api.GetSummaryParams{SessionID: id, BeforeSeq: &before})
		if err != nil {
			w.problem("getSummary %s: %v", id, err)
			return
		}
		sum := result.Summary
		if sum == nil {
			break
		}
		given := 0
		if _, err := fmt.Sscanf(sum.Completed, "%d steps", &given); err != nil || sum.ToSeq >= next || sum.FromSeq > sum.ToSeq {
			w.problem("session %s: summary %+v, the one behind it begins with %d; %v", id, sum, next, err)
		}
		read += given
		before, next = sum.ToSeq, sum.FromSeq // one that overlaps with it is not passed over
	}
	if read != steps.Steps() || n == 0 {
		w.problem("session %s: %d steps were read for %d summaries, it has %d", id, read, n, steps.Steps())
	}
}

// talker talks to a session, and has it summarised again and again.
func (w *world) talker(ctx context.Context, rng *rand.Rand, id string) {
	for ctx.Err() == nil {
		what := []string{"say: word", "tools: 2", "say: one\nthink: two\nsay: three"}[rng.IntN(3)]
		if _, err := w.send(id, what, api.DeliveryQueue); err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonLimitExceeded}) {
			w.problem("session %s: %v", id, err)
		}
		if rng.IntN(2) == 0 {
			_, _ = w.until(ctx, id, idle)
		}
		if rng.IntN(2) == 0 {
			w.summarize(id)
		}
		pause(ctx, time.Duration(rng.IntN(60))*time.Millisecond)
	}
}

// toTalkTo launches a session, and waits until it has answered: faults come later, for
// one that cannot be started (the disk is full) is not to be summarised either.
func (w *world) toTalkTo() (id string) {
	yes := true
	id, err := w.launch(api.LaunchSessionParams{Query: api.Text("say: word"), LaunchOptions: api.LaunchOptions{Interactive: &yes}})
	if err != nil {
		w.problem("not launched: %v", err)
	} else if _, ok := w.until(w.ctx, id, idle); !ok {
		w.problem("session %s has not begun", id)
	}
	return id
}

// meddle does to jobs what clients do, and has summarisers do now this and now that.
func (w *world) meddle(ctx context.Context, rng *rand.Rand) {
	scripts := []string{"", "", "", "die: KILL", "exit: 3", "junk", `answer: {"title":5}`, "silence", "spawn: 1\nignore-signals"}
	for ctx.Err() == nil {
		w.script(scripts[rng.IntN(len(scripts))])
		if all := w.jobs(); len(all) > 0 {
			one := all[rng.IntN(len(all))]
			switch rng.IntN(4) {
			case 0:
				w.cancelJob(one.ID)
			case 1:
				w.retryJob(one.ID)
			}
		}
		pause(ctx, time.Duration(rng.IntN(80))*time.Millisecond)
	}
}
