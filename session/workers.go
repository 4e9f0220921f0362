package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/jobs"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// Defaults of Config.Jobs.
const (
	DefaultJobAttempts = 5
	DefaultJobBackoff  = 30 * time.Second
)

// Jobs are the bounds of the queue of jobs.
type Jobs struct {
	Attempts int           // that fail before a job is dead; 0: DefaultJobAttempts
	Backoff  time.Duration // the pause behind the first that fails; 0: DefaultJobBackoff
}

const (
	// leaseMargin is how much longer a lease is than the work may take.
	leaseMargin = time.Minute
	// workPoll is how often the queue is looked at while something waits in it for its
	// time, which is looked up again: a machine that has slept does not count. While
	// nothing does there is nothing to see: whoever adds to it says so.
	workPoll = time.Minute
	workRest = time.Hour
	// workRetry is the pause behind a look at the queue that failed.
	workRetry = 5 * time.Second
)

// Why the work for a job is broken off.
var (
	errLeaseOver  = errors.New("the job's lease is over")
	errUnwanted   = errors.New("the job is wanted no more")
	errWorkLength = errors.New("it took too long")
)

// workers do the jobs of the queue.
type workers struct {
	m     *Manager
	queue *jobs.Queue
	wake  chan struct{} // holds a token: there may be something to do

	mu       sync.Mutex
	busy     map[string]claimed // by lease
	progress time.Duration      // on the manager's clock: when the queue last moved
	moved    api.Time           // the same as a time of day; zero: not yet
	problem  string             // why it cannot be looked at
}

// claimed is a job that is being done.
type claimed struct {
	job, session string
	stop         context.CancelCauseFunc
}

func newWorkers(m *Manager) *workers {
	q := jobs.New(jobs.Options{Store: m.store, Clock: func() time.Duration { return m.clock() }, Boot: cmp.Or(shim.BootID(), newID()), MaxAttempts: m.cfg.Jobs.Attempts,
		Backoff: m.cfg.Jobs.Backoff, Lease: m.cfg.Summaries.Timeout + leaseMargin})
	return &workers{m: m, queue: q, wake: make(chan struct{}, 1), busy: map[string]claimed{}, progress: m.clock()}
}

// look has the queue looked at. Whoever may have added to it calls it, also if that
// has failed: a commit whose caller is gone may be one all the same.
func (w *workers) look() {
	select {
	case w.wake <- struct{}{}:
	default: // it will be
	}
}

// run is a goroutine of the manager's. What is at work when the context ends is
// given back; other goroutines of the manager's see to that.
func (w *workers) run(ctx context.Context) {
	w.m.clearWorkplaces(ctx)
	for {
		var wait time.Duration
		err := guard(func() (err error) { wait, err = w.round(ctx); return err })
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return
		}
		if err != nil {
			wait = workRetry
			w.m.log.Error("queue of jobs not looked at, trying again", "error", err)
		}
		w.note(err)
		select {
		case <-w.wake:
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// note keeps why the queue cannot be looked at, if so.
func (w *workers) note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.problem = ""; err != nil {
		w.problem = fmt.Sprintf("the queue of jobs cannot be looked at: %v", told(err))
	}
}

// round takes back what is lost, and begins as much as may be at work at once. It
// returns when to look again.
func (w *workers) round(ctx context.Context) (wait time.Duration, err error) {
	taken, err := w.queue.Reclaim(ctx, w.owns)
	for _, row := range taken {
		crashpoint.Reach(crashpoint.JobReclaimed)
		w.moves()
		w.stop(func(one claimed) bool { return one.job == row.Job.ID }, errLeaseOver)
	}
	if err != nil {
		return 0, err
	}
	if w.m.overBudget(ctx) {
		return budgetPoll, nil
	}
	since := w.m.clock() // what becomes due from now on is seen by the claims, or waited for
	for w.idle() && ctx.Err() == nil {
		row, ok, err := w.queue.Claim(ctx, []api.JobKind{api.JobSummarize})
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		crashpoint.Reach(crashpoint.JobClaimed)
		w.moves()
		w.begin(ctx, row)
	}
	wait, ok, err := w.queue.Next(ctx, since)
	if !ok {
		return workRest, err
	}
	return min(wait, workPoll), err
}

// idle reports whether another job may be begun.
func (w *workers) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.busy) < w.m.cfg.Summaries.Parallel
}

func (w *workers) owns(lease string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, owned := w.busy[lease]
	return owned
}

// moves notes that the queue has moved.
func (w *workers) moves() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress, w.moved = w.m.clock(), api.Now()
}

// stop breaks off the work for some jobs.
func (w *workers) stop(which func(claimed) bool, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.busy {
		if which(one) {
			one.stop(cause)
		}
	}
}

// begin sets somebody to work on a job.
func (w *workers) begin(ctx context.Context, row store.JobRow) {
	wctx, stop := context.WithCancelCause(ctx)
	w.mu.Lock()
	w.busy[row.Lease] = claimed{row.Job.ID, row.Job.SessionID, stop}
	w.mu.Unlock()
	w.m.wg.Go(func() {
		defer func() {
			stop(nil)
			w.mu.Lock()
			delete(w.busy, row.Lease)
			w.mu.Unlock()
			w.moves()
			w.look()
		}()
		tctx, cancel := context.WithTimeoutCause(wctx, w.m.cfg.Summaries.Timeout, errWorkLength)
		defer cancel()
		var used api.Usage
		err := guard(func() (err error) { used, err = w.m.summarize(tctx, row); return err })
		w.settle(tctx, row, used, err)
	})
}

// settle says what has become of the work for a job, until the store has taken it, or
// the job is somebody else's.
func (w *workers) settle(ctx context.Context, row store.JobRow, used api.Usage, err error) {
	log := w.m.log.With("job", row.Job.ID, "session", row.Job.SessionID)
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		crashpoint.Reach(crashpoint.JobStored)
		log.Info("session summarised", "last_seq", row.Job.LastSeq, "cost_usd", used.CostUSD)
		return
	case errors.Is(cause, errLeaseOver), errors.Is(cause, errUnwanted), errors.Is(err, jobs.ErrLost):
		log.Info("job broken off", "error", cmp.Or(cause, err))
		return
	case errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}):
		return // the job is gone with it
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		log = log.With("stack", string(p.stack))
	}
	if w.m.ctx.Err() == nil {
		log.Warn("job failed", "attempt", row.Job.Attempts, "error", reasonOfFailure(err, cause))
	}
	crashpoint.Reach(crashpoint.JobFailing)
	over := context.WithoutCancel(ctx) // the job is to be settled, whatever has ended the work
	for {
		var stored error
		if w.m.ctx.Err() != nil {
			stored = w.queue.Release(over, row, "the daemon stopped while it was at work")
		} else {
			stored = w.queue.Fail(over, row, reasonOfFailure(err, cause), isVain(err), used)
		}
		crashpoint.Reach(crashpoint.JobFailed)
		if stored == nil || errors.Is(stored, jobs.ErrLost) || errors.Is(stored, store.ErrClosed) {
			return
		}
		log.Error("job not settled, trying again", "error", stored)
		select {
		case <-time.After(workRetry):
		case <-w.m.ctx.Done():
			return // the next daemon takes it back
		}
	}
}

// maxReason bounds the reason of a failure, in bytes.
const maxReason = 1000

// reasonOfFailure says in words why the work came to nothing.
func reasonOfFailure(err, cause error) string {
	if errors.Is(cause, errWorkLength) {
		err = fmt.Errorf("%w: the summariser was ended (see summarize_timeout)", cause)
	}
	return cutReason(told(err))
}

// vainError is for work that would come to nothing each time.
type vainError struct{ error }

// Unwrap gives what is wrong.
func (e vainError) Unwrap() error { return e.error }

func isVain(err error) bool {
	_, vain := errors.AsType[vainError](err)
	return vain
}

// figures are those of the queue, and why it does not move, if it should: jobs wait
// that are due, and longer than any work takes none was begun and none has ended.
func (w *workers) figures(ctx context.Context) (h api.JobsHealth, problems []string, err error) {
	if h, err = w.m.store.JobFigures(ctx); err != nil {
		return h, nil, err
	}
	due, waiting, err := w.queue.Due(ctx)
	if err != nil {
		return h, nil, err
	}
	over := w.m.overBudget(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	h.ProgressAt = w.moved
	still := min(due, w.m.clock()-w.progress)
	switch {
	case w.problem != "":
		problems = []string{w.problem}
	case waiting > 0 && !over && still > w.m.cfg.Summaries.Timeout+2*leaseMargin:
		problems = []string{fmt.Sprintf("%d jobs are due, and for %v none was begun and none has ended: look into the daemon's log, and restart it (sessiond stop)",
			waiting, still.Round(time.Second))}
	}
	return h, problems, nil
}
