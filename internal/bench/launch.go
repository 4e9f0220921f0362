package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

// launch measures how soon a launch is answered, and how much later its child
// works than one that is started bare.
func (b *bench) launch() (err error) {
	w, err := b.newWorld()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	var answered, bare, ours latencies
	for range b.scaled(200) {
		took, err := w.bareStart()
		if err != nil {
			return err
		}
		bare = append(bare, took)
		after, err := w.head()
		if err != nil {
			return err
		}
		begin := time.Now()
		if _, err := w.launchPrompt("stamp: 1 1000", false); err != nil {
			return err
		}
		answered = append(answered, time.Since(begin))
		printed, err := w.firstStamp(after)
		if err != nil {
			return err
		}
		ours = append(ours, printed.Sub(begin))
		if err := w.endAll(); err != nil {
			return err
		}
	}
	b.report.add(row{ID: "launch", What: "launchSession answered, p50", Figure: millis(answered.at(0.5)), Unit: "ms",
		Yardstick: "claude started bare", YardstickFigure: millis(bare.at(0.5)), Goal: 3, Most: true, Noise: 2})
	b.report.add(row{ID: "launch-child", What: "the child works later than one started bare, p50", Figure: millis(ours.at(0.5) - bare.at(0.5)), Unit: "ms",
		Yardstick: "claude started bare", YardstickFigure: millis(bare.at(0.5)), Goal: 15, Most: true, Noise: 2})
	return nil
}

// bareStart is the time from starting claude to its first line of text.
func (w *world) bareStart() (time.Duration, error) {
	cmd := exec.Command(w.claude, "-p", "--output-format", "stream-json", "--input-format", "stream-json", "--verbose", "--session-id", uuid.NewString())
	cmd.Env, cmd.Dir = w.env, w.work
	cmd.Stdin = strings.NewReader(`{"type":"user","message":{"role":"user","content":"stamp: 1 1000"}}` + "\n")
	begin := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(out)) {
		if _, rest, ok := strings.Cut(line, `"text":"stamp `); ok {
			var ns int64
			if _, err := fmt.Sscan(rest, &ns); err != nil {
				return 0, err
			}
			return time.Unix(0, ns).Sub(begin), nil
		}
	}
	return 0, errors.New("claude started bare has printed no stamp")
}

func (w *world) firstStamp(after int64) (time.Time, error) {
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	for ev, err := range w.Events(ctx, api.SubscribeParams{AfterSeq: &after}) {
		if err != nil {
			return time.Time{}, err
		}
		if printed, ok := stampOf(ev.Data); ok {
			return printed, nil
		}
	}
	return time.Time{}, errors.New("no stamp came")
}
