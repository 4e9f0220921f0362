package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// seqs reads a conversation, and stops behind enough events.
func seqs(ctx context.Context, c *Client, enough int) (got []int64, err error) {
	for ev, err := range c.Conversation(ctx, api.GetConversationParams{SessionID: "s"}) {
		if err != nil {
			return got, err
		}
		if got = append(got, ev.Seq); len(got) == enough {
			break
		}
	}
	return got, nil
}

// pages answers with pages of two events, of a conversation of n. Asked says of each
// page behind which seq it was.
func pages(p *peer, n int64, asked chan<- int64, form func(next, events string) string) {
	for {
		in, ok := p.next()
		if !ok {
			return
		}
		var params api.GetConversationParams
		_ = json.Unmarshal(in.Params, &params)
		asked <- params.AfterSeq
		var events []string
		next := "null"
		for seq := params.AfterSeq + 1; seq <= min(params.AfterSeq+2, n); seq++ {
			events = append(events, fmt.Sprintf(`{"seq":%d,"content":"c"}`, seq))
		}
		if params.AfterSeq+2 < n {
			next = fmt.Sprint(params.AfterSeq + 2)
		}
		p.answer(in, form(next, "["+strings.Join(events, ",")+"]"))
	}
}

func daemonsForm(next, events string) string {
	return `{"next_after_seq":` + next + `,"head_seq":7,"events":` + events + `}`
}

func TestConversationIsReadWhole(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]func(next, events string) string{
		"the daemon's form": daemonsForm,
		"another order": func(next, events string) string {
			return `{"events":` + events + `,"head_seq":7,"next_after_seq":` + next + `}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan int64, 10)
			c := dial(t, serve(t, func(_ int, p *peer) { pages(p, 9, asked, form) }))
			got, err := seqs(t.Context(), c, -1)
			if err != nil || fmt.Sprint(got) != "[1 2 3 4 5 6 7]" { // 8 and 9 came after the first page was read
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestNextPageIsAskedForBeforeThisOneIsUsed(t *testing.T) {
	t.Parallel()
	asked := make(chan int64, 10)
	c := dial(t, serve(t, func(_ int, p *peer) { pages(p, 7, asked, daemonsForm) }))
	for ev, err := range c.Conversation(t.Context(), api.GetConversationParams{SessionID: "s"}) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Seq == 1 {
			<-asked
			if after := <-asked; after != 2 {
				t.Errorf("asked behind %d", after)
			}
			break // which leaves nobody waiting: see TestMain
		}
	}
	if got, err := seqs(t.Context(), c, 3); err != nil || len(got) != 3 {
		t.Errorf("read again: %v, %v", got, err)
	}
}

func TestConversationEndsWithTheError(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, func(_ int, p *peer) {
		first, _ := p.next()
		p.answer(first, daemonsForm("2", `[{"seq":1},{"seq":2}]`))
		second, _ := p.next()
		p.raw(`{"jsonrpc":"2.0","id":` + string(second.ID) + `,"error":{"code":-32001,"message":"gone","data":{"reason":"session_not_found"}}}`)
		p.next()
	}))
	got, err := seqs(t.Context(), c, -1)
	if !errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}) || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := seqs(ctx, c, -1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
