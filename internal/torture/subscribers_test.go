package torture

import (
	"context"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// subscriber follows the whole log.
type subscriber struct {
	name   string
	pace   func()     // called after each event
	stay   func() int // how many events until it disconnects
	events []seen
	last   atomic.Int64 // the seq that it has seen
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

// seen is what a subscriber keeps of an event.
type seen struct {
	seq     int64
	session string
	sum     uint64
}

var sumSeed = maphash.MakeSeed()

func seenOf(ev api.Event) seen {
	var h maphash.Hash
	h.SetSeed(sumSeed)
	for _, s := range []string{string(ev.Type), ev.SessionID, ev.RunID, ev.Timestamp.String(), string(ev.Data)} {
		_, _ = h.WriteString(s)
		_ = h.WriteByte(0)
	}
	return seen{ev.Seq, ev.SessionID, h.Sum64()}
}

// subscribe sets three subscribers to work: one that keeps up, one that is slow
// until hurry is closed, and one that comes and goes.
func (w *world) subscribe(rng *rand.Rand, hurry <-chan struct{}) []*subscriber {
	slow := rand.New(rand.NewPCG(rng.Uint64(), 0))
	hopping := rand.New(rand.NewPCG(rng.Uint64(), 0))
	forever := func() int { return -1 }
	all := []*subscriber{
		{name: "steady", pace: func() {}, stay: forever},
		{name: "slow", stay: forever, pace: func() {
			select {
			case <-hurry:
			case <-time.After(time.Duration(slow.IntN(3000)) * time.Microsecond):
			}
		}},
		{name: "hopping", pace: func() {}, stay: func() int { return 1 + hopping.IntN(200) }},
	}
	for _, s := range all {
		var ctx context.Context
		ctx, s.stop = context.WithCancel(w.ctx)
		s.wg.Go(func() { w.follow(ctx, s) })
	}
	return all
}

// follow takes events until the context ends.
func (w *world) follow(ctx context.Context, s *subscriber) {
	var c *client.Client
	for c == nil {
		if ctx.Err() != nil {
			return
		}
		c, _ = client.Dial(ctx, w.daemon.socket) // nobody may listen for a moment
	}
	defer c.Close()
	for ctx.Err() == nil {
		after, stay := s.last.Load(), s.stay()
		for ev, err := range c.Events(ctx, api.SubscribeParams{AfterSeq: &after}) {
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				w.problem("subscriber %s: %v", s.name, err)
				return
			}
			s.events = append(s.events, seenOf(ev))
			s.last.Store(ev.Seq)
			s.pace()
			if stay--; stay == 0 {
				break
			}
		}
	}
}

// finish waits until every subscriber has seen the head of the log, and ends it.
func (w *world) finish(subscribers []*subscriber) {
	var health api.Health
	err := w.again(func(ctx context.Context) (err error) { health, err = w.client.Health(ctx); return err })
	if err != nil {
		w.problem("health: %v", err)
	}
	for _, s := range subscribers {
		for s.last.Load() < health.Events.HeadSeq && w.ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		if last := s.last.Load(); last != health.Events.HeadSeq {
			w.problem("subscriber %s has come to %d, the log to %d", s.name, last, health.Events.HeadSeq)
		}
		s.stop()
		s.wg.Wait()
	}
}
