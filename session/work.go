package session

import (
	"slices"
	"sync"

	"github.com/sessiond/sessiond/rpc/api"
)

// works is the long work that is under way, for whoever asks for the daemon's
// health.
type works struct {
	mu  sync.Mutex
	all []*work // the oldest first
}

// work is one piece of it. Whoever does it tells how far it is, and ends it.
type work struct {
	list *works
	now  api.Work // guarded by list.mu
}

// begin notes that work begins, with what step. The subject is what it is done to;
// "" if its kind says it all.
func (w *works) begin(kind api.WorkKind, subject, step string) *work {
	one := &work{list: w, now: api.Work{Kind: kind, Subject: subject, Step: step, StartedAt: api.Now()}}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, one)
	return one
}

// list is how far everything is now.
func (w *works) list() []api.Work {
	w.mu.Lock()
	defer w.mu.Unlock()
	var now []api.Work
	for _, one := range w.all {
		now = append(now, one.now)
	}
	return now
}

// tell says what it is at, and how much of that is done; a total of 0 is not
// known, and a unit of "" says nothing.
func (w *work) tell(step string, done, total int64, unit string) {
	w.list.mu.Lock()
	defer w.list.mu.Unlock()
	w.now.Step, w.now.Done, w.now.Total, w.now.Unit = step, done, total, unit
}

// end notes that it is over.
func (w *work) end() {
	w.list.mu.Lock()
	defer w.list.mu.Unlock()
	w.list.all = slices.DeleteFunc(w.list.all, func(one *work) bool { return one == w })
}
