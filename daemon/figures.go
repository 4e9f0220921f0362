package daemon

import (
	"log/slog"
	"os"
	"os/signal"
	"runtime/metrics"
	"syscall"
)

// figures is what SIGUSR1 has logged, by the name that it is logged under.
var figures = []struct{ name, metric string }{
	{"goroutines", "/sched/goroutines:goroutines"},
	{"heap_live_bytes", "/gc/heap/live:bytes"},
	{"go_memory_bytes", "/memory/classes/total:bytes"},
}

// logFigures logs what the process takes each time that it is sent SIGUSR1,
// until stop, which waits: for whoever wonders what has grown.
func logFigures(log *slog.Logger) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		defer close(done)
		for range signals {
			samples := make([]metrics.Sample, len(figures))
			for i, f := range figures {
				samples[i].Name = f.metric
			}
			metrics.Read(samples)
			var values []any
			for i, f := range figures {
				values = append(values, f.name, samples[i].Value.Uint64())
			}
			log.Info("figures", values...)
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-done
	}
}
