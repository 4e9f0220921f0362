package e2e

import (
	"fmt"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
)

// BenchmarkEndToEnd has sessions print lines of 430 bytes as fast as they can,
// each with a subscriber that reads all: line printed → stored → received.
func BenchmarkEndToEnd(b *testing.B) {
	for _, sessions := range []int{1, 8} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			w := scriptedWorld(b, claudecli.Pinned)
			each := max(b.N/sessions, 1)
			b.ResetTimer()
			done := make(chan int)
			for range sessions {
				id := w.launch(w.prompt(fmt.Sprintf("emit: %d 430", each)))
				go func() { done <- len(numbers(w.follow(id))) }()
			}
			for range sessions {
				if got := <-done; got != each {
					b.Errorf("%d of %d events", got, each)
				}
			}
			b.ReportMetric(float64(each*sessions)/b.Elapsed().Seconds(), "events/s")
			b.StopTimer()
			if list, err := w.ListSessions(w.ctx, api.ListSessionsParams{Status: final}); err != nil || len(list.Sessions) < sessions {
				b.Errorf("%d sessions have ended, %v", len(list.Sessions), err)
			}
		})
	}
}
