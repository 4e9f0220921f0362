package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sessiond/sessiond/rpc/api"
)

// inParallel runs fn for 0 to n-1, some at a time.
func inParallel(ctx context.Context, n int, fn func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range 32 {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := fn(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// bareRun is how long the program takes to do nothing.
func (w *world) bareRun(program string) (time.Duration, error) {
	return median(20, func() error {
		cmd := exec.Command(program, "version")
		cmd.Env = append([]string{}, w.env...)
		return cmd.Run()
	})
}

// idleFor is how long a daemon has been idle, at least, when its memory is measured.
const idleFor = 150 * time.Second

// yard is the yardstick of memory.
const yard = "this benchmark's own"

// footprint measures memory and the size of the program.
func (b *bench) footprint() (err error) {
	info, err := os.Stat(b.program)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	bench, err := os.Stat(self)
	if err != nil {
		return err
	}
	b.report.add(row{ID: "binary", What: "the program", Figure: mega(info.Size()), Unit: "MB", Yardstick: "this benchmark",
		YardstickFigure: mega(bench.Size()), Goal: 25, Most: true, Noise: 1.1})
	_, own, err := memory(os.Getpid())
	if err != nil {
		return err
	}
	if b.idle != nil {
		if err := b.footprintIdle(mega(own)); err != nil {
			return err
		}
	}
	return b.footprintLive(mega(own))
}

// newIdle is a world that has begun, with nothing in it, as after the machine's start: its
// program has been read from the disk. Of a program that was written a moment ago the
// kernel has larger pieces in its cache, and maps all of one where a byte is needed.
func (b *bench) newIdle() (*world, error) {
	w, err := b.prepare()
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(b.program)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(filepath.Dir(w.state), "sessiond")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(program)
	err = errors.Join(err, f.Sync(), forget(f), f.Close())
	if err != nil {
		return nil, err
	}
	return w, w.start(path)
}

// footprintIdle measures a daemon that has had nothing to do since it has started, which
// is long enough ago for what its start took to have gone.
func (b *bench) footprintIdle(own float64) error {
	select {
	case <-time.After(idleFor - time.Since(b.idle.since)):
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
	idle, _, err := memory(b.idle.daemon.Process.Pid)
	if err != nil {
		return err
	}
	b.report.add(row{ID: "idle", What: "memory of an idle daemon", Figure: mega(idle), Unit: "MB", Yardstick: yard, YardstickFigure: own, Goal: 15, Most: true})
	return nil
}

// footprintLive measures with 100 live sessions and much stored.
func (b *bench) footprintLive(own float64) (err error) {
	const live = 100
	l, err := b.newLibrary(b.scaled(1000), b.scaled(1_000_000))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.keepAlive(live); err != nil {
		return err
	}
	resident, _, err := memory(l.daemon.Process.Pid)
	if err != nil {
		return err
	}
	b.report.add(row{ID: "live", What: fmt.Sprintf("memory with %d live sessions and %d stored events", live, l.events), Figure: mega(resident), Unit: "MB",
		Yardstick: yard, YardstickFigure: own, Goal: 60, Most: true})
	pids, err := shims(l.state)
	if err != nil {
		return err
	}
	var sum int64
	for _, pid := range pids {
		_, anon, err := memory(pid)
		if err != nil {
			return err
		}
		sum += anon
	}
	if len(pids) != live {
		return fmt.Errorf("%d shims of %d sessions found", len(pids), live)
	}
	b.report.add(row{ID: "shim", What: "memory of a shim's own", Figure: mega(sum / live), Unit: "MB", Yardstick: yard, YardstickFigure: own, Goal: 1.5, Most: true})
	return nil
}

// keepAlive launches so many sessions that wait for a message.
func (w *world) keepAlive(n int) error {
	err := inParallel(w.ctx, n, func(context.Context, int) error {
		_, err := w.launchPrompt("say: ready", true)
		return err
	})
	if err != nil {
		return err
	}
	return w.awaitSessions(api.StatusWaitingInput, n)
}
