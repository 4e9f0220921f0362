package tui

import (
	"context"

	"github.com/sessiond/sessiond/rpc/api"
)

// pageful is about how many events of a conversation are read at a time.
const pageful = 400

// past is a piece of a conversation: all its events behind the seq `after`, up
// to where it was asked for.
type past struct {
	events []api.ConversationEvent
	after  int64 // 0: it begins with the conversation's first event
}

// earlier reads the last events of a conversation that come before a seq (0: the
// very last). It finds one event at least, unless there is none.
//
// The protocol reads conversations forwards. Seqs are one counter for all
// sessions, so it looks at ranges of seqs, from the end backwards: a wider one
// where there was nothing, a narrower one where there was more than a page.
func earlier(ctx context.Context, d Daemon, id string, before, head int64) (past, error) {
	end := before
	if before == 0 {
		end = head + 1
	}
	for width := int64(4 * pageful); ; {
		after := max(0, end-1-width)
		got, more, err := between(ctx, d, id, after, before)
		switch {
		case err != nil:
			return past{}, err
		case more > 0 && width > pageful:
			width = max(pageful, width/4)
		case more > 0:
			return readOn(ctx, d, id, past{got, after}, more, before)
		case len(got) == 0 && after > 0:
			end, width = after+1, width*4
		default:
			return past{got, after}, nil
		}
	}
}

// between reads a page of the events behind after and before a seq (0: any),
// and returns where it would go on, if it did.
func between(ctx context.Context, d Daemon, id string, after, before int64) (got []api.ConversationEvent, more int64, err error) {
	r, err := d.GetConversation(ctx, api.GetConversationParams{SessionID: id, AfterSeq: after, Limit: new(pageful)})
	if err != nil {
		return nil, 0, err
	}
	got = r.Events
	for n := len(got); before > 0 && n > 0 && got[n-1].Seq >= before; n-- {
		got = got[:n-1]
	}
	if r.NextAfterSeq != nil && len(got) == len(r.Events) && (before == 0 || *r.NextAfterSeq < before-1) {
		more = *r.NextAfterSeq
	}
	return got, more, nil
}

// readOn reads what is left of a range.
func readOn(ctx context.Context, d Daemon, id string, p past, more, before int64) (past, error) {
	for more > 0 {
		got, next, err := between(ctx, d, id, more, before)
		if err != nil {
			return past{}, err
		}
		p.events, more = append(p.events, got...), next
	}
	return p, nil
}
