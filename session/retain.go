package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// Retention is what a daemon prunes by itself, when it starts and every hour.
// The zero Retention keeps everything.
type Retention struct {
	After      time.Duration // final sessions in which nothing has happened for so long; 0: no such bound
	MaxBytes   int64         // and the oldest others while the database holds more; 0: no such bound
	ArchiveDir string        // absolute, for pruneSessions too; "": archive in the state directory
}

const (
	retainEvery = time.Hour
	// retainAtLeast is how old a session has to be to go for its size: whoever
	// waits for its end must find it.
	retainAtLeast = time.Hour
)

// retention is what a manager knows of its own pruning.
type retention struct {
	pruning sync.Mutex // held while sessions are pruned

	mu      sync.Mutex
	problem string // why Retention does not hold; "": it does
}

func (r *retention) set(problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problem = problem
}

func (r *retention) problems() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.problem == "" {
		return nil
	}
	return []string{r.problem}
}

// retain prunes what the configuration says, until the context ends.
func (m *Manager) retain(ctx context.Context) {
	every := time.NewTicker(retainEvery)
	defer every.Stop()
	for {
		var problem string
		err := guard(func() (err error) { problem, err = m.applyRetention(ctx); return err })
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return
		}
		if p, ok := errors.AsType[*panicError](err); ok {
			m.log.Error("pruning panicked, and is tried again later", "error", err, "stack", string(p.stack))
		}
		if err != nil {
			problem = fmt.Sprintf("old sessions could not be pruned: %v", err)
		}
		if problem != "" {
			m.log.Warn("retention does not hold", "problem", problem)
		}
		m.retention.set(problem)
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

// pruneRun is what pruning once has come to.
type pruneRun struct {
	pruned int
	first  error           // why the first session that had to stay did
	unfit  map[string]bool // those that stay for what is wrong with them alone: they keep no other from going
	stuck  bool            // others stay too: the disk is full, say
}

// failed notes that a session stays.
func (r *pruneRun) failed(id string, err error) {
	r.first = cmp.Or(r.first, err)
	if isRecord(err) || isPanic(err) || errors.Is(err, errArchiveLacks) {
		r.unfit[id] = true
	} else {
		r.stuck = true
	}
}

// problem says why sessions stay that should not.
func (r *pruneRun) problem() string {
	switch {
	case r.first == nil:
		return ""
	case r.stuck:
		return fmt.Sprintf("old sessions could not be pruned, the first because: %s", told(r.first))
	}
	return fmt.Sprintf("%d old sessions could not be pruned, the first because: %s", len(r.unfit), told(r.first))
}

// applyRetention prunes once. The problem is why a bound does not hold although
// nothing went wrong with the database.
func (m *Manager) applyRetention(ctx context.Context) (problem string, err error) {
	run := &pruneRun{unfit: map[string]bool{}}
	if after := m.cfg.Retention.After; after > 0 {
		err = m.pruneAll(ctx, run, api.At(time.Now().Add(-after)))
	}
	for m.cfg.Retention.MaxBytes > 0 && err == nil && !run.stuck {
		excess, err := m.excess(ctx)
		if err != nil || excess <= 0 {
			return run.problem(), err
		}
		before, err := m.momentFor(ctx, excess, run.unfit)
		if err != nil {
			return "", err
		}
		was := run.pruned + len(run.unfit)
		if !before.IsZero() {
			err = m.pruneAll(ctx, run, before)
		}
		if run.pruned+len(run.unfit) == was && !run.stuck && err == nil {
			full := fmt.Sprintf("the database holds %s more than max_database_bytes (%s), and no session that may go is left: raise it, or end or delete sessions",
				humanize.IBytes(uint64(excess)), humanize.IBytes(uint64(m.cfg.Retention.MaxBytes)))
			return strings.TrimPrefix(run.problem()+"; "+full, "; "), nil
		}
		if err != nil {
			return "", err
		}
	}
	return run.problem(), err
}

// pruneAll prunes everything that may go, page by page.
func (m *Manager) pruneAll(ctx context.Context, run *pruneRun, before api.Time) error {
	p := api.PruneSessionsParams{Before: before}
	for {
		page, err := m.prune(ctx, p, api.DeletedByRetention, run.failed)
		if err != nil {
			return err
		}
		run.pruned += len(page.Pruned)
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			return nil
		}
	}
}

// excess says by how much the database is larger than it may be, once nothing
// that was deleted is left in it.
func (m *Manager) excess(ctx context.Context) (int64, error) {
	if _, err := m.store.Vacuum(ctx); err != nil {
		return 0, err
	}
	size, err := m.store.Size(ctx)
	return size.Used - m.cfg.Retention.MaxBytes, err
}

// momentFor finds the moment such that pruning what was quiet before it gives
// back so many bytes, or as many as there are, without those that are unfit. It is
// zero if nothing may go.
func (m *Manager) momentFor(ctx context.Context, bytes int64, unfit map[string]bool) (api.Time, error) {
	plan, err := m.planPrune(ctx, api.PruneSessionsParams{Before: api.At(time.Now().Add(-retainAtLeast))})
	if err != nil {
		return api.Time{}, err
	}
	var moment int64
	for _, due := range slices.SortedFunc(slices.Values(plan.due), func(a, b store.Outline) int {
		return cmp.Compare(plan.quiet[a.N], plan.quiet[b.N])
	}) {
		if bytes <= 0 && plan.quiet[due.N] >= moment {
			break
		}
		if unfit[due.ID] {
			continue
		}
		_, size, err := m.store.SessionSize(ctx, due.N)
		if err != nil {
			return api.Time{}, err
		}
		bytes -= size
		moment = plan.quiet[due.N] + 1
	}
	return api.FromMillis(moment), nil
}
