package session

import (
	"context"
	"errors"
	"syscall"
	"time"
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

// shimPatience is how long a shim may take to pass a signal on.
const shimPatience = time.Second

// strike takes the next step.
func (p *endPlan) strike(ctx context.Context, a *actor) {
	p.timer = time.After(endStep)
	sig := syscall.SIGTERM
	if p.strikes++; p.strikes > 1 {
		sig = syscall.SIGKILL
	}
	err := a.signal(ctx, sig)
	if err != nil && ctx.Err() == nil {
		a.log.Debug("process not signalled", "error", err)
	}
}

// signal sends a signal to the process: by its shim, or past one that is gone,
// not reached, or does not answer. SIGKILL is for all its descendants.
func (a *actor) signal(ctx context.Context, sig syscall.Signal) (err error) {
	if a.link.shim != nil {
		ctx, cancel := context.WithTimeout(ctx, shimPatience)
		defer cancel()
		if sig == syscall.SIGKILL {
			err = a.link.shim.Kill(ctx)
		} else {
			err = a.link.shim.Signal(ctx, sig)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	process := a.process()
	switch {
	case process == nil:
		return err
	case a.link.shim == nil && sig == syscall.SIGTERM: // it may stand still for want of disk
		return errors.Join(err, process.Terminate())
	}
	return errors.Join(err, process.Signal(sig))
}
