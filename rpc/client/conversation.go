package client

import (
	"context"
	"iter"

	"github.com/sessiond/sessiond/rpc/api"
)

// Conversation reads a conversation behind p.AfterSeq, in the order of seq, up to
// what it is when the first page is read: one that goes on does not keep its reader
// for ever. A page has p.Limit events; while it is decoded and used, the daemon makes
// the next. An error comes last and ends it; what came before is whole, and reading
// can go on behind it.
func (c *Client) Conversation(ctx context.Context, p api.GetConversationParams) iter.Seq2[api.ConversationEvent, error] {
	return func(yield func(api.ConversationEvent, error) bool) {
		err := c.readConversation(ctx, p, func(ev api.ConversationEvent) bool { return yield(ev, nil) })
		if err != nil {
			yield(api.ConversationEvent{}, err)
		}
	}
}

// readConversation calls use with each event until it returns false.
func (c *Client) readConversation(ctx context.Context, p api.GetConversationParams, use func(api.ConversationEvent) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	coming := c.fetch(ctx, p)
	defer func() {
		cancel()
		if coming != nil {
			a := <-coming
			a.release() // nobody wants it any more
		}
	}()
	for head := int64(-1); coming != nil; {
		a := <-coming
		coming = nil
		if next, more := api.NextAfter(a.Result); more {
			p.AfterSeq = next
			coming = c.fetch(ctx, p)
		}
		var page api.GetConversationResult
		if a.err == nil {
			a.err = a.into("getConversation", &page)
		}
		if a.err != nil {
			return a.err
		}
		if head < 0 {
			head = page.HeadSeq
		}
		for i := range page.Events {
			if page.Events[i].Seq > head || !use(page.Events[i]) {
				return nil
			}
		}
		if page.NextAfterSeq != nil && coming == nil {
			p.AfterSeq = *page.NextAfterSeq
			coming = c.fetch(ctx, p)
		}
	}
	return nil
}

// fetched is a page as it came, or why it did not.
type fetched struct {
	response
	err error
}

// fetch asks for a page; what comes of it comes on the channel.
func (c *Client) fetch(ctx context.Context, p api.GetConversationParams) <-chan fetched {
	done := make(chan fetched)
	go func() {
		var a fetched
		a.response, a.err = c.answer(ctx, "getConversation", p)
		done <- a
	}()
	return done
}
