package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

const (
	// exportPage is how many events are asked for at once. A page has 16 MiB at most.
	exportPage = 500
	// exportPatience is how long a daemon that has gone may take to come back.
	exportPatience = time.Minute
)

// reader reads conversations, page by page, across restarts of the daemon.
type reader struct {
	*app
	client   *client.Client
	own, raw bool
	patience time.Duration // with a daemon that has gone

	bar  *progress // nil: none
	tell func(events int64)
	seen int64 // events
}

// readEvent is an event of a conversation, and its JSON as the daemon sent it.
type readEvent struct {
	api.ConversationEvent
	json json.RawMessage
}

// session reads one session.
func (r *reader) session(ctx context.Context, id string) (api.Session, error) {
	var result api.SessionResult
	err := r.patiently(ctx, func() (err error) {
		result, err = r.client.GetSessionState(ctx, api.SessionParams{SessionID: id})
		return err
	})
	return result.Session, err
}

// events calls f with each event that a conversation has now.
func (r *reader) events(ctx context.Context, id string, f func(readEvent) error) error {
	p := api.GetConversationParams{SessionID: id, IncludeRaw: r.raw, IncludeAncestors: new(!r.own), Limit: new(exportPage)}
	for head := int64(-1); ; {
		var page struct {
			Events       []json.RawMessage `json:"events"`
			NextAfterSeq *int64            `json:"next_after_seq"`
			HeadSeq      int64             `json:"head_seq"`
		}
		if err := r.patiently(ctx, func() error { return r.client.Call(ctx, "getConversation", p, &page) }); err != nil {
			return err
		}
		if head < 0 {
			head = page.HeadSeq // what comes later would never end, in a session that goes on
		}
		for i, raw := range page.Events {
			ev := readEvent{json: raw}
			if err := json.Unmarshal(raw, &ev.ConversationEvent); err != nil {
				return fmt.Errorf("an event behind seq %d: %w", p.AfterSeq, err)
			}
			if ev.Seq > head {
				return nil
			}
			if err := f(ev); err != nil {
				return err
			}
			page.Events[i] = nil
		}
		if r.seen += int64(len(page.Events)); r.bar != nil {
			r.tell(r.seen)
		}
		if page.NextAfterSeq == nil {
			return nil
		}
		p.AfterSeq = *page.NextAfterSeq
	}
}

// patiently repeats a reading while the daemon is away, for a while.
func (r *reader) patiently(ctx context.Context, read func() error) error {
	for lost := (time.Time{}); ; {
		err := read()
		if !goingDown(err) && !nobodyThere(err) {
			return err
		}
		if lost.IsZero() {
			lost = time.Now()
			if r.bar != nil {
				r.bar.hide()
			}
			r.errs.printf("%s\n", r.errs.style(styleYellow, "the daemon is gone; the export goes on when it is back ('sessiond status' starts none, any other command does)"))
			_ = r.errs.Flush()
		}
		if time.Since(lost) > r.patience {
			return &unreachableError{fmt.Errorf("the daemon has gone, and was not back within %s: %v", r.patience, err)} //nolint:errorlint // what is wrapped would be told in other words
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}
