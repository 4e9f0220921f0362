package store

import (
	"context"
	"fmt"

	"github.com/sessiond/sessiond/rpc/api"
)

// NewSummary is a summary that is to be kept.
type NewSummary struct {
	Summary api.Summary
	// After is where the summary before it ends, 0 if there is none: ErrChanged if
	// the session's newest one ends elsewhere. So every event is in one.
	After int64
}

const insertSummarySQL = `INSERT INTO summaries (session, from_seq, to_seq, title, request, investigated, learned, completed, next_steps,
		model, usd, input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens, job, created_at)
	SELECT n, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17 FROM sessions
	WHERE id = ?1 AND coalesce((SELECT max(to_seq) FROM summaries m WHERE m.session = sessions.n), 0) = ?18`

// addSummary keeps a summary.
func (w *writer) addSummary(n *NewSummary) error {
	m := &n.Summary
	inserted, err := w.rarely(insertSummarySQL, m.SessionID, m.FromSeq, m.ToSeq, m.Title, m.Request, m.Investigated, m.Learned,
		m.Completed, m.NextSteps, m.Model, m.CostUSD, m.InputTokens, m.OutputTokens, m.CacheCreationInputTokens,
		m.CacheReadInputTokens, m.JobID, m.CreatedAt.Millis(), n.After)
	return affected(inserted, err, ErrChanged)
}

// Summary returns the newest summary of a session that ends before a seq, or
// ErrNotFound.
func (s *Store) Summary(ctx context.Context, sessionID string, before int64) (api.Summary, error) {
	var m api.Summary
	if err := s.begin(); err != nil {
		return m, err
	}
	defer s.reading.Done()
	var created int64
	err := s.db.QueryRowContext(ctx, `SELECT s.id, m.from_seq, to_seq, title, request, investigated, learned, completed, next_steps,
			model, usd, input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens, job, created_at
		FROM sessions s JOIN summaries m ON m.session = s.n WHERE s.id = ? AND to_seq < ? ORDER BY to_seq DESC LIMIT 1`, sessionID, before).
		Scan(&m.SessionID, &m.FromSeq, &m.ToSeq, &m.Title, &m.Request, &m.Investigated, &m.Learned, &m.Completed, &m.NextSteps,
			&m.Model, &m.CostUSD, &m.InputTokens, &m.OutputTokens, &m.CacheCreationInputTokens, &m.CacheReadInputTokens, &m.JobID, &created)
	m.CreatedAt = api.FromMillis(created)
	return m, found(err, "summary of session", sessionID)
}

// Extent is how far a session's conversation reaches: by its messages, tool calls
// and tool results, not by what else a process prints.
type Extent struct {
	Last       int64 // the last of them, 0 if there is none
	Summarized int64 // where the session's newest summary ends, 0 if there is none
	New        int   // how many there are behind that, up to what was asked for
}

const saysSomething = `session = ?1 AND kind IN ('message', 'tool_call', 'tool_result')`

// Extent looks how far the conversation of session number n reaches, and counts at
// most so many new events.
func (s *Store) Extent(ctx context.Context, n int64, atMost int) (e Extent, err error) {
	if err := s.begin(); err != nil {
		return e, err
	}
	defer s.reading.Done()
	err = s.db.QueryRowContext(ctx, `SELECT coalesce((SELECT seq FROM events WHERE `+saysSomething+` ORDER BY seq DESC LIMIT 1), 0),
		coalesce((SELECT max(to_seq) FROM summaries WHERE session = ?1), 0)`, n).Scan(&e.Last, &e.Summarized)
	if err == nil {
		err = s.db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM events WHERE `+saysSomething+` AND seq > ?2 LIMIT ?3)`,
			n, e.Summarized, atMost).Scan(&e.New)
	}
	if err != nil {
		return e, fmt.Errorf("read how far session number %d reaches: %w", n, fault(err))
	}
	return e, nil
}

// Mark is a number that is kept under a name, such as how far somebody has read the log.
type Mark struct {
	Name  string
	Value int64
}

const putMarkSQL = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`

// MarkAt returns the number that is kept under a name, or ErrNotFound.
func (s *Store) MarkAt(ctx context.Context, name string) (value int64, err error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.reading.Done()
	err = s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ?", name).Scan(&value)
	return value, found(err, "mark", name)
}
