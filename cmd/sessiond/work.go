package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// workEvery is how often a daemon is asked how far long work of its is.
const workEvery = 250 * time.Millisecond

// whileWorking calls f, which has the daemon do long work and waits for it, and
// shows meanwhile on a terminal how far that is: first only what, and then what
// health says of the work for which ours is true.
func (a *app) whileWorking(ctx context.Context, c *client.Client, what string, ours func(api.Work) bool, f func() error) error {
	if !a.errs.terminal {
		return f()
	}
	bar := a.newProgress()
	defer bar.end()
	bar.step(what, "")
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	asking.Go(func() { bar.followWork(ctx, c, ours) })
	return f()
}

// followWork shows how far work is, until the context ends.
func (p *progress) followWork(ctx context.Context, c *client.Client, ours func(api.Work) bool) {
	every := time.NewTicker(workEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		h, err := c.Health(ctx)
		if err != nil {
			continue // what the work itself comes to is said by whoever waits for it
		}
		for _, w := range h.Work {
			if ours(w) {
				p.step(w.Step, cleanLine(w.Unit))
				p.set(w.Done, w.Total)
			}
		}
	}
}

// workText says what long work a daemon does, a line for each.
func workText(all []api.Work) string {
	text := ""
	for _, w := range all {
		line := word(w.Kind) + ": " + cleanLine(w.Step)
		if w.Total > 0 {
			line += fmt.Sprintf(", %.0f %%", 100*float64(w.Done)/float64(w.Total))
		}
		if w.Subject != "" {
			line += "  " + cleanLine(w.Subject)
		}
		text += line + "\n"
	}
	return text
}
