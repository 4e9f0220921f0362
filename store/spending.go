package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sessiond/sessiond/rpc/api"
)

const spendSQL = `INSERT INTO spending (day, usd) VALUES (?, ?) ON CONFLICT DO UPDATE SET usd = usd + excluded.usd`

// spendingDay is the day, in UTC, that an instant belongs to.
func spendingDay(t api.Time) string { return t.UTC().Format("2006-01-02") }

// Spent tells what was spent on the day (in UTC) of an instant, in US dollars.
func (s *Store) Spent(ctx context.Context, at api.Time) (usd float64, err error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.reading.Done()
	err = s.db.QueryRowContext(ctx, "SELECT usd FROM spending WHERE day = ?", spendingDay(at)).Scan(&usd)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read what was spent: %w", fault(err))
	}
	return usd, nil
}
