package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// tools measures pairs of tool_use and tool_result, in an empty database and
// with many older events.
func (b *bench) tools() (err error) {
	pairs := b.scaled(100_000)
	plain, err := b.plainInsert(2 * pairs)
	if err != nil {
		return err
	}
	empty, err := b.pairs(pairs, seed{})
	if err != nil {
		return err
	}
	full, err := b.pairs(pairs, seed{sessions: 100, events: b.scaled(1_000_000)})
	if err != nil {
		return err
	}
	b.report.add(row{ID: "tools", What: "tool_use + tool_result", Figure: empty, Unit: "pairs/s",
		Yardstick: "plain insert of two rows", YardstickFigure: plain.rate / 2, Goal: 20_000})
	b.report.add(row{ID: "tools-grown", What: fmt.Sprintf("the same with %d older events", b.scaled(1_000_000)), Figure: full, Unit: "pairs/s",
		Yardstick: "an empty database", YardstickFigure: empty, Judged: byRatio, Goal: 0.9})
	return nil
}

// pairs returns how many pairs a second are stored and received.
func (b *bench) pairs(n int, s seed) (rate float64, err error) {
	w, err := b.prepare()
	if err != nil {
		return 0, err
	}
	if s.sessions > 0 {
		if _, err := b.fill(w, s); err != nil {
			return 0, err
		}
	}
	if err := w.start(b.program); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	after, err := w.head()
	if err != nil {
		return 0, err
	}
	if _, err := w.launchPrompt(fmt.Sprintf("tools: %d", n), false); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	var first time.Time
	calls, results := 0, 0
	for ev, err := range w.Events(ctx, api.SubscribeParams{AfterSeq: &after, EventTypes: []api.EventType{api.EventConversationUpdated}}) {
		if err != nil {
			return 0, err
		}
		switch kindOf(ev.Data) {
		case api.ConversationToolCall:
			if calls++; calls == 1 {
				first = time.Now()
			}
		case api.ConversationToolResult:
			results++
		}
		if results == n {
			break
		}
	}
	if calls != n {
		return 0, fmt.Errorf("%d calls for %d results", calls, results)
	}
	return float64(n) / time.Since(first).Seconds(), w.endAll()
}
