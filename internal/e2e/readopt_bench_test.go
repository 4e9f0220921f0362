package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/rpc/api"
)

// patientClaude is a claude that costs nearly nothing: it answers its first
// prompt, and from then on who asks what it waits for.
func patientClaude(t testing.TB) string {
	t.Helper()
	claude := filepath.Join(t.TempDir(), "claude")
	script := `#!/bin/sh
[ "$1" = --version ] && echo 2.1.329 && exit
read -r prompt
echo '{"type":"system","subtype":"init","model":"m"}'
echo '{"type":"result","subtype":"success","is_error":false,"result":"ready"}'
while read -r line; do
	case $line in
	*'"initialize"'*)
		id=${line#*'"request_id":"'}
		echo '{"type":"control_response","response":{"subtype":"success","request_id":"'"${id%%'"'*}"'","response":{},"pending_permission_requests":[]}}' ;;
	*'"end_session"'*) exit 0 ;;
	esac
done
`
	program.Write(t, claude, script)
	return claude
}

// BenchmarkAdopt starts a daemon where so many sessions live: from the call to
// the moment at which it is ready, each of them having answered.
func BenchmarkAdopt(b *testing.B) {
	for _, sessions := range []int{1, 100} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			w := newWorld(b)
			w.cfg.Claude = patientClaude(b)
			w.start()
			var ids []string
			for range sessions {
				ids = append(ids, w.interactive("go"))
			}
			for _, id := range ids {
				w.idle(id, 1)
			}
			var ready, stopped time.Duration
			rounds := 0
			for b.Loop() {
				began := time.Now()
				w.stop()
				stopped += time.Since(began)
				began = time.Now()
				w.start()
				ready += time.Since(began)
				rounds++
				if h, err := w.Health(w.ctx); err != nil || h.Sessions[api.StatusWaitingInput] != sessions || len(h.Problems) > 0 {
					b.Fatalf("health: %+v, %v", h, err)
				}
			}
			b.ReportMetric(float64(ready.Milliseconds())/float64(rounds), "ms/ready")
			b.ReportMetric(float64(stopped.Milliseconds())/float64(rounds), "ms/stopped")
			for _, id := range ids {
				if n := w.askedAgain(id); n != rounds {
					b.Fatalf("asked %d times in %d rounds", n, rounds)
				}
			}
		})
	}
}
