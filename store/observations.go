package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

// Call is a tool call with what became of it.
type Call struct {
	Event
	Result *Event // what the tool answered; nil: nothing yet
	Prompt int    // how many prompts its session had had by then
}

// CallFilter picks tool calls; what is empty picks all.
type CallFilter struct {
	SessionN     int64
	Since, Until api.Time // not before, and before
	// Unprocessed: only those behind what the newest summary of their session covers.
	Unprocessed bool
	Keep        func(*Event) bool
}

// ToolCalls reads the tool calls behind seq after: at most limit that f picks, in the
// order of seq. upTo says how far it looked, as with Log: all calls have been read
// when it is Head. A page may be empty without being the last.
func (s *Store) ToolCalls(ctx context.Context, after int64, limit int, f CallFilter) (calls []Call, upTo int64, err error) {
	if err := s.begin(); err != nil {
		return nil, 0, err
	}
	defer s.reading.Done()
	if upTo = s.Head(); upTo <= after {
		return nil, max(after, upTo), nil
	}
	if f.SessionN == 0 {
		upTo = min(upTo, after+scanWindow)
	}
	err = s.snapshot(ctx, func(q *reading) error {
		where, args := f.where()
		p, err := s.readPage(ctx, q, limit, pageBytes, selectEvents+"WHERE kind = 'tool_call' AND seq > ? AND seq <= ?"+where+" ORDER BY seq LIMIT ?",
			append([]any{after, upTo}, append(args, limit)...)...)
		if errors.Is(err, ErrCorrupt) {
			p, err = s.readAround(ctx, q, after, min(upTo, after+aroundWindow), selectEvents+"WHERE kind = 'tool_call' AND seq = ?"+where, args)
		}
		if p.full || p.rows == limit {
			upTo = p.last
		}
		counts := map[int64]*promptCount{}
		for i := range p.events {
			ev := &p.events[i]
			if err == nil && (f.Keep == nil || f.Keep(ev)) {
				var c Call
				c, err = s.call(ctx, q, ev, counts)
				calls = append(calls, c)
			}
		}
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the tool calls after %d: %w", after, err)
	}
	return calls, upTo, nil
}

func (f *CallFilter) where() (string, []any) {
	var b strings.Builder
	var args []any
	if f.SessionN != 0 {
		b.WriteString(" AND session = ?")
		args = append(args, f.SessionN)
	}
	if !f.Since.IsZero() {
		b.WriteString(" AND time >= ?")
		args = append(args, f.Since.Millis())
	}
	if !f.Until.IsZero() {
		b.WriteString(" AND time < ?")
		args = append(args, f.Until.Millis())
	}
	if f.Unprocessed {
		b.WriteString(" AND seq > coalesce((SELECT iif(json_valid(document), document ->> '$.summary.to_seq', 0) FROM session_documents WHERE n = session), 0)")
	}
	return b.String(), args
}

// promptCount is how many prompts a session had had up to a seq.
type promptCount struct {
	seq int64
	n   int
}

// call completes a tool call. An answer that is damaged is noted, and missing.
func (s *Store) call(ctx context.Context, q *reading, ev *Event, counts map[int64]*promptCount) (Call, error) {
	c := Call{Event: *ev}
	count := counts[ev.SessionN]
	if count == nil {
		count = &promptCount{}
		counts[ev.SessionN] = count
	}
	var more int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM events WHERE session = ? AND kind = 'message' AND part IS NULL AND seq > ? AND seq < ?`,
		ev.SessionN, count.seq, ev.Seq).Scan(&more)
	if err != nil {
		return c, err
	}
	count.n += more
	count.seq, c.Prompt = ev.Seq, count.n
	if ev.ToolID == "" {
		return c, nil
	}
	p, err := s.readPage(ctx, q, 1, pageBytes, selectEvents+"WHERE session = ? AND tool_id = ? AND kind = 'tool_result' AND seq <= ? ORDER BY seq LIMIT 1",
		ev.SessionN, ev.ToolID, s.Head())
	switch {
	case errors.Is(err, ErrCorrupt):
		s.damagedEvent(ev.Seq, err)
		err = nil
	case err == nil && len(p.events) > 0:
		c.Result = &p.events[0]
	}
	return c, err
}
