package session

import (
	"context"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
)

// Health says how the sessions are. Version, pid and the like are the daemon's
// to fill in.
func (m *Manager) Health(ctx context.Context) (api.Health, error) {
	var h api.Health
	var err error
	if h.Sessions, err = m.store.StatusCounts(ctx); err != nil {
		return h, wrapf(err, "number of sessions")
	}
	depth, oldest, err := m.store.Inbox(ctx)
	if err != nil {
		return h, wrapf(err, "depth of the inbox")
	}
	h.Inbox.Depth = depth
	if !oldest.IsZero() {
		h.Inbox.OldestAgeMS = max(0, time.Since(oldest.Time).Milliseconds())
	}
	h.Events = api.EventsHealth{HeadSeq: m.store.Head(), OldestSeq: m.store.OldestSeq()}
	h.StateDir = m.cfg.StateDir
	if h.Budget.SpentTodayUSD, err = m.store.Spent(ctx, api.Now()); err != nil {
		return h, wrapf(err, "what was spent")
	}
	h.Budget.DailyLimitUSD = m.cfg.DailyBudgetUSD
	h.Status = api.HealthOK
	if h.Claude = m.claudeHealth(ctx); !h.Claude.Available {
		h.Status = api.HealthDegraded
		h.Problems = append(h.Problems, "no usable claude: "+h.Claude.Hint)
	}
	return h, nil
}

func (m *Manager) claudeHealth(ctx context.Context) api.ClaudeHealth {
	program, err := m.program(m.cfg.Environ)
	if err != nil {
		return api.ClaudeHealth{Hint: claude.InstallHint}
	}
	version, err := m.prober.Version(ctx, program, m.cfg.Environ)
	if err != nil {
		return api.ClaudeHealth{Path: program, Hint: err.Error()}
	}
	return api.ClaudeHealth{Path: program, Version: string(version), Available: true}
}
