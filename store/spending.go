package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sessiond/sessiond/rpc/api"
)

// Dollars of summaries are in the day's dollars too: they count for its limit.
const spendSQL = `INSERT INTO spending (day, usd, input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens,
		summaries_usd, summaries_input_tokens, summaries_output_tokens, summaries_cache_creation_input_tokens, summaries_cache_read_input_tokens)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET usd = usd + excluded.usd,
		input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
		cache_creation_input_tokens = cache_creation_input_tokens + excluded.cache_creation_input_tokens,
		cache_read_input_tokens = cache_read_input_tokens + excluded.cache_read_input_tokens,
		summaries_usd = summaries_usd + excluded.summaries_usd,
		summaries_input_tokens = summaries_input_tokens + excluded.summaries_input_tokens,
		summaries_output_tokens = summaries_output_tokens + excluded.summaries_output_tokens,
		summaries_cache_creation_input_tokens = summaries_cache_creation_input_tokens + excluded.summaries_cache_creation_input_tokens,
		summaries_cache_read_input_tokens = summaries_cache_read_input_tokens + excluded.summaries_cache_read_input_tokens`

// spend adds what b has used to its day.
func (w *writer) spend(b *Batch) error {
	u, v := b.Used, b.Wrote
	_, err := w.rarely(spendSQL, spendingDay(b.UsedAt), u.CostUSD+v.CostUSD,
		u.InputTokens, u.OutputTokens, u.CacheCreationInputTokens, u.CacheReadInputTokens,
		v.CostUSD, v.InputTokens, v.OutputTokens, v.CacheCreationInputTokens, v.CacheReadInputTokens)
	return err
}

// What stays is not written.
const putUsageSQL = `INSERT INTO session_usage (n, usd, input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens)
	VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET usd = excluded.usd, input_tokens = excluded.input_tokens,
		output_tokens = excluded.output_tokens, cache_creation_input_tokens = excluded.cache_creation_input_tokens,
		cache_read_input_tokens = excluded.cache_read_input_tokens
	WHERE (usd, input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens) IS NOT (excluded.usd,
		excluded.input_tokens, excluded.output_tokens, excluded.cache_creation_input_tokens, excluded.cache_read_input_tokens)`

const clearUsageSQL = `UPDATE session_usage SET usd = 0, input_tokens = 0, output_tokens = 0, cache_creation_input_tokens = 0,
		cache_read_input_tokens = 0
	WHERE n = ? AND (usd, input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens) IS NOT (0, 0, 0, 0, 0)`

// putUsage keeps what session number n has used. Triggers keep the sums.
func (w *writer) putUsage(n int64, s *api.Session) error {
	u := sessionUsage(s)
	if u.IsZero() { // as before its first turn has ended; no row says the same
		_, err := w.rarely(clearUsageSQL, n)
		return err
	}
	_, err := w.rarely(putUsageSQL, n, u.CostUSD, u.InputTokens, u.OutputTokens, u.CacheCreationInputTokens, u.CacheReadInputTokens)
	return err
}

func sessionUsage(s *api.Session) api.Usage {
	return api.Usage{CostUSD: s.CostUSD, InputTokens: s.InputTokens, OutputTokens: s.OutputTokens,
		CacheCreationInputTokens: s.CacheCreationInputTokens, CacheReadInputTokens: s.CacheReadInputTokens}
}

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
