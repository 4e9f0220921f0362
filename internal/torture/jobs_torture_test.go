package torture

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
)

const summarizedSessions = 4

// jobFaults are the kinds of faults while sessions are summarised.
var jobFaults = []string{"kill daemon", "kill daemon", "kill daemon", "terminate daemon", "stop daemon", "kill summarizer", "kill summarizer",
	"kill summarizer's shim", "stop summarizer", "stop summarizer's shim", "stop summarizer's shim", "fill disk"}

// TestTortureJobs runs rounds in which sessions are summarised, as clients ask and by
// themselves, while daemons, summarisers and their shims are killed and stopped, and
// the disk is full; summarisers hang, crash and print junk besides.
//
//nolint:tparallel // one after the other: the machine has enough to do
func TestTortureJobs(t *testing.T) {
	t.Parallel()
	for i := range *rounds {
		s := *seed + int64(i)
		if ok := t.Run(fmt.Sprintf("seed=%d", s), func(t *testing.T) { roundOfJobs(t, s) }); !ok || wanted.Err() != nil {
			t.Fatalf("round %d of %d: this is enough", i+1, *rounds)
		}
	}
}

// patient has another daemon go on, under which summarisers may take the time they need:
// on a machine that is very busy none may come to its end in a second.
func (w *world) patient() {
	err := w.daemon.stop()
	w.daemon.env = append(w.daemon.env, "SESSIOND_SUMMARIZE_TIMEOUT=2m")
	if err = errors.Join(err, w.daemon.start(w.ctx)); err != nil {
		w.problem("%v", err)
	}
}

func roundOfJobs(t *testing.T, s int64) {
	rng := rand.New(rand.NewChaCha8(sha256.Sum256(binary.AppendVarint(nil, s))))
	flavour := []string{claudecli.Pinned, claudecli.Kept}[rng.IntN(2)]
	faulty := plan(rng, jobFaults, 2*span, faultsARound)
	w := newWorld(t, sessiond, flavour)
	f := &faults{w: w, small: smallDisk(t, w, diskSize)}
	w.summarized("SESSIOND_JOB_ATTEMPTS=3", "SESSIOND_JOB_BACKOFF=5ms", "SESSIOND_SUMMARIZE_TIMEOUT=1s")
	w.begin()

	ids := make([]string, summarizedSessions)
	for i := range ids {
		ids[i] = w.toTalkTo()
	}

	chaos, peace := during(w.ctx, 2*span)
	defer peace()
	var working sync.WaitGroup
	for _, x := range faulty {
		working.Go(func() { f.run(chaos, x) })
	}
	for _, id := range ids {
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		working.Go(func() { w.talker(chaos, own, id) })
	}
	own := rand.New(rand.NewPCG(rng.Uint64(), 0))
	working.Go(func() { w.meddle(chaos, own) })
	working.Wait()
	states := map[string]int{}
	for _, j := range w.jobs() {
		states[string(j.State)]++
	}
	w.script("")
	w.conclude()
	w.patient()
	w.finishJobs(ids...)
	w.checkJobs(ids...)
	w.check()
	w.report(fmt.Sprintf("%s; %v", flavour, faulty))
	t.Logf("%s: jobs behind it %v; %s", flavour, states, strings.Join(list(faulty), ", "))
}
