package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// How long a loop over Events waits before it connects again: a random time up
// to a bound that doubles with each failure in a row.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 3 * time.Second
)

// Events subscribes, and yields events in the order of seq, each once, until
// the loop ends, the context does, or an error comes that trying again cannot
// mend (cursor_expired, invalid_params, …); that error is yielded last, the
// context's one too. When the connection breaks, it reconnects and goes on
// from the last event it has yielded, or, where AfterSeq is absent and there was
// none yet, from the head that the first subscription began at: nothing is
// missing and nothing comes twice, also when the daemon was restarted.
//
// It keeps no queue: what the loop has not taken waits in the daemon's log.
// Only partial messages can be left out; the next one then counts them.
func (c *Client) Events(ctx context.Context, p api.SubscribeParams) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		cursor, wait := p.AfterSeq, firstWait
		for {
			p.AfterSeq = cursor
			subscribed, err := c.follow(ctx, p, &cursor, yield)
			if errors.Is(err, errLoopEnded) {
				return
			}
			if ctx.Err() != nil {
				err = ctx.Err() // and not that the connection was closed under us
			}
			if !recoverable(err) {
				yield(api.Event{}, err)
				return
			}
			if subscribed {
				wait = firstWait
			}
			c.onDisconnect(err)
			if !sleep(ctx, rand.N(wait)) { // #nosec G404 -- it only spreads those who come back
				yield(api.Event{}, ctx.Err())
				return
			}
			wait = min(2*wait, longestWait)
		}
	}
}

// errLoopEnded says that the loop's body wants no more.
var errLoopEnded = errors.New("the loop over events has ended")

// follow yields the events of one connection and moves the cursor along. It
// reports whether the subscription had been accepted.
func (c *Client) follow(ctx context.Context, p api.SubscribeParams, cursor **int64,
	yield func(api.Event, error) bool,
) (subscribed bool, err error) {
	nc, err := c.dial(ctx)
	if err != nil {
		return false, err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()

	r := bufio.NewReaderSize(nc, 64<<10)
	sub, err := subscribe(nc, r, p)
	if err != nil {
		return false, err
	}
	if *cursor == nil {
		*cursor = &sub.HeadSeq
	}
	for {
		ev, err := nextEvent(r, sub.SubscriptionID)
		if err != nil {
			return true, err
		}
		if ev.Seq != 0 {
			*cursor = &ev.Seq
		}
		if !yield(ev, nil) {
			return true, errLoopEnded
		}
	}
}

// subscribe makes the one call of a connection, and reads its answer, which
// comes before the first event.
func subscribe(nc net.Conn, r *bufio.Reader, p api.SubscribeParams) (api.SubscribeResult, error) {
	var result api.SubscribeResult
	line, err := encodeRequest("1", "subscribe", p)
	if err != nil {
		return result, err
	}
	if _, err := nc.Write(line); err != nil && !errors.Is(err, syscall.EPIPE) { // who has hung up may have said why
		return result, fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	if line, err = readLine(r); err != nil {
		return result, fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	var answer response
	if err := decode(line, &answer); err != nil {
		return result, fmt.Errorf("%w: %w", errProtocol, err)
	}
	if answer.Error != nil {
		return result, answer.Error.typed()
	}
	if err := decode(answer.Result, &result); err != nil {
		return result, fmt.Errorf("%w: %w", errProtocol, err)
	}
	return result, nil
}

// errProtocol says that the daemon sent what the protocol does not have.
var errProtocol = errors.New("the daemon sent something unexpected")

// notification is what comes on the connection of a subscription.
type notification struct {
	Method string     `json:"method"`
	Error  *wireError `json:"error"`
	Params struct {
		SubscriptionID string    `json:"subscription_id"`
		Event          api.Event `json:"event"`
	} `json:"params"`
	expected string // most likely the id of the subscription
}

// ParseJSON reads an event, and nothing else.
func (n *notification) ParseJSON(b []byte) bool {
	var parsed notification
	s, ok := api.NewScanner(b), false
	for s.Open('{'); s.More('}'); {
		switch string(s.Name()) {
		case "method":
			parsed.Method = s.Text("event")
		case "params":
			for s.Open('{'); s.More('}'); {
				switch string(s.Name()) {
				case "subscription_id":
					parsed.Params.SubscriptionID = s.Text(n.expected)
				case "event":
					ok = parsed.Params.Event.ParseJSON(s.Value())
				default:
					return false
				}
			}
		case "jsonrpc":
			s.Value()
		default:
			return false
		}
	}
	if ok = ok && s.OK(); ok {
		*n = parsed
	}
	return ok
}

// nextEvent reads on to the next event of the subscription. An error without a
// request is the daemon's last word on the connection.
func nextEvent(r *bufio.Reader, subscriptionID string) (api.Event, error) {
	for {
		line, err := readLine(r)
		if err != nil {
			return api.Event{}, fmt.Errorf("%w: %w", ErrDisconnected, err)
		}
		n := notification{expected: subscriptionID}
		if err := decode(line, &n); err != nil {
			return api.Event{}, fmt.Errorf("%w: %w", errProtocol, err)
		}
		if n.Error != nil {
			return api.Event{}, n.Error.typed()
		}
		if n.Method == "event" && n.Params.SubscriptionID == subscriptionID {
			return n.Params.Event, nil
		}
	}
}

// recoverable reports whether the same subscription may work later: the
// connection failed, or the daemon is on its way down.
func recoverable(err error) bool {
	if errors.Is(err, errProtocol) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if _, foreign := errors.AsType[*ForeignError](err); foreign {
		return false
	}
	var answered *api.Error
	return !errors.As(err, &answered) || answered.Reason == api.ReasonShuttingDown
}

// sleep waits, and reports false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
