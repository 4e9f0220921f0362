package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
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
	// aroundWindow is how much it looks through where something is damaged.
	aroundWindow = 64
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
// Events that are damaged are left out, and named by Problem.
func (s *Store) Log(ctx context.Context, after int64, limit int, f Filter) (events []Event, upTo int64, err error) {
	if err := s.begin(); err != nil {
		return nil, 0, err
	}
	defer s.reading.Done()
	if upTo = s.Head(); upTo <= after {
		return nil, after, nil
	}
	after = s.pastVoid(after)
	if len(f.Types) > 0 {
		upTo = min(upTo, after+scanWindow)
	}
	err = s.snapshot(ctx, func(q *reading) error {
		where, args, err := f.where(ctx, q)
		if err != nil {
			return err
		}
		p, err := s.readPage(ctx, q, limit, logBytes, selectEvents+"WHERE seq > ? AND seq <= ?"+where+" ORDER BY seq LIMIT ?",
			append([]any{after, upTo}, append(args, limit)...)...)
		if errors.Is(err, ErrCorrupt) {
			p, err = s.readAround(ctx, q, after, min(upTo, after+aroundWindow), selectEvents+"WHERE seq = ?"+where, args)
		}
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

// readAround reads one event after the other, where they cannot be read at once.
// Those that cannot be read at all are noted and left out: the rest of the log
// goes on behind them. Where the disk gives nothing, which is the same to
// SQLite, nothing is left out: it may be over in a moment.
func (s *Store) readAround(ctx context.Context, q *reading, after, upTo int64, query string, args []any) (page, error) {
	if err := readThrough(ctx, s.trouble.path); err != nil {
		return page{}, fmt.Errorf("%w: %w", ErrIO, err)
	}
	all := page{full: true} // there may be more, however little this is
	for all.last = after; all.last < upTo; {
		all.last++
		p, err := s.readPage(ctx, q, 1, 1, query, append([]any{all.last}, args...)...)
		switch {
		case errors.Is(err, ErrCorrupt):
			s.damagedEvent(all.last, err)
		case err != nil:
			return page{}, err
		default:
			all.events = append(all.events, p.events...)
		}
	}
	return all, nil
}

// readThrough reads a file to its end, to see whether the disk gives all of it.
func readThrough(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	buffer := make([]byte, 1<<20)
	for err == nil && ctx.Err() == nil {
		_, err = f.Read(buffer)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return cmp.Or(err, ctx.Err())
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
