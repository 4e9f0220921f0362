package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
		problem, err := m.applyRetention(ctx)
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return
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

// applyRetention prunes once. The problem is why a bound does not hold although
// nothing went wrong.
func (m *Manager) applyRetention(ctx context.Context) (problem string, err error) {
	if after := m.cfg.Retention.After; after > 0 {
		_, problem, err = m.pruneAll(ctx, api.At(time.Now().Add(-after)))
	}
	for m.cfg.Retention.MaxBytes > 0 && err == nil && problem == "" {
		var excess int64
		if excess, err = m.excess(ctx); err != nil || excess <= 0 {
			return problem, err
		}
		before, err := m.momentFor(ctx, excess)
		if err != nil {
			return "", err
		}
		n := 0
		if !before.IsZero() {
			n, problem, err = m.pruneAll(ctx, before)
		}
		if n == 0 && problem == "" && err == nil {
			problem = fmt.Sprintf("the database holds %s more than max_database_bytes (%s), and no session that may go is left: raise it, or end or delete sessions",
				humanize.IBytes(uint64(excess)), humanize.IBytes(uint64(m.cfg.Retention.MaxBytes)))
		}
		if n == 0 || err != nil {
			return problem, err
		}
	}
	return problem, err
}

// pruneAll prunes everything that may go, page by page.
func (m *Manager) pruneAll(ctx context.Context, before api.Time) (pruned int, problem string, err error) {
	p := api.PruneSessionsParams{Before: before}
	failed := 0
	for {
		page, err := m.PruneSessions(ctx, p)
		if err != nil {
			return pruned, problem, err
		}
		pruned += len(page.Pruned)
		if failed += len(page.Failed); problem == "" && failed > 0 {
			problem = page.Failed[0].Error
		}
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			break
		}
	}
	if failed > 0 {
		problem = fmt.Sprintf("%d old sessions could not be pruned, the first because: %s", failed, problem)
	}
	return pruned, problem, nil
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
// back so many bytes, or as many as there are. It is zero if nothing may go.
func (m *Manager) momentFor(ctx context.Context, bytes int64) (api.Time, error) {
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
		_, size, err := m.store.SessionSize(ctx, due.N)
		if err != nil {
			return api.Time{}, err
		}
		bytes -= size
		moment = plan.quiet[due.N] + 1
	}
	return api.FromMillis(moment), nil
}
