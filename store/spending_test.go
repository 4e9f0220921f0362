package store

import (
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestSpending(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	day := api.FromMillis(1_700_000_000_000)
	next := api.FromMillis(1_700_000_000_000 + 24*3600*1000)
	for _, b := range []*Batch{{Used: api.Usage{CostUSD: 0.25}, UsedAt: day}, {Wrote: api.Usage{CostUSD: 0.5}, UsedAt: day}, {Used: api.Usage{CostUSD: 1}, UsedAt: next}} {
		if err := s.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	for at, want := range map[api.Time]float64{day: 0.75, next: 1, api.FromMillis(1): 0} {
		if got, err := s.Spent(t.Context(), at); err != nil || got != want {
			t.Errorf("on %v: %v, %v", at, got, err)
		}
	}
}
