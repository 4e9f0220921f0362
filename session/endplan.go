package session

import (
	"context"
	"syscall"
	"time"

	"github.com/sessiond/sessiond/session/shim"
)

// endPlan is how a process is ended that was told to: it was asked first; it is
// made to with SIGTERM; then it is killed with everything that it started. The
// zero endPlan has not begun.
type endPlan struct {
	timer   <-chan time.Time
	forced  bool
	strikes int
}

// endStep is how long each step of ending may take.
const endStep = 5 * time.Second

// begin starts the plan, once; force skips to its last step, once.
func (p *endPlan) begin(ctx context.Context, a *actor, force bool) {
	if p.timer == nil {
		p.timer = time.After(endStep)
	}
	if force && !p.forced {
		p.forced, p.strikes = true, 1
		p.strike(ctx, a)
	}
}

// due fires when the next step is to be taken.
func (p *endPlan) due() <-chan time.Time { return p.timer }

// strike takes the next step.
func (p *endPlan) strike(ctx context.Context, a *actor) {
	p.timer = time.After(endStep)
	var err error
	switch {
	case a.shim == nil && p.strikes == 0:
		err = shim.SignalOrphan(a.dir, syscall.SIGTERM)
	case a.shim == nil:
		err = shim.SignalOrphan(a.dir, syscall.SIGKILL)
	case p.strikes == 0:
		err = a.shim.Signal(ctx, syscall.SIGTERM)
	default:
		err = a.shim.Kill(ctx)
	}
	p.strikes++
	if err != nil && ctx.Err() == nil {
		a.log.Debug("process not signalled", "error", err)
	}
}
