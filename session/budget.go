package session

import (
	"context"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// Money is known when a turn has ended, not before: the daily limit is looked
// at when something is to be launched or sent, and one turn may go beyond it.

// remainder tells how much of the daily limit is left, and whether there is one.
func (m *Manager) remainder(ctx context.Context) (usd float64, limited bool, err error) {
	limit := m.cfg.DailyBudgetUSD
	if limit <= 0 {
		return 0, false, nil
	}
	spent, err := m.store.Spent(ctx, api.Now())
	return limit - spent, true, wrapf(err, "daily limit")
}

// checkBudget refuses what would spend money when the day's is spent.
func (m *Manager) checkBudget(ctx context.Context) error {
	left, limited, err := m.remainder(ctx)
	if err != nil || !limited || left > 0 {
		return err
	}
	return api.Errorf(api.ReasonLimitExceeded, "the daily limit of $%v is spent; it begins anew at midnight UTC, or raise daily_budget_usd",
		m.cfg.DailyBudgetUSD).AtBound("daily_budget_usd", m.cfg.DailyBudgetUSD)
}

// overBudget reports whether nothing is to be sent now. Where that cannot be
// read, nothing is held back: the step that follows has the same fault to meet.
func (m *Manager) overBudget(ctx context.Context) bool {
	left, limited, err := m.remainder(ctx)
	return err == nil && limited && left <= 0
}

// budgetPoll is how often sessions that are held back are looked at.
const budgetPoll = 30 * time.Second

// watchBudget lets those go on who were held back by the daily limit, when a
// new day has begun. It is a goroutine of the manager's, where there is a limit.
func (m *Manager) watchBudget(ctx context.Context, poll <-chan time.Time) {
	over := m.overBudget(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll:
		}
		was := over
		if over = m.overBudget(ctx); over || !was {
			continue
		}
		m.mu.Lock()
		m.grantLocked(over)
		actors := make([]*actor, 0, len(m.actors))
		for _, a := range m.actors {
			actors = append(actors, a)
		}
		m.mu.Unlock()
		for _, a := range actors {
			_ = a.do(ctx, func(actx context.Context) error { // an actor that has ended has nothing to send
				return a.try(actx, func(s *step) error { s.quiet = true; return nil })
			})
		}
	}
}
