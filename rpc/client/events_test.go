package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// eventLog is a fake daemon's log: events 1..head exist.
type eventLog struct {
	head int64
	// cut says after how many events the n-th connection breaks; <0: never.
	cut func(n int) int
}

// handle serves one connection: subscribe, then events from the cursor on.
func (l eventLog) handle(n int, p *peer) {
	in, ok := p.next()
	if !ok || in.Method != "subscribe" {
		return
	}
	var params api.SubscribeParams
	if err := json.Unmarshal(in.Params, &params); err != nil {
		p.t.Errorf("params %s: %v", in.Params, err)
	}
	after := l.head / 2 // "now" is the middle of the log
	if params.AfterSeq != nil {
		after = *params.AfterSeq
	}
	left := l.cut(n)
	if left == 0 {
		return // breaks before the answer
	}
	p.answer(in, fmt.Sprintf(`{"subscription_id":"s","head_seq":%d}`, after))
	for seq := after + 1; seq <= l.head; seq++ {
		if left--; left == 0 {
			return
		}
		p.raw(`{"jsonrpc":"2.0","method":"event","params":{"subscription_id":"other","event":{"seq":1}}}`)
		p.raw(fmt.Sprintf(`{"jsonrpc":"2.0","method":"event","params":{"subscription_id":"s","event":{"seq":%d,"type":"message_updated"}}}`, seq))
		if rand.N(3) == 0 {
			p.raw(`{"jsonrpc":"2.0","method":"event","params":{"subscription_id":"s","event":{"type":"partial_message"}}}`)
		}
	}
	p.next()
}

// collect takes stored events until one has the seq last.
func collect(t *testing.T, c *Client, p api.SubscribeParams, last int64) (seqs []int64) {
	t.Helper()
	for ev, err := range c.Events(t.Context(), p) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Seq != 0 {
			seqs = append(seqs, ev.Seq)
		}
		if ev.Seq == last {
			return seqs
		}
	}
	return seqs
}

func TestEventsAreEachYieldedOnceAcrossBrokenConnections(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		after *int64
		first int64
	}{
		"from the beginning": {new(int64(0)), 1},
		"from a cursor":      {new(int64(7)), 8},
		"from now":           {nil, 21},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cuts := []int{0, 1, 5, 1, 9, 0, 3, -1}
			lost := 0
			f := serve(t, eventLog{40, func(n int) int { return cuts[min(n, len(cuts)-1)] }}.handle)
			// The first connection is the one of Dial, which never subscribes.
			c := dial(t, f, OnDisconnect(func(error) { lost++ }))
			seqs := collect(t, c, api.SubscribeParams{AfterSeq: tc.after}, 40)
			for i, seq := range seqs {
				if seq != tc.first+int64(i) {
					t.Fatalf("at %d: got %d, want %d (%v)", i, seq, tc.first+int64(i), seqs)
				}
			}
			if len(seqs) != int(40-tc.first+1) || lost == 0 {
				t.Fatalf("got %d events over %d broken connections", len(seqs), lost)
			}
		})
	}
}

func TestEventsEndWithWhatCannotBeMended(t *testing.T) {
	t.Parallel()
	f := serve(t, func(_ int, p *peer) {
		in, _ := p.next()
		p.raw(`{"jsonrpc":"2.0","id":` + string(in.ID) +
			`,"error":{"code":-32003,"message":"pruned","data":{"reason":"cursor_expired","oldest_seq":5}}}`)
		p.next()
	})
	var got error
	for _, err := range dial(t, f).Events(t.Context(), api.SubscribeParams{AfterSeq: new(int64(1))}) {
		got = err
	}
	var answered *api.Error
	if !errors.As(got, &answered) || answered.Reason != api.ReasonCursorExpired || answered.Data["oldest_seq"] != 5.0 {
		t.Fatalf("got %v", got)
	}
}

func TestEventsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	f := serve(t, eventLog{4, func(int) int { return -1 }}.handle)
	c := dial(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got error
	for ev, err := range c.Events(ctx, api.SubscribeParams{}) {
		if err != nil {
			got = err
		}
		if ev.Seq == 4 {
			cancel()
		}
	}
	if !errors.Is(got, context.Canceled) {
		t.Fatalf("got %v", got)
	}
}

func TestEventsWaitForADaemonThatIsGone(t *testing.T) {
	t.Parallel()
	f := serve(t, eventLog{4, func(int) int { return 2 }}.handle)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lost := 0
	c := dial(t, f, OnDisconnect(func(error) {
		if lost++; lost == 2 { // once for the break, once for a failed attempt
			cancel()
		}
	}))
	var got error
	for ev, err := range c.Events(ctx, api.SubscribeParams{}) {
		got = err
		if ev.Seq != 0 {
			f.stop()
		}
	}
	if !errors.Is(got, context.Canceled) || lost != 2 {
		t.Fatalf("got %v after %d losses", got, lost)
	}
}
