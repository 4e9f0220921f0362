package daemon

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// OnSignals returns a context that ends with the first SIGTERM or SIGINT; the
// second one calls now, which is meant to end the process at once. Sessions
// survive either. The caller calls stop, which waits.
func OnSignals(parent context.Context, now func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for range 2 {
			select {
			case <-signals:
			case <-stopped:
				return
			}
			if ctx.Err() != nil {
				now()
				return
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		<-done
		cancel()
	}
}
