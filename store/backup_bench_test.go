package store

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// BenchmarkCommitDuring measures how long a commit takes while nothing else
// happens, during a backup, and during SQLite's other way to make a copy, which
// has no steps. It reports the median and the longest of 1 in 100.
func BenchmarkCommitDuring(b *testing.B) {
	s := open(b, Options{})
	row := create(b, s, nil)
	for range 400 {
		events := make([]Event, 1000)
		for i := range events {
			events[i] = lineEvent(row.N, string(benchLine))
		}
		commit(b, s, &Batch{Events: events})
	}
	for name, meanwhile := range map[string]func(ctx context.Context, path string) error{
		"nothing": func(ctx context.Context, _ string) error { <-ctx.Done(); return nil },
		"backup":  func(_ context.Context, path string) error { return s.Backup(context.Background(), path, nil) },
		"vacuum into": func(_ context.Context, path string) error {
			c, err := openConn(s.trouble.path, writerParams)
			if err != nil {
				return err
			}
			return errors.Join(c.run("VACUUM INTO '"+path+"'"), c.close())
		},
	} {
		b.Run(name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			began := time.Now()
			go func() { ended <- meanwhile(ctx, filepath.Join(b.TempDir(), "copy")) }()
			var took []time.Duration
			var copied time.Duration
			for b.Loop() {
				start := time.Now()
				commit(b, s, &Batch{Events: []Event{lineEvent(row.N, string(benchLine))}, Update: &SessionUpdate{N: row.N, LastActivityAt: api.Now()}})
				took = append(took, time.Since(start))
				select {
				case err := <-ended:
					if err != nil {
						b.Fatal(err)
					}
					if copied == 0 {
						copied = time.Since(began)
					}
					go func() { ended <- meanwhile(ctx, filepath.Join(b.TempDir(), "copy")) }()
				default:
				}
			}
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs/median")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs/p99")
			b.ReportMetric(copied.Seconds(), "s/copy")
		})
	}
}
