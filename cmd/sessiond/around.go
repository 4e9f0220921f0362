package main

import (
	"context"
	"fmt"

	"github.com/sessiond/sessiond/rpc/api"
)

// aroundEvents is how many events are shown before one, and behind it.
const aroundEvents = 10

// printAround prints an event of a conversation, and those before and behind it.
func (l *logger) printAround(ctx context.Context, seq int64) error {
	before, err := l.before(ctx, seq)
	if err != nil {
		return err
	}
	var from []api.ConversationEvent
	for after := seq - 1; ; {
		page, err := l.page(ctx, after, 10*aroundEvents)
		if err != nil {
			return err
		}
		from = append(from, l.shownOf(page.Events, seq)...)
		if len(from) == 0 && len(page.Events) > 0 || len(page.Events) == 0 || from[0].Seq != seq {
			return usagef("--around: no event of this conversation has the seq %d", seq)
		}
		if page.NextAfterSeq == nil || len(from) > aroundEvents {
			break
		}
		after = *page.NextAfterSeq
	}
	from = from[:min(len(from), aroundEvents+1)]
	for _, ev := range before[max(0, len(before)-aroundEvents):] {
		if err := l.print(ev); err != nil {
			return err
		}
	}
	if err := l.target(from[0]); err != nil {
		return err
	}
	for _, ev := range from[1:] {
		if err := l.print(ev); err != nil {
			return err
		}
	}
	return l.out.Flush()
}

// before reads what is shown before an event, some of it at least. Other sessions
// have numbers in between, so it is looked for further and further back.
func (l *logger) before(ctx context.Context, seq int64) (events []api.ConversationEvent, err error) {
	for span := int64(64); ; span *= 8 {
		events = events[:0]
		after := max(0, seq-1-span)
		for more := true; more; {
			page, err := l.page(ctx, after, 1000)
			if err != nil {
				return nil, err
			}
			more = page.NextAfterSeq != nil
			for _, ev := range l.shownOf(page.Events, 0) {
				if more = more && ev.Seq < seq; ev.Seq < seq {
					events = append(events, ev)
				}
			}
			if more {
				after = *page.NextAfterSeq
			}
			events = events[max(0, len(events)-aroundEvents):]
		}
		if len(events) >= aroundEvents || span >= seq {
			return events, nil
		}
	}
}

func (l *logger) page(ctx context.Context, after int64, limit int) (api.GetConversationResult, error) {
	return l.client.GetConversation(ctx, api.GetConversationParams{SessionID: l.id, AfterSeq: after, Limit: &limit,
		IncludeRaw: l.raw, IncludeAncestors: new(!l.noAncestors)})
}

// shownOf leaves out what would not be seen, but for the event that was asked for.
func (l *logger) shownOf(events []api.ConversationEvent, seq int64) []api.ConversationEvent {
	shown := events[:0]
	for _, ev := range events {
		if ev.Seq == seq || l.json || l.raw || l.view.shows(ev) {
			shown = append(shown, ev)
		}
	}
	return shown
}

// target prints the event that was asked for, with a mark, and whole.
func (l *logger) target(ev api.ConversationEvent) error {
	if l.json || l.raw {
		return l.print(ev)
	}
	l.view.note(fmt.Sprintf("▶ seq %d", ev.Seq))
	switch ev.EventType {
	case api.ConversationToolResult:
		l.view.block("  ", clean(ev.Content), "")
	case api.ConversationToolCall:
		l.view.conversation(ev)
		for _, line := range inputLines(ev.ToolInput) {
			l.view.printf("    %s\n", line)
		}
	case api.ConversationSystem, api.ConversationResult:
		l.view.block("  ", clean(ev.Content), "")
	default:
		l.view.conversation(ev)
	}
	return nil
}
