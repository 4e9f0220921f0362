package store

import (
	"errors"
	"time"
)

// choreRetry is the pause after a step that failed.
const choreRetry = 5 * time.Second

// plan says when the next chore is due. Chores are steps of work that has time:
// the writer makes them between its commits, each no longer than a commit.
func (w *writer) plan(failed error) {
	if failed != nil {
		w.pause = time.Now().Add(choreRetry)
	}
	switch {
	case w.trouble.writing():
		w.choreNext = time.After(probeEvery)
	case len(w.purges)+len(w.vacuuming) > 0 && w.store.hurry.Err() == nil:
		w.choreNext = time.After(time.Until(w.pause))
	default:
		w.choreNext = nil
	}
}

// chore makes the step that is due: while commits fail one is tried, else events
// of deleted sessions are removed, then free pages are given back.
func (w *writer) chore() {
	var err error
	switch {
	case w.trouble.writing():
		err = w.probe()
	case len(w.purges) > 0:
		if err = w.purge(); errors.Is(err, ErrCorrupt) {
			w.purges = w.purges[1:] // until the next start: it would fail again
		}
	case len(w.vacuuming) > 0:
		w.shrink()
	}
	w.plan(err)
}
