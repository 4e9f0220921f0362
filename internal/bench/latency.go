package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// latencies is how long things took, in order.
type latencies []time.Duration

// at returns a quantile, such as 0.99.
func (l latencies) at(q float64) time.Duration {
	slices.Sort(l)
	return l[min(len(l)-1, int(q*float64(len(l))))]
}

// stampOf is when the line of a `stamp` was printed.
func stampOf(data []byte) (time.Time, bool) {
	const mark = `"content":"stamp `
	i := bytes.Index(data, []byte(mark))
	if i < 0 {
		return time.Time{}, false
	}
	digits, _, _ := bytes.Cut(data[i+len(mark):], []byte(" "))
	ns, err := strconv.ParseInt(string(digits), 10, 64)
	return time.Unix(0, ns), err == nil
}

// stamps has a session print n lines at a rate, and returns how long after the
// printing each was received.
func (w *world) stamps(n, rate int) (latencies, error) {
	after, err := w.head()
	if err != nil {
		return nil, err
	}
	if _, err := w.launchPrompt(fmt.Sprintf("stamp: %d %d", n, rate), false); err != nil {
		return nil, err
	}
	l, err := w.readStamps(after, n)
	return l, errors.Join(err, w.endAll())
}

func (w *world) readStamps(after int64, n int) (latencies, error) {
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	var l latencies
	for ev, err := range w.Events(ctx, api.SubscribeParams{AfterSeq: &after}) {
		if err != nil {
			return nil, err
		}
		if printed, ok := stampOf(ev.Data); ok && kindOf(ev.Data) == api.ConversationMessage { // the result repeats the last
			if l = append(l, time.Since(printed)); len(l) == n {
				break
			}
		}
	}
	return l, nil
}

// latency measures from the printing of a line to its notification.
func (b *bench) latency() (err error) {
	echo, err := b.echo(1000)
	if err != nil {
		return err
	}
	w, err := b.newWorld()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	calm, err := w.stamps(b.scaled(2000), 100)
	if err != nil {
		return err
	}
	full, err := w.flood(1, b.scaled(100_000))
	if err != nil {
		return err
	}
	half := int(full.rate() / 2)
	busy, err := w.stamps(half*b.scaled(10), half)
	if err != nil {
		return err
	}
	bare := func(q float64) float64 { return millis(echo.at(q)) }
	const yard = "round trip on a Unix socket"
	b.report.add(row{ID: "latency-p50", What: "printed to received at 100 lines/s, p50", Figure: millis(calm.at(0.5)), Unit: "ms",
		Yardstick: yard, YardstickFigure: bare(0.5), Goal: 1, Most: true, Noise: 3})
	b.report.add(row{ID: "latency-p99", What: "the same, p99", Figure: millis(calm.at(0.99)), Unit: "ms",
		Yardstick: yard, YardstickFigure: bare(0.99), Goal: 5, Most: true, Noise: 5})
	b.report.add(row{ID: "latency-half-p99", What: fmt.Sprintf("at half of full load (%d lines/s), p99", half), Figure: millis(busy.at(0.99)), Unit: "ms",
		Yardstick: yard, YardstickFigure: bare(0.99), Goal: 50, Most: true, Noise: 5})
	return nil
}

// echo measures n round trips of a usual line over a Unix socket, at the pace of
// the calm session: what the machine itself takes to wake a reader, twice.
func (b *bench) echo(n int) (l latencies, err error) {
	listener, err := net.Listen("unix", b.dir+"/echo")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	done := make(chan error, 1)
	go func() {
		c, err := listener.Accept()
		if err != nil {
			done <- err
			return
		}
		defer c.Close()
		buf := make([]byte, lineSize)
		for range n {
			if _, err := c.Read(buf); err != nil {
				done <- err
				return
			}
			if _, err := c.Write(buf); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	c, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	buf := make([]byte, lineSize)
	for range n {
		begin := time.Now()
		if _, err := c.Write(buf); err != nil {
			return nil, err
		}
		if _, err := c.Read(buf); err != nil {
			return nil, err
		}
		l = append(l, time.Since(begin))
		time.Sleep(time.Millisecond)
	}
	return l, <-done
}
