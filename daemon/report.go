package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// reportTime is how often whoever supervises the daemon is told how it is.
const reportTime = 30 * time.Second

// tell tells whoever supervises the daemon something, in the words of sd_notify(3).
func (c Config) tell(words string) {
	if c.Notify != nil {
		c.Notify(words)
	}
}

// report says that the daemon is ready, from then on how it is, and when ctx ends
// that it stops. Where the supervisor has a watchdog, it is told as often that the
// daemon lives as long as that answers how it is. The caller calls stop, which waits.
func (c Config) report(ctx context.Context, health func(context.Context) (api.Health, error)) (stop func()) {
	if c.Notify == nil {
		return func() {}
	}
	c.tell("READY=1")
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(c.reportEvery())
		defer tick.Stop()
		for {
			if h, err := health(ctx); err == nil && ctx.Err() == nil {
				c.tell("WATCHDOG=1\nSTATUS=" + healthText(h))
			}
			select {
			case <-tick.C:
				continue
			case <-stopped:
			case <-ctx.Done():
			}
			if ctx.Err() != nil { // whichever of the two was seen first
				c.tell("STOPPING=1\nSTATUS=stopping; sessions go on")
			}
			return
		}
	}()
	return func() {
		close(stopped)
		<-done
	}
}

// reportEvery is often enough for the watchdog, even if one report is late.
func (c Config) reportEvery() time.Duration {
	if c.Watchdog > 0 {
		return max(min(reportTime, c.Watchdog/4), time.Millisecond)
	}
	return reportTime
}

// healthText is one line on how the daemon is.
func healthText(h api.Health) string {
	var parts []string
	for _, s := range api.Statuses {
		if n := h.Sessions[s]; n > 0 && !s.Final() {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "no live session")
	}
	text := strings.Join(parts, ", ")
	if h.Status != api.HealthOK {
		text += "; " + string(h.Status) + ", 'sessiond status' says why"
	}
	return text
}
