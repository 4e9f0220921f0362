package search

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

const (
	// pageEvents is how many events are read from the log at once, and pages how
	// many such readings, at most, go into one transaction.
	pageEvents = 256
	pages      = 4
	// busy is how many events a second are a load to make way for: then the index
	// takes a twentieth of the time, else all but a fifth of it.
	busy         = 500
	pauseBusy    = 19
	pauseIdle    = 0.25
	longestPause = 2 * time.Second
	// building is from how many events behind an index is said to be under way.
	building = 2000
	// lookEvery is how often somebody might have removed the file.
	lookEvery = 20 * time.Second
)

// indexed are the types of events that the index follows.
var indexed = []api.EventType{api.EventConversationUpdated, api.EventSessionDeleted}

// run is the index's goroutine: it follows the log until the index is closed.
func (x *Index) run(ctx context.Context) {
	defer close(x.ended)
	for {
		pause := lookEvery
		if err := x.catchUp(ctx); err != nil && ctx.Err() == nil {
			x.fail(x.mend(err))
			pause = x.o.retry
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-x.wakeUnless(pause == x.o.retry):
			timer.Reset(x.o.gather)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
		}
		if timer.Stop(); ctx.Err() != nil {
			return
		}
	}
}

// wakeUnless is what wakes the index, unless it rests because something is wrong.
func (x *Index) wakeUnless(resting bool) <-chan struct{} {
	if resting {
		return nil
	}
	return x.wake
}

// catchUp opens the index if that is to be done, follows the log to its end, and
// tidies up.
func (x *Index) catchUp(ctx context.Context) error {
	f, err := x.current(ctx)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		begun, head := time.Now(), x.o.Store.Head()
		if x.hurt.Swap(false) {
			return &indexError{fmt.Errorf("%w: a search has met it", store.ErrCorrupt)}
		}
		more := f.indexed.Load() < head
		if more {
			err = x.step(ctx, f)
		} else {
			x.caughtUp()
			more, err = f.tidy(ctx)
		}
		if err != nil || !more {
			return err
		}
		x.rest(ctx, time.Since(begun), x.o.Store.Head()-head)
	}
	return nil
}

// caughtUp notes that all is well.
func (x *Index) caughtUp() {
	x.fail(nil)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.building = time.Time{}
}

// rest makes way for others, after work of some length in which they have written
// some events.
func (x *Index) rest(ctx context.Context, worked time.Duration, written int64) {
	share := pauseIdle
	if float64(written) > busy*worked.Seconds() && written > 1 {
		share = pauseBusy
	}
	timer := time.NewTimer(min(time.Duration(float64(worked)*share), longestPause))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// current is the open index. One that was removed is let go of, and one that is of
// no use is made anew.
func (x *Index) current(ctx context.Context) (*file, error) {
	x.mu.RLock()
	f := x.file
	x.mu.RUnlock()
	if f != nil && !f.moved() {
		return f, nil
	}
	if f != nil {
		x.log.Info("the index of texts is gone, and made anew")
		x.use(nil)
	}
	if err := errors.Join(sweep(x.o.StateDir), x.room()); err != nil {
		return nil, err
	}
	f, err := openFile(ctx, Dir(x.o.StateDir), x.o.Store)
	if errors.Is(err, errStale) || errors.Is(err, store.ErrCorrupt) {
		x.log.Info("the index of texts is made anew", "because", err)
		if err = Discard(x.o.StateDir); err == nil {
			f, err = openFile(ctx, Dir(x.o.StateDir), x.o.Store)
		}
	}
	if err != nil {
		return nil, err
	}
	x.use(f)
	return f, nil
}

// use has searches use f, once those that use the one before are through.
func (x *Index) use(f *file) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.file != nil {
		_ = x.file.close() // what was in it is derived again
	}
	x.file = f
	if x.building = (time.Time{}); f != nil && x.o.Store.Head()-f.indexed.Load() > building {
		x.building = time.Now()
	}
}

// mend does what can be done about an error, and returns it in words for people.
func (x *Index) mend(err error) error {
	if !damage(err) {
		return err
	}
	x.use(nil)
	if gone := Discard(x.o.StateDir); gone != nil {
		return fmt.Errorf("the index of texts is damaged, and cannot be removed: %w", errors.Join(gone, err))
	}
	return fmt.Errorf("the index of texts was damaged, and is made anew: %w", err)
}

// room is an error where the disk is nearly full.
func (x *Index) room() error {
	if x.o.Free == nil {
		return nil
	}
	free, err := x.o.Free()
	if err == nil && free < minFree {
		err = fmt.Errorf("%w: texts are indexed again when there are %s free", store.ErrFull, humanize.IBytes(minFree))
	}
	return err
}

// step takes in what comes next.
func (x *Index) step(ctx context.Context, f *file) error {
	if err := x.room(); err != nil {
		return err
	}
	b := batch{indexed: f.indexed.Load()}
	for range pages {
		events, upTo, err := x.o.Store.Log(ctx, b.indexed, pageEvents, store.Filter{Types: indexed})
		if err != nil {
			return err
		}
		for i := range events {
			if events[i].Type == api.EventSessionDeleted {
				b.indexed = events[i].Seq - 1
				if err := f.write(ctx, &b, x.o.shardEvents, x.o.shardBytes); err != nil {
					return err
				}
				if err := f.remove(ctx, events[i].SessionN); err != nil {
					return err
				}
				b = batch{}
				continue
			}
			b.add(&events[i], x.o.Render)
		}
		if b.indexed = upTo; upTo >= x.o.Store.Head() {
			break
		}
	}
	return f.write(ctx, &b, x.o.shardEvents, x.o.shardBytes)
}
