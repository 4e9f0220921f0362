package rpc

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

const (
	eventChunk = 64 << 10  // about how many bytes of events are queued at once
	eventPage  = 128 << 10 // about how many the bus gives at once
	// eventOverhead is about how much longer a notification is than what was said.
	eventOverhead = 512
)

// subscription carries events from the bus to one connection. Its goroutine asks
// the bus for more only when what it had is queued: a slow client is served at its
// own pace.
type subscription struct {
	source *bus.Subscription
	frames eventFrames
	stop   context.CancelFunc
	done   chan struct{} // closed when no more events will be queued
}

// subscribe starts a subscription; its first event is queued behind the answer.
func subscribe(_ context.Context, r *request, p api.SubscribeParams) (api.SubscribeResult, error) {
	filter, err := busFilter(p)
	if err != nil {
		return api.SubscribeResult{}, err
	}
	c := r.conn
	id, err := uuid.NewV7()
	if err != nil {
		return api.SubscribeResult{}, fmt.Errorf("make an id: %w", err)
	}
	ctx, stop := context.WithCancel(c.ctx)
	sub := &subscription{frames: newEventFrames(id.String()), stop: stop, done: make(chan struct{})}
	if err := c.addSubscription(id.String(), sub); err != nil {
		stop()
		return api.SubscribeResult{}, err
	}
	source, head, err := c.server.o.Hub.Subscribe(filter, p.AfterSeq)
	if err != nil {
		c.removeSubscription(id.String())
		stop()
		close(sub.done)
		return api.SubscribeResult{}, err
	}
	sub.source = source
	r.then = func() { c.tasks.Go(func() { c.pump(ctx, id.String(), sub) }) }
	return api.SubscribeResult{SubscriptionID: id.String(), HeadSeq: head}, nil
}

// busFilter checks the params of subscribe.
func busFilter(p api.SubscribeParams) (bus.Filter, error) {
	f := bus.Filter{Types: p.EventTypes, IncludePartial: p.IncludePartial}
	if p.AfterSeq != nil && *p.AfterSeq < 0 {
		return f, api.InvalidParams("after_seq", "must not be negative")
	}
	var err error
	if f.SessionID, err = optionalID("session_id", p.SessionID); err != nil {
		return f, err
	}
	f.RunID, err = optionalID("run_id", p.RunID)
	return f, err
}

// optionalID is api.ParseID for a filter; "" stays "".
func optionalID(field, s string) (string, error) {
	if s == "" {
		return "", nil
	}
	return api.ParseID(field, s)
}

// unsubscribe ends a subscription. Events that are queued already go out before
// the answer; none comes after it.
func unsubscribe(_ context.Context, r *request, p api.UnsubscribeParams) (api.Empty, error) {
	id, err := optionalID("subscription_id", p.SubscriptionID)
	if err != nil {
		return api.Empty{}, err
	}
	sub := r.conn.removeSubscription(id)
	if sub == nil {
		return api.Empty{}, api.NotFound(api.ReasonSubscriptionNotFound, p.SubscriptionID)
	}
	sub.stop()
	<-sub.done
	return api.Empty{}, nil
}

func (c *connection) addSubscription(id string, sub *subscription) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit := c.server.o.MaxSubscriptions; len(c.subscriptions) >= limit {
		return api.Errorf(api.ReasonLimitExceeded,
			"this connection has %d subscriptions already", limit).AtBound("max_subscriptions", limit)
	}
	c.subscriptions[id] = sub
	return nil
}

// removeSubscription forgets a subscription and returns it; nil if there is none.
func (c *connection) removeSubscription(id string) *subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	sub := c.subscriptions[id]
	delete(c.subscriptions, id)
	return sub
}

// endSubscriptions stops all of them, and waits until none queues anything more.
// No request may be at work.
func (c *connection) endSubscriptions() {
	c.mu.Lock()
	subs := c.subscriptions
	c.subscriptions = map[string]*subscription{}
	c.mu.Unlock()
	for _, sub := range subs {
		sub.stop()
		<-sub.done
	}
}

// pump queues a subscription's events until it is stopped. When the bus cannot go
// on, the connection is cut: only so the client learns that events are missing,
// and a new subscription from its cursor tells it why.
func (c *connection) pump(ctx context.Context, id string, sub *subscription) {
	defer close(sub.done)
	defer c.removeSubscription(id)
	defer sub.source.Close()
	for {
		// A page is read once there is room for it: a slow client costs what its
		// queue holds, and no more.
		var deliveries []bus.Delivery
		err := c.out.makeRoom(ctx, eventPage)
		if err == nil {
			deliveries, err = sub.source.Next(ctx)
		}
		if err == nil {
			err = c.queueEvents(ctx, sub.frames, deliveries)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return
		default:
			_ = c.out.flush(ctx) // what was queued before is still good
			c.cut(fmt.Errorf("read events for a subscription: %w", err))
			return
		}
	}
}

// newChunk makes room for the next chunk, as large as it is expected to be.
func newChunk(deliveries []bus.Delivery) (chunk eventBuffers) {
	n := 0
	for n < len(deliveries) && chunk.expected <= eventChunk {
		chunk.expected += deliveries[n].Event.Size + eventOverhead
		n++
	}
	if deliveries[0].Event.Append == nil {
		chunk.buffers = make([][]byte, 0, 2*n+1)
	}
	return chunk
}

// queueEvents queues deliveries in chunks.
func (c *connection) queueEvents(ctx context.Context, frames eventFrames, deliveries []bus.Delivery) error {
	var chunk eventBuffers
	for i, d := range deliveries {
		if chunk.size == 0 {
			chunk = newChunk(deliveries[i:])
		}
		frames.appendTo(&chunk, d)
		if chunk.size < eventChunk && i < len(deliveries)-1 {
			continue
		}
		if err := c.out.put(ctx, chunk.end()...); err != nil {
			return err
		}
		chunk.size = 0
	}
	return nil
}
