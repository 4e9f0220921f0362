package jobs

import "github.com/sessiond/sessiond/rpc/api"

// Move is what can happen to a job.
type Move string

// The moves.
const (
	Claim   Move = "claim"   // somebody begins with it
	Finish  Move = "finish"  // it is done
	Fail    Move = "fail"    // an attempt came to nothing, others are left
	Bury    Move = "bury"    // the last one did
	Release Move = "release" // given back unharmed: the attempt does not count
	Cancel  Move = "cancel"  // a client wants it no more
	Retry   Move = "retry"   // a client wants it again, or at once
)

// Moves says to which state a move leads, by the state from which it is possible.
var Moves = map[Move]map[api.JobState]api.JobState{
	Claim:   {api.JobQueued: api.JobRunning},
	Finish:  {api.JobRunning: api.JobDone},
	Fail:    {api.JobRunning: api.JobQueued},
	Bury:    {api.JobRunning: api.JobDead},
	Release: {api.JobRunning: api.JobQueued},
	Cancel:  {api.JobQueued: api.JobCancelled, api.JobRunning: api.JobCancelled, api.JobDead: api.JobCancelled},
	Retry:   {api.JobQueued: api.JobQueued, api.JobDead: api.JobQueued, api.JobCancelled: api.JobQueued},
}

// hints say what would fit a job that stands otherwise.
var hints = map[api.JobState]string{
	api.JobDone:      "it has done its work; ask for another, if there is more to do",
	api.JobRunning:   "wait until it has ended (event job_updated), or cancel it (cancelJob)",
	api.JobCancelled: "retryJob queues it again",
	api.JobDead:      "retryJob queues it again",
	api.JobQueued:    "it is begun when its turn comes",
}

// to is the state to which a move leads. The error is an *api.Error.
func to(m Move, j *api.Job) (api.JobState, error) {
	state, ok := Moves[m][j.State]
	if !ok {
		return "", api.Errorf(api.ReasonInvalidState, "job %s is %s: it cannot be told to %s", j.ID, j.State, m).
			With("job_state", j.State).With("hint", hints[j.State])
	}
	return state, nil
}
