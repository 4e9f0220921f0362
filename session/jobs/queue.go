package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// Options are what a Queue is made with.
type Options struct {
	Store       *store.Store
	Clock       func() time.Duration // that nobody sets, the same for all processes until the machine is restarted
	Boot        string               // which run of the machine this is
	MaxAttempts int                  // that fail before a job is dead
	Backoff     time.Duration        // the pause behind the first that fails; each is four times as long as the one before
	Lease       time.Duration        // longer than any work takes
}

// maxBackoff bounds the pause behind an attempt that has failed.
const maxBackoff = time.Hour

// Queue is the queue of jobs. Its methods may be called by many at once.
type Queue struct{ o Options }

// New makes a queue. It is the only one of its database.
func New(o Options) *Queue { return &Queue{o} }

// ErrLost says that a job was taken from whoever worked on it: its lease was over,
// or a client has cancelled it. Nothing was changed.
var ErrLost = errors.New("the job was taken from whoever worked on it")

// Add queues a job for a session, unless it has one of this kind for this seq: that
// is returned as it stands.
func (q *Queue) Add(ctx context.Context, session store.SessionRow, kind api.JobKind, lastSeq int64) (row store.JobRow, added bool, err error) {
	now := api.Now()
	row = store.JobRow{Due: q.o.Clock(), Boot: q.o.Boot, SessionN: session.N, RunID: session.Session.RunID, ClaudeSessionID: session.Session.ClaudeSessionID,
		Job: api.Job{ID: uuid.Must(uuid.NewV7()).String(), Kind: kind, SessionID: session.Session.ID, LastSeq: lastSeq,
			State: api.JobQueued, MaxAttempts: q.o.MaxAttempts, CreatedAt: now, UpdatedAt: now}}
	err = q.o.Store.Commit(ctx, &store.Batch{Jobs: []store.JobChange{{Row: row}}, Events: []store.Event{Event(row)}})
	if errors.Is(err, store.ErrExists) {
		row, err = q.o.Store.JobFor(ctx, session.Session.ID, kind, lastSeq)
		return row, false, err
	}
	return row, err == nil, err
}

// Claim takes the job of these kinds that is due, with a new lease; ok is false if
// there is none.
func (q *Queue) Claim(ctx context.Context, kinds []api.JobKind) (row store.JobRow, ok bool, err error) {
	for {
		row, err = q.o.Store.ClaimableJob(ctx, kinds, q.o.Clock(), q.o.Boot)
		if errors.Is(err, store.ErrNotFound) {
			return row, false, nil
		}
		if err != nil {
			return row, false, err
		}
		c, err := q.change(Claim, row)
		if err != nil {
			return row, false, err
		}
		c.Row.Lease = uuid.NewString()
		c.Row.Due = q.o.Clock() + q.o.Lease
		c.Row.Job.Attempts++
		c.Row.Job.LeaseUntil = api.At(time.Now().Add(q.o.Lease))
		err = q.commit(ctx, c, api.Usage{})
		if !errors.Is(err, ErrLost) { // else somebody was faster
			return c.Row, err == nil, err
		}
	}
}

// Done is the change that finishes a job, for whoever commits it together with
// what the job has made. Its event is that of Event.
func (q *Queue) Done(row store.JobRow, reason string) (store.JobChange, error) {
	c, err := q.change(Finish, row)
	c.Row.Job.Reason = reason
	return c, err
}

// Finish finishes a job that had nothing to do.
func (q *Queue) Finish(ctx context.Context, row store.JobRow, reason string) error {
	c, err := q.Done(row, reason)
	if err != nil {
		return err
	}
	return q.commit(ctx, c, api.Usage{})
}

// Fail says that an attempt came to nothing, and what it has used. The job is
// queued again behind a pause, or dead if it was the last attempt, or if another one
// would be as vain.
func (q *Queue) Fail(ctx context.Context, row store.JobRow, reason string, vain bool, used api.Usage) error {
	move := Fail
	if vain || row.Job.Attempts >= row.Job.MaxAttempts {
		move = Bury
	}
	c, err := q.change(move, row)
	if err != nil {
		return err
	}
	c.Row.Job.Reason = reason
	if move == Fail {
		pause := q.pause(row.Job.Attempts)
		c.Row.Due = q.o.Clock() + pause
		c.Row.Job.RetryAt = api.At(time.Now().Add(pause))
	}
	return q.commit(ctx, c, used)
}

// pause is how long a job waits behind an attempt, from 1, that has failed.
func (q *Queue) pause(attempt int) time.Duration {
	pause := q.o.Backoff
	for range attempt - 1 {
		if pause *= 4; pause >= maxBackoff {
			return maxBackoff
		}
	}
	return min(pause, maxBackoff)
}

// Release gives a job back, as if it had not been claimed.
func (q *Queue) Release(ctx context.Context, row store.JobRow, reason string) error {
	c, err := q.change(Release, row)
	if err != nil {
		return err
	}
	c.Row.Job.Attempts--
	c.Row.Job.Reason = reason
	return q.commit(ctx, c, api.Usage{})
}

// Reclaim takes back the jobs whose lease is over, or whose owner is none: a lease of
// a daemon that is gone. Each of them has failed once more, for nobody knows how far
// its work has come. It returns them as they were.
func (q *Queue) Reclaim(ctx context.Context, owned func(lease string) bool) (taken []store.JobRow, err error) {
	running, err := q.o.Store.RunningJobs(ctx)
	for _, row := range running {
		reason := "the daemon ended while it was at work"
		if owned(row.Lease) {
			if row.Boot == q.o.Boot && row.Due > q.o.Clock() {
				continue
			}
			reason = fmt.Sprintf("it was not done within its lease of %v", q.o.Lease)
		}
		switch failed := q.Fail(ctx, row, reason, false, api.Usage{}); {
		case failed == nil:
			taken = append(taken, row)
		case !errors.Is(failed, ErrLost):
			err = errors.Join(err, failed)
		}
	}
	return taken, err
}

// Cancel takes a job out of the queue, also from whoever works on it. The error is an
// *api.Error if there is no such job, or if it has ended already.
func (q *Queue) Cancel(ctx context.Context, id, by string) (store.JobRow, error) {
	return q.ask(ctx, Cancel, id, func(row *store.JobRow) { row.Job.Reason = "cancelled by " + by })
}

// Retry queues a job again, as if it were new; one that is queued is due at once.
func (q *Queue) Retry(ctx context.Context, id string) (store.JobRow, error) {
	return q.ask(ctx, Retry, id, func(row *store.JobRow) {
		row.Job.Attempts, row.Job.MaxAttempts = 0, q.o.MaxAttempts
		row.Due, row.Boot = q.o.Clock(), q.o.Boot
	})
}

// ask makes a move that a client wants, however the job is changed meanwhile.
func (q *Queue) ask(ctx context.Context, m Move, id string, set func(*store.JobRow)) (store.JobRow, error) {
	for {
		row, err := q.o.Store.Job(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return row, api.NotFound(api.ReasonJobNotFound, id)
		}
		if err != nil {
			return row, err
		}
		c, err := q.change(m, row)
		if err != nil {
			return row, err
		}
		set(&c.Row)
		if err = q.commit(ctx, c, api.Usage{}); !errors.Is(err, ErrLost) {
			return c.Row, err
		}
	}
}

// change is a move of a job that stands as row says.
func (q *Queue) change(m Move, row store.JobRow) (store.JobChange, error) {
	c := store.JobChange{Row: row, Was: row.Job.State, Lease: row.Lease}
	state, err := to(m, &row.Job)
	if err != nil {
		return c, err
	}
	j := &c.Row.Job
	j.State, j.UpdatedAt = state, api.Now()
	j.RetryAt, j.LeaseUntil = api.Time{}, api.Time{}
	c.Row.Lease, c.Row.Boot, c.Row.Due = "", q.o.Boot, q.o.Clock()
	return c, nil
}

func (q *Queue) commit(ctx context.Context, c store.JobChange, used api.Usage) error {
	err := q.o.Store.Commit(ctx, &store.Batch{Jobs: []store.JobChange{c}, Events: []store.Event{Event(c.Row)}, Wrote: used, UsedAt: api.Now()})
	if errors.Is(err, store.ErrChanged) {
		return fmt.Errorf("job %s: %w", c.Row.Job.ID, ErrLost)
	}
	return err
}

// Event is the event that tells how a job stands.
func Event(row store.JobRow) store.Event {
	data, err := api.Marshal(row.Job)
	if err != nil {
		panic("jobs: " + err.Error()) // it always can be
	}
	return store.Event{SessionN: row.SessionN, SessionID: row.Job.SessionID, RunID: row.RunID, ClaudeSessionID: row.ClaudeSessionID,
		Type: api.EventJobUpdated, Time: row.Job.UpdatedAt, Data: json.RawMessage(data)}
}

// Next says how long it is until the next job is due that was not at a time since,
// before which the queue was looked at, or the next lease is over; ok is false if there
// is none to wait for.
func (q *Queue) Next(ctx context.Context, since time.Duration) (wait time.Duration, ok bool, err error) {
	due, ok, err := q.o.Store.NextJob(ctx, since, q.o.Boot)
	return max(0, due-q.o.Clock()), ok, err
}

// Due says how many jobs are queued and due, and for how long the first has been.
func (q *Queue) Due(ctx context.Context) (since time.Duration, jobs int, err error) {
	now := q.o.Clock()
	first, jobs, err := q.o.Store.DueJobs(ctx, now, q.o.Boot)
	return now - first, jobs, err
}
