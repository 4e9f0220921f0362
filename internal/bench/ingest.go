package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// ingest measures one session that prints flat out, with one subscriber that
// reads all: line printed, stored, received.
func (b *bench) ingest() (err error) {
	lines := b.scaled(300_000)
	plain, err := b.plainInsert(lines)
	if err != nil {
		return err
	}
	w, err := b.newWorld()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if _, err := w.flood(1, b.scaled(20_000)); err != nil { // pages are mapped, statements prepared
		return err
	}
	before, err := usageOf(w.daemon.Process.Pid)
	if err != nil {
		return err
	}
	sizeBefore, err := w.databaseSize()
	if err != nil {
		return err
	}
	if b.profile != "" {
		if err := w.daemon.Process.Signal(syscall.SIGUSR2); err != nil {
			return err
		}
	}
	r, err := w.flood(1, lines)
	if err != nil {
		return err
	}
	after, err := usageOf(w.daemon.Process.Pid)
	if err != nil {
		return err
	}
	size, err := w.databaseSize()
	if err != nil {
		return err
	}
	used := after.minus(before)
	b.report.add(row{ID: "ingest", What: "one session flat out, 430-byte lines, one subscriber", Figure: r.rate(), Unit: "events/s",
		Yardstick: "plain batched insert", YardstickFigure: plain.rate, Judged: byRatio, Goal: 0.5})
	b.report.add(row{ID: "ingest-cpu", What: "CPU of the daemon an event", Figure: micros(used.cpu / time.Duration(lines)), Unit: "µs",
		Yardstick: "plain batched insert", YardstickFigure: micros(plain.cpu), Goal: 15, Most: true})
	b.report.add(row{ID: "ingest-written", What: "bytes written to disk an event", Figure: float64(used.written) / float64(lines), Unit: "B",
		Yardstick: "the line", YardstickFigure: lineSize, Goal: 1500, Most: true})
	b.report.add(row{ID: "ingest-stored", What: "bytes in the database an event, indexes included", Figure: float64(size-sizeBefore) / float64(lines), Unit: "B",
		Yardstick: "the line", YardstickFigure: lineSize, Judged: byRatio, Goal: 1.5, Most: true, Noise: 1.1})
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// databaseSize waits until the write-ahead log is folded in, and returns how
// large the database is.
func (w *world) databaseSize() (int64, error) {
	path := filepath.Join(w.state, "sessiond.db")
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		wal, err := os.Stat(path + "-wal")
		if err == nil && wal.Size() > 0 {
			if time.Since(begin) > patience {
				return 0, fmt.Errorf("the write-ahead log is not folded in")
			}
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
}

// rounds is how often measurements are made in turn that are compared with each
// other: what else the machine does is not the same twice. The median counts.
const rounds = 7

// crowd measures several sessions that print flat out at the same time.
func (b *bench) crowd() error {
	sizes := []int{1, 8, 32}
	rates, cpus, slowest := map[int][]float64{}, map[int][]float64{}, map[int][]float64{}
	for n := range rounds {
		order := slices.Clone(sizes)
		if n%2 == 1 { // none is always the last
			slices.Reverse(order)
		}
		for _, sessions := range order {
			rate, cpu, share, err := b.crowdOf(sessions)
			if err != nil {
				return err
			}
			rates[sessions], cpus[sessions], slowest[sessions] = append(rates[sessions], rate), append(cpus[sessions], cpu), append(slowest[sessions], share)
		}
	}
	for _, n := range sizes[1:] {
		b.report.add(row{ID: fmt.Sprintf("crowd-%d", n), What: fmt.Sprintf("%d sessions flat out, total", n), Figure: middle(rates[n]), Unit: "events/s",
			Yardstick: "one session", YardstickFigure: middle(rates[1]), Judged: byRatio, Goal: 1})
		b.report.add(row{ID: fmt.Sprintf("crowd-cpu-%d", n), What: fmt.Sprintf("CPU of the daemon an event, %d sessions", n), Figure: middle(cpus[n]), Unit: "µs",
			Yardstick: "one session", YardstickFigure: middle(cpus[1]), Goal: 15, Most: true})
		b.report.add(row{ID: fmt.Sprintf("fair-%d", n), What: fmt.Sprintf("the slowest of %d when the first is done", n),
			Figure: 100 * slices.Min(slowest[n]), Unit: "%", Yardstick: "fair share", YardstickFigure: 100, Judged: byRatio, Goal: 0.5})
	}
	return nil
}

// crowdOf is one measurement of crowd: events in a second, microseconds of CPU
// an event, and what the slowest session has when the first is done, as a part of the
// fair share.
func (b *bench) crowdOf(sessions int) (rate, cpu, share float64, err error) {
	total := max(b.scaled(200_000), 64_000) // some batches of each, or there is no fairness to see
	w, err := b.newWorld()
	if err != nil {
		return 0, 0, 0, err
	}
	r, err := w.flood(sessions, total/sessions)
	used, usageErr := usageOf(w.daemon.Process.Pid)
	if err = errors.Join(err, usageErr, w.close()); err != nil {
		return 0, 0, 0, err
	}
	slowest, sum := total, 0
	for id := range r.count {
		slowest, sum = min(slowest, r.leaderDone[id]), sum+r.leaderDone[id]
	}
	return r.rate(), micros(used.cpu / time.Duration(total)), float64(slowest) * float64(sessions) / float64(sum), nil
}

// middle is the median.
func middle(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
