package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
)

// rawSubscriber reads what comes without looking into it: a thousand of them
// must not need more than the daemon does.
type rawSubscriber struct{ conn net.Conn }

// subscribeRaw subscribes to the conversation events behind after.
func (w *world) subscribeRaw(after int64) (*rawSubscriber, error) {
	c, err := net.Dial("unix", w.socket)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(c, `{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"after_seq":%d,"event_types":["conversation_updated"]}}`+"\n", after)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &rawSubscriber{c}, nil
}

// read reads the answer, so many events, and where last is given, on until it
// has come.
func (s *rawSubscriber) read(events int) error {
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	buf := make([]byte, 32<<10)
	for lines := 0; lines < events+1; {
		n, err := s.conn.Read(buf)
		lines += bytes.Count(buf[:n], []byte{'\n'})
		if err != nil {
			return fmt.Errorf("%d of %d events: %w", lines-1, events, err)
		}
	}
	return nil
}

// subscribers measures a thousand of them at a thousand events a second.
func (b *bench) subscribers() (err error) {
	const crowd, rate = 1000, 1000
	lines := b.scaled(10 * rate)
	w, err := b.newWorld()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if _, err := w.flood(1, b.scaled(40_000)); err != nil { // what is kept of the newest events is there, and is not theirs
		return err
	}
	alone, err := w.stamps(lines, rate)
	if err != nil {
		return err
	}
	before, _, err := memory(w.daemon.Process.Pid)
	if err != nil {
		return err
	}
	after, err := w.head()
	if err != nil {
		return err
	}
	var all errgroup.Group
	for range crowd - 1 {
		s, err := w.subscribeRaw(after)
		if err != nil {
			return err
		}
		defer s.conn.Close()
		all.Go(func() error { return s.read(lines) })
	}
	if _, err := w.launchPrompt(fmt.Sprintf("stamp: %d %d", lines, rate), false); err != nil {
		return err
	}
	l, err := w.readStamps(after, lines)
	if err = errors.Join(err, all.Wait()); err != nil {
		return err
	}
	grown, _, err := memory(w.daemon.Process.Pid)
	if err != nil {
		return err
	}
	b.report.add(row{ID: "subscribers-p99", What: "1,000 subscribers at 1,000 events/s: all get all; p99 of one of them", Figure: millis(l.at(0.99)), Unit: "ms",
		Yardstick: "one subscriber", YardstickFigure: millis(alone.at(0.99)), Goal: 100, Most: true, Noise: 5})
	b.report.add(row{ID: "subscribers-memory", What: "memory that they add", Figure: mega(grown - before), Unit: "MB",
		Yardstick: "before", YardstickFigure: mega(before), Goal: 40, Most: true})
	return nil
}

func mega(bytes int64) float64 { return float64(bytes) / 1e6 }

// stalled measures what one subscriber that does not read does to 99 others.
func (b *bench) stalled() (err error) {
	lines := b.scaled(40_000)
	w, err := b.newWorld()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if _, err := w.among(nil, lines); err != nil { // pages are mapped, statements prepared
		return err
	}
	rates, memories := map[bool][]float64{}, map[bool][]float64{}
	for n := range rounds {
		for _, stalled := range []bool{n%2 == 1, n%2 == 0} { // neither is always the second
			rate, used, err := w.beside(stalled, lines)
			if err != nil {
				return err
			}
			rates[stalled], memories[stalled] = append(rates[stalled], rate), append(memories[stalled], mega(used))
		}
	}
	before := middle(memories[false])
	b.report.add(row{ID: "stalled", What: "100 subscribers, one of them stalled", Figure: middle(rates[true]), Unit: "events/s",
		Yardstick: "all of them read", YardstickFigure: middle(rates[false]), Judged: byRatio, Goal: 0.95})
	b.report.add(row{ID: "stalled-memory", What: "memory that it adds", Figure: max(middle(memories[true])-before, 0), Unit: "MB",
		Yardstick: "before", YardstickFigure: before, Goal: 20, Most: true, Noise: 100})
	return nil
}

// beside floods 100 subscribers who read, or 99 beside one that reads only when all is over,
// and then gets everything. It returns the rate of the others, and the daemon's memory behind it.
func (w *world) beside(stalled bool, lines int) (rate float64, used int64, err error) {
	if err := w.rested(); err != nil {
		return 0, 0, err
	}
	after, err := w.head()
	if err != nil {
		return 0, 0, err
	}
	var silent *rawSubscriber
	if stalled {
		if silent, err = w.subscribeRaw(after); err != nil {
			return 0, 0, err
		}
		defer silent.conn.Close()
	}
	if rate, err = w.among(silent, lines); err != nil {
		return 0, 0, err
	}
	if used, _, err = memory(w.daemon.Process.Pid); err != nil || !stalled {
		return rate, used, err
	}
	return rate, used, silent.read(lines)
}

// among floods 99 or 100 subscribers who read, and returns the rate at which
// the events were received by one of them.
func (w *world) among(silent *rawSubscriber, lines int) (float64, error) {
	readers := 99 // and the one who measures
	if silent != nil {
		readers = 98
	}
	after, err := w.head()
	if err != nil {
		return 0, err
	}
	var all errgroup.Group
	var conns []io.Closer
	for range readers {
		s, err := w.subscribeRaw(after)
		if err != nil {
			return 0, err
		}
		conns = append(conns, s.conn)
		all.Go(func() error { return s.read(lines) })
	}
	r, err := w.flood(1, lines)
	errs := []error{err, all.Wait()}
	for _, c := range conns {
		errs = append(errs, c.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	return r.rate(), nil
}
