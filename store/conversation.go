package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/sessiond/sessiond/rpc/api"
)

// Segment is the part of a conversation that one session holds.
type Segment struct {
	N    int64 // the session's number
	UpTo int64 // the last seq that belongs to it; 0: no bound
}

const selectConversation = selectEvents + `WHERE session = ? AND type = 'conversation_updated' AND seq > ? AND seq <= ?
	ORDER BY seq LIMIT ?`

// conversationRows is how many events of a conversation are passed on at once.
const conversationRows = 512

// Conversation is ReadConversation that collects what there is.
func (s *Store) Conversation(ctx context.Context, segments []Segment, after int64, limit, maxBytes int) (events []Event, more bool, err error) {
	more, err = s.ReadConversation(ctx, segments, after, limit, maxBytes, func(some []Event) { events = append(events, some...) })
	if err != nil {
		return nil, false, err
	}
	return events, more, nil
}

// ReadConversation reads the conversation events of some sessions behind seq after,
// merged in the order of seq: at most limit, and not more than maxBytes of data
// and lines, one at least. It passes them on to take, some hundreds at a time, which
// may do something with them meanwhile. more says whether there are others behind
// them. It shows nothing beyond Head: what it shows is a cursor that Log can go on from.
func (s *Store) ReadConversation(ctx context.Context, segments []Segment, after int64, limit, maxBytes int, take func([]Event)) (more bool, err error) {
	if err := s.begin(); err != nil {
		return false, err
	}
	defer s.reading.Done()
	head := s.Head()
	err = s.snapshot(ctx, func(q *reading) error {
		heads, err := openSegments(ctx, q, segments, after, head)
		for err == nil && len(heads) > 0 && limit > 0 && maxBytes > 0 {
			// The segment that goes on first, up to where the next one does.
			bound := heads[0].UpTo
			if len(heads) > 1 {
				bound = min(bound, heads[1].next-1)
			}
			rows := min(limit, conversationRows)
			var p page
			p, err = s.readPage(ctx, q, rows, maxBytes, selectConversation, heads[0].N, heads[0].next-1, bound, rows)
			for i := range p.events {
				maxBytes -= len(p.events[i].Data) + p.events[i].storedLine()
			}
			if limit -= len(p.events); len(p.events) > 0 {
				take(p.events)
			}
			if err == nil {
				heads, err = advance(ctx, q, heads, max(p.last, heads[0].next))
			}
		}
		more = len(heads) > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("read the conversation after %d: %w", after, err)
	}
	return more, nil
}

// storedLine is the size of what e itself holds of its line.
func (e *Event) storedLine() int {
	if e.Part > 0 {
		return 0
	}
	return len(e.Line)
}

// segmentHead is a segment that goes on with event next.
type segmentHead struct {
	Segment
	next int64
}

// openSegments finds where each segment goes on behind after, the first to go
// on first; those that don't are left out.
func openSegments(ctx context.Context, q querier, segments []Segment, after, head int64) ([]segmentHead, error) {
	heads := make([]segmentHead, 0, len(segments))
	for _, seg := range segments {
		if seg.UpTo == 0 || seg.UpTo > head {
			seg.UpTo = head
		}
		h := segmentHead{Segment: seg}
		ok, err := h.seek(ctx, q, after)
		if err != nil {
			return nil, err
		}
		if ok {
			heads = append(heads, h)
		}
	}
	slices.SortFunc(heads, compareHeads)
	return heads, nil
}

func compareHeads(a, b segmentHead) int { return cmp.Compare(a.next, b.next) }

// advance moves the first segment behind seq after and puts it where it belongs.
func advance(ctx context.Context, q querier, heads []segmentHead, after int64) ([]segmentHead, error) {
	ok, err := heads[0].seek(ctx, q, after)
	if err != nil {
		return nil, err
	}
	if !ok {
		return heads[1:], nil
	}
	slices.SortFunc(heads, compareHeads)
	return heads, nil
}

// seek finds h's first event behind after; false if there is none. A deleted
// session has none.
func (h *segmentHead) seek(ctx context.Context, q querier, after int64) (bool, error) {
	err := q.QueryRowContext(ctx, `SELECT seq FROM events
		WHERE session = ? AND type = 'conversation_updated' AND seq > ? AND seq <= ?
			AND EXISTS (SELECT 1 FROM sessions WHERE n = session)
		ORDER BY seq LIMIT 1`, h.N, after, h.UpTo).Scan(&h.next)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// ToolState is what has become of a tool call.
type ToolState struct {
	Completed      bool // its result is in the log
	ApprovalID     string
	ApprovalStatus api.ApprovalStatus // of the newest question about it; empty if there was none
}

// Tools tells of tool calls of session n by their ids; each of them is in the answer.
func (s *Store) Tools(ctx context.Context, n int64, ids []string) (map[string]ToolState, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	list, err := json.Marshal(append([]string{}, ids...)) // never null
	if err != nil {
		return nil, fmt.Errorf("read tools of session %d: %w", n, err)
	}
	states := make(map[string]ToolState, len(ids))
	err = each(ctx, s.db, `SELECT j.value,
			EXISTS (SELECT 1 FROM events WHERE session = ?1 AND tool_id = j.value AND kind = 'tool_result'),
			coalesce(a.id, ''), coalesce(a.status, '')
		FROM json_each(?2) j LEFT JOIN approvals a
			ON a.n = (SELECT max(n) FROM approvals WHERE session = ?1 AND tool_use_id = j.value)`,
		[]any{n, string(list)}, func(rows *sql.Rows) (bool, error) {
			var id string
			var t ToolState
			err := rows.Scan(&id, &t.Completed, &t.ApprovalID, &t.ApprovalStatus)
			states[id] = t
			return true, err
		})
	if err != nil {
		return nil, fmt.Errorf("read tools of session %d: %w", n, err)
	}
	return states, nil
}

// walkRows is how many events LastFromLine takes at once.
const walkRows = 64

// LastFromLine walks backwards through the events of session n that come from
// lines, from upTo on (0: from the end), until fn says stop. Between its pages
// no reading is open.
func (s *Store) LastFromLine(ctx context.Context, n, upTo int64, fn func(Event) (stop bool)) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.reading.Done()
	if upTo == 0 {
		upTo = math.MaxInt64
	}
	for {
		var p page
		err := s.snapshot(ctx, func(q *reading) (err error) {
			p, err = s.readPage(ctx, q, walkRows, pageBytes, selectEvents+`WHERE session = ? AND part IS NOT NULL AND seq <= ?
				ORDER BY seq DESC LIMIT ?`, n, upTo, walkRows)
			return err
		})
		if err != nil {
			return fmt.Errorf("walk session %d back from %d: %w", n, upTo, err)
		}
		if slices.ContainsFunc(p.events, fn) || p.rows < walkRows && !p.full {
			return nil
		}
		upTo = p.last - 1
	}
}

// ConversationEvent returns one event of a conversation, or ErrNotFound.
func (s *Store) ConversationEvent(ctx context.Context, seq int64) (Event, error) {
	if err := s.begin(); err != nil {
		return Event{}, err
	}
	defer s.reading.Done()
	var p page
	err := s.snapshot(ctx, func(q *reading) (err error) {
		p, err = s.readPage(ctx, q, 1, pageBytes, selectEvents+"WHERE seq = ? AND type = 'conversation_updated'", seq)
		return err
	})
	if err == nil && len(p.events) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Event{}, fmt.Errorf("read event %d: %w", seq, err)
	}
	return p.events[0], nil
}
