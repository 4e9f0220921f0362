package torture

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
)

const (
	span         = time.Second // of the faults of a round
	faultsARound = 9
	busySessions = 8
	diskSize     = 400 << 20 // room for the reserve of two dozen journals
)

// TestTorture runs rounds. `-rounds 1 -seed N` repeats the plan of a round; what
// the processes do meanwhile is up to the machine.
//
//nolint:tparallel // one after the other: the machine has enough to do
func TestTorture(t *testing.T) {
	t.Parallel()
	failed := 0
	for i := range *rounds {
		s := *seed + int64(i)
		ok := t.Run(fmt.Sprintf("seed=%d", s), func(t *testing.T) { round(t, s) })
		if !ok {
			failed++
		}
		if wanted.Err() != nil {
			t.Fatal("interrupted")
		}
		if failed == 5 {
			t.Fatalf("five rounds of %d have failed: this is enough", i+1)
		}
	}
}

// round is one: a plan, sessions and clients while it is carried out, peace, and
// a look at what is there.
func round(t *testing.T, s int64) {
	rng := rand.New(rand.NewChaCha8(sha256.Sum256(binary.AppendVarint(nil, s))))
	flavour := []string{claudecli.Pinned, claudecli.Kept}[rng.IntN(2)]
	faulty := plan(rng, kinds, span, faultsARound)
	w := newWorld(t, sessiond, flavour)
	f := &faults{w: w, small: smallDisk(t, w, diskSize)}
	if rng.IntN(3) == 0 {
		w.daemon.env = append(w.daemon.env, "SESSIOND_MAX_SESSIONS=6")
	}
	w.begin()

	begun := time.Now()
	hurry := make(chan struct{})
	subscribers := w.subscribe(rng, hurry)
	chaos, peace := during(w.ctx, span)
	answering, answered := context.WithCancel(w.ctx)
	var working, asking sync.WaitGroup
	for _, x := range faulty {
		working.Go(func() { f.run(chaos, x) })
	}
	for range busySessions {
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		working.Go(func() { w.busy(chaos, own) })
	}
	own := rand.New(rand.NewPCG(rng.Uint64(), 0))
	asking.Go(func() { w.answer(answering, own) })
	working.Wait()
	peace()
	w.conclude()
	answered()
	asking.Wait()
	close(hurry)
	w.finish(subscribers)
	w.check(subscribers...)
	w.report(fmt.Sprintf("%s; %v", flavour, faulty))
	t.Logf("%s, %v: %d sessions, %d events; %s", flavour, time.Since(begun).Round(time.Millisecond),
		len(w.known), len(subscribers[0].events), strings.Join(list(faulty), ", "))
}

func list(faults []fault) []string {
	var all []string
	for _, f := range faults {
		all = append(all, f.String())
	}
	return all
}
