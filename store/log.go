package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

const (
	// pageBytes ends a page of a conversation, one event at least.
	pageBytes = 4 << 20
	// logBytes ends a page of the log, one event at least. It is small, for every
	// subscriber that is behind may hold one.
	logBytes = 128 << 10
	// scanWindow is how much of the log one reading looks through for types
	// that may be rare in it.
	scanWindow = 16384
)

// Filter picks events; what is empty picks all.
type Filter struct {
	SessionID, RunID string
	Types            []api.EventType
}

// Log reads the log behind seq after: at most limit events that f picks, in the
// order of seq. upTo says how far it looked, never beyond Head: every event up
// to there that f picks has been given, now or before. A page may end before
// limit, or be empty, without being the last: the log has been read when upTo is Head.
func (s *Store) Log(ctx context.Context, after int64, limit int, f Filter) (events []Event, upTo int64, err error) {
	if err := s.begin(); err != nil {
		return nil, 0, err
	}
	defer s.reading.Done()
	upTo = s.Head()
	if len(f.Types) > 0 {
		upTo = min(upTo, after+scanWindow)
	}
	if upTo <= after {
		return nil, after, nil
	}
	err = s.snapshot(ctx, func(q querier) error {
		where, args, err := f.where(ctx, q)
		if err != nil {
			return err
		}
		args = append([]any{after, upTo}, append(args, limit)...)
		p, err := readPage(ctx, q, logBytes, selectEvents+"WHERE seq > ? AND seq <= ?"+where+" ORDER BY seq LIMIT ?", args...)
		if events = p.events; p.full || p.rows == limit {
			upTo = p.last
		}
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the log after %d: %w", after, err)
	}
	return events, upTo, nil
}

// where renders f as a condition on events.
func (f Filter) where(ctx context.Context, q querier) (string, []any, error) {
	var b strings.Builder
	var args []any
	if f.SessionID != "" || f.RunID != "" {
		n, err := f.session(ctx, q)
		if err != nil {
			return "", nil, err
		}
		b.WriteString(" AND session = ?")
		args = append(args, n)
	}
	if len(f.Types) > 0 {
		var in string
		in, args = oneOf("type", f.Types, args)
		b.WriteString(" AND " + in)
		if !slices.Contains(f.Types, api.EventConversationUpdated) {
			b.WriteString(" AND type <> 'conversation_updated'") // says that the index of the rare ones will do
		}
	}
	return b.String(), args, nil
}

// session finds the number of the session that f names, living or deleted; a
// number that no session has if there is none.
func (f Filter) session(ctx context.Context, q querier) (int64, error) {
	const one = `SELECT n FROM sessions WHERE %s = ?1 UNION ALL SELECT n FROM deletions WHERE %s = ?1`
	numbers := []int64{}
	for _, by := range []struct{ sessions, deletions, value string }{
		{"id", "session_id", f.SessionID}, {"run_id", "run_id", f.RunID}} {
		if by.value == "" {
			continue
		}
		var n int64
		err := q.QueryRowContext(ctx, fmt.Sprintf(one, by.sessions, by.deletions), by.value).Scan(&n)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, err
		}
		numbers = append(numbers, n)
	}
	if len(slices.Compact(numbers)) > 1 {
		return 0, nil
	}
	return numbers[0], nil
}
