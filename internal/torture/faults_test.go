package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/sessiond/sessiond/session/shim"
)

// fault is something that happens to a world at some time.
type fault struct {
	at   time.Duration
	kind string
	last time.Duration // how long it lasts, where it does
	pick uint64        // which process it hits
}

func (f fault) String() string { return fmt.Sprintf("%v %s", f.at.Round(time.Millisecond), f.kind) }

// kinds of faults, each as often as it is to come.
var kinds = []string{"kill daemon", "kill daemon", "kill daemon", "kill daemon", "terminate daemon", "stop daemon",
	"kill child", "kill child", "kill shim", "stop child", "stop child", "stop shim", "fill disk"}

// plan makes faults up, for a time that begins now.
func plan(rng *rand.Rand, kinds []string, span time.Duration, n int) []fault {
	var faults []fault
	for range n {
		faults = append(faults, fault{at: time.Duration(rng.Int64N(int64(span))), kind: kinds[rng.IntN(len(kinds))],
			last: time.Duration(rng.Int64N(int64(span / 4))), pick: rng.Uint64()})
	}
	return faults
}

// faults has faults happen to a world. What happens to the daemon happens one
// thing after the other.
type faults struct {
	w      *world
	daemon sync.Mutex
	disk   sync.Mutex // and the disk
	small  bool       // the state directory is on a file system that can be filled
}

// run has one fault happen, and ends when it is over.
func (f *faults) run(ctx context.Context, x fault) {
	pause(ctx, x.at)
	switch x.kind {
	case "kill daemon":
		f.restart(func() { f.w.daemon.kill() }, x.last/4)
	case "terminate daemon":
		f.restart(func() {
			if err := f.w.daemon.stop(); err != nil {
				f.w.problem("%v", err)
			}
		}, x.last/4)
	case "stop daemon":
		f.daemon.Lock()
		defer f.daemon.Unlock()
		f.w.daemon.signal(syscall.SIGSTOP)
		time.Sleep(x.last)
		f.w.daemon.signal(syscall.SIGCONT)
	case "kill child":
		f.hit(x.pick, func(id string, s shim.Started) {
			f.w.of(id, func(k *known) { k.childKilled = true })
			f.w.signal(s.PID, syscall.SIGKILL)
		})
	case "kill shim":
		f.hit(x.pick, func(id string, s shim.Started) {
			f.w.of(id, func(k *known) { k.shimKilled = true })
			f.w.signal(s.ShimPID, syscall.SIGKILL)
		})
	case "stop child":
		f.hit(x.pick, func(_ string, s shim.Started) { f.halt(s.PID, x.last) })
	case "stop shim":
		f.hit(x.pick, func(_ string, s shim.Started) { f.halt(s.ShimPID, x.last) })
	case "kill summarizer":
		f.hitJob(x.pick, func(s shim.Started) { f.w.signal(s.PID, syscall.SIGKILL) })
	case "kill summarizer's shim":
		f.hitJob(x.pick, func(s shim.Started) { f.w.signal(s.ShimPID, syscall.SIGKILL) })
	case "stop summarizer":
		f.hitJob(x.pick, func(s shim.Started) { f.halt(s.PID, x.last) })
	case "stop summarizer's shim":
		f.hitJob(x.pick, func(s shim.Started) { f.halt(s.ShimPID, x.last) })
	case "fill disk":
		f.fill(x.last)
	}
}

// restart has the daemon end in some way, and starts the next one after a while.
// Where the disk is full it may have to try again.
func (f *faults) restart(end func(), after time.Duration) {
	f.daemon.Lock()
	defer f.daemon.Unlock()
	end()
	time.Sleep(after)
	for {
		err := f.w.daemon.start(f.w.ctx)
		f.w.mu.Lock()
		may := f.w.starved
		f.w.mu.Unlock()
		if err == nil {
			return
		}
		if !may || !ofFullDisk(f.w.daemon.lastWords()) || f.w.ctx.Err() != nil {
			f.w.problem("%v", err)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// hit does something to the process of one of the sessions that have one.
func (f *faults) hit(pick uint64, do func(id string, s shim.Started)) {
	hitOne(f.w.daemon.sessionDir("*"), pick, func(dir string, s shim.Started) { do(filepath.Base(dir), s) })
}

// hitJob does something to the process of one of the jobs that are at work. One may
// take a moment to come.
func (f *faults) hitJob(pick uint64, do func(shim.Started)) {
	for range 100 {
		if hitOne(filepath.Join(f.w.daemon.state, "jobs", "*"), pick, func(_ string, s shim.Started) { do(s) }) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// hitOne does something to the process of one of the directories that have one.
func hitOne(pattern string, pick uint64, do func(dir string, s shim.Started)) bool {
	dirs, _ := filepath.Glob(pattern)
	var live []string
	for _, dir := range dirs {
		if _, err := shim.ReadExit(dir); err == nil {
			continue
		}
		if _, err := shim.ReadStart(dir); err == nil {
			live = append(live, dir)
		}
	}
	if len(live) == 0 {
		return false
	}
	dir := live[pick%uint64(len(live))]
	started, err := shim.ReadStart(dir)
	if err == nil {
		do(dir, started)
	}
	return err == nil
}

// halt stops a process for a while.
func (f *faults) halt(pid int, last time.Duration) {
	f.w.signal(pid, syscall.SIGSTOP)
	time.Sleep(last)
	f.w.signal(pid, syscall.SIGCONT)
}

// signal sends a signal to a process of this world; it may be gone.
func (w *world) signal(pid int, sig syscall.Signal) {
	if w.owns(pid) != "" {
		_ = syscall.Kill(pid, sig)
	}
}

// fill leaves no room on the disk for a while.
func (f *faults) fill(last time.Duration) {
	if !f.small {
		return
	}
	f.disk.Lock()
	defer f.disk.Unlock()
	f.w.mu.Lock()
	f.w.starved = true
	f.w.mu.Unlock()
	name := filepath.Join(filepath.Dir(f.w.daemon.state), "ballast")
	ballast, err := os.Create(name)
	if err != nil {
		f.w.problem("%v", err)
		return
	}
	defer func() {
		if err := errors.Join(ballast.Close(), os.Remove(name)); err != nil {
			f.w.problem("%v", err)
		}
	}()
	for end := time.Now().Add(last); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		takeAll(ballast) // what others give back, too
	}
}
