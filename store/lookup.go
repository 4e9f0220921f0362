package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/sessiond/sessiond/rpc/api"
)

// Fault adds to an error of SQLite's, or of a file, which of the kinds of faults it
// is (ErrFull and so on), for others that keep a database of their own.
func Fault(err error) error { return fault(err) }

// ID is the number by which the database is told from others: it is made with the
// database, and its backups have it too.
func (s *Store) ID() int64 { return s.id }

// EventsAt returns the events with these numbers, in the order of seq, as far as they
// are there: those of deleted sessions are not, and those that are damaged are left out.
func (s *Store) EventsAt(ctx context.Context, seqs []int64) (events []Event, err error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	err = s.snapshot(ctx, func(q *reading) error {
		for _, seq := range seqs { // one by one, so that a damaged one spoils no other
			p, err := s.readPage(ctx, q, 1, pageBytes, selectEvents+"WHERE seq = ?", seq)
			if errors.Is(err, ErrCorrupt) {
				s.damagedEvent(seq, err)
				continue
			}
			if err != nil {
				return err
			}
			events = append(events, p.events...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// SessionFilter picks sessions; what is empty picks all.
type SessionFilter struct {
	ID         string
	WorkingDir string // or below it
	Tag        string
	Archived   *bool
}

// IsZero reports whether f picks every session.
func (f SessionFilter) IsZero() bool { return f == SessionFilter{} }

// WhichSessions returns those of the sessions with these numbers that f picks.
func (s *Store) WhichSessions(ctx context.Context, numbers []int64, f SessionFilter) (picked []int64, err error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	query, args := "SELECT s.n FROM json_each(?) j CROSS JOIN sessions s ON s.n = j.value WHERE true", []any{list(numbers)}
	if f.ID != "" {
		query, args = query+" AND s.id = ?", append(args, f.ID)
	}
	if f.WorkingDir != "" && f.WorkingDir != "/" {
		query += " AND (s.working_dir = ? OR substr(s.working_dir, 1, length(?) + 1) = ? || '/')"
		args = append(args, f.WorkingDir, f.WorkingDir, f.WorkingDir)
	}
	if f.Tag != "" {
		query, args = query+" AND EXISTS (SELECT 1 FROM session_tags t WHERE t.tag = ? AND t.n = s.n)", append(args, f.Tag)
	}
	if f.Archived != nil {
		query, args = query+" AND s.archived = ?", append(args, *f.Archived)
	}
	err = s.snapshot(ctx, func(q *reading) error {
		return q.rows(ctx, query, args, func(row []driver.Value) bool {
			picked = append(picked, integer(row[0]))
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("pick sessions: %w", err)
	}
	return picked, nil
}

// SessionsAt returns the sessions with these numbers by number, as far as they are
// there. Those that are damaged are what their row says, and Problem names them.
func (s *Store) SessionsAt(ctx context.Context, numbers []int64) (map[int64]api.Session, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	sessions := make(map[int64]api.Session, len(numbers))
	for _, n := range numbers {
		if _, known := sessions[n]; known {
			continue
		}
		row, err := scanSession(s.db.QueryRowContext(ctx, selectSessions+"WHERE s.n = ?", n).Scan)
		if err = found(err, "session", n); errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		_ = s.Damaged(row.Damage)
		sessions[n] = row.Session
	}
	return sessions, nil
}
