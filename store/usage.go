package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sessiond/sessiond/rpc/api"
)

// usageTitle is how many bytes of a session's title, or of its prompt, are told.
const usageTitle = 120

// Usage tells what was used: in all, by summaries, and by what p asks for, a page of
// it. All but the cursor has been validated by the caller. Every group is read from
// an index, in its order: a page costs the same, however many there are.
func (s *Store) Usage(ctx context.Context, p api.GetUsageParams) (api.GetUsageResult, error) {
	result := api.GetUsageResult{Groups: []api.UsageGroup{}}
	groups, err := usageGroups(p)
	if err != nil {
		return result, err
	}
	if err := s.begin(); err != nil {
		return result, err
	}
	defer s.reading.Done()
	err = s.snapshot(ctx, func(q *reading) error {
		if err := usageTotals(ctx, q, &result); err != nil || groups == nil {
			return err
		}
		limit := listLimit
		if p.Limit != nil {
			limit = *p.Limit
		}
		var last string
		return each(ctx, q, groups.query, append(groups.args, limit+1), func(rows *sql.Rows) (bool, error) {
			group, key, err := groups.scan(rows.Scan)
			if err == nil && len(result.Groups) == limit {
				result.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(last))
				return false, nil
			}
			last = key
			result.Groups = append(result.Groups, group)
			return true, err
		})
	})
	if err != nil {
		return api.GetUsageResult{}, fmt.Errorf("read what was used: %w", err)
	}
	return result, nil
}

func usageTotals(ctx context.Context, q querier, r *api.GetUsageResult) error {
	t, m := &r.Total, &r.Summaries
	return q.QueryRowContext(ctx, `SELECT t.usd, t.input_tokens, t.output_tokens, t.cache_creation_input_tokens, t.cache_read_input_tokens,
			coalesce(sum(summaries_usd), 0.0), coalesce(sum(summaries_input_tokens), 0), coalesce(sum(summaries_output_tokens), 0),
			coalesce(sum(summaries_cache_creation_input_tokens), 0), coalesce(sum(summaries_cache_read_input_tokens), 0)
		FROM total_usage t LEFT JOIN spending s`).
		Scan(&t.CostUSD, &t.InputTokens, &t.OutputTokens, &t.CacheCreationInputTokens, &t.CacheReadInputTokens,
			&m.CostUSD, &m.InputTokens, &m.OutputTokens, &m.CacheCreationInputTokens, &m.CacheReadInputTokens)
}

// usageQuery is how groups are read; scan also returns the key of a group, from
// which the next page goes on.
type usageQuery struct {
	query string
	args  []any
	scan  func(func(...any) error) (api.UsageGroup, string, error)
}

const usageColumns = `u.input_tokens, u.output_tokens, u.cache_creation_input_tokens, u.cache_read_input_tokens`

// usageGroups says how the groups that p asks for are read; nil if it asks for none.
func usageGroups(p api.GetUsageParams) (*usageQuery, error) {
	key, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	wrong := api.InvalidParams("cursor", "not a next_cursor of getUsage for this")
	if err != nil {
		return nil, wrong
	}
	switch p.By {
	case api.UsageByDay:
		q := &usageQuery{scan: scanUsageDay, args: []any{string(key), len(key) == 0}}
		q.query = `SELECT day, usd - summaries_usd, summaries_usd, ` + usageColumns + ` FROM spending u WHERE (day < ?1 OR ?2) ORDER BY day DESC LIMIT ?`
		return q, nil
	case api.UsageByDirectory, api.UsageBySession:
	default:
		return nil, nil
	}
	var cost float64
	var n int64
	if len(key) > 0 {
		if _, err := fmt.Sscanf(string(key), "%g %d", &cost, &n); err != nil {
			return nil, wrong
		}
	}
	q := &usageQuery{scan: scanUsageDirectory}
	from := `SELECT working_dir, sessions, usd, n, ` + usageColumns + ` FROM directory_usage u`
	if p.By == api.UsageBySession {
		q.scan = scanUsageSession
		from = `SELECT s.id, CASE WHEN json_valid(d.document) THEN d.document ->> '$.title' END, substr(l.query, 1, 200), s.working_dir, u.usd, u.n, ` + usageColumns + `,
				(SELECT count(*) FROM jobs j WHERE j.session = u.n AND state IN ('queued', 'running'))
			FROM session_usage u CROSS JOIN sessions s ON s.n = u.n CROSS JOIN session_launches l ON l.n = u.n
				CROSS JOIN session_documents d ON d.n = u.n`
	}
	where := []string{"true"}
	if len(key) > 0 {
		where, q.args = append(where, "(u.usd, u.n) < (?, ?)"), append(q.args, cost, n)
	}
	if p.SessionID != "" {
		where, q.args = append(where, "u.n = (SELECT n FROM sessions WHERE id = ?)"), append(q.args, p.SessionID)
	}
	q.query = from + " WHERE " + strings.Join(where, " AND ") + " ORDER BY u.usd DESC, u.n DESC LIMIT ?"
	return q, nil
}

func scanUsageDay(scan func(...any) error) (g api.UsageGroup, key string, err error) {
	err = scan(&g.Day, &g.CostUSD, &g.SummariesCostUSD, &g.InputTokens, &g.OutputTokens, &g.CacheCreationInputTokens, &g.CacheReadInputTokens)
	return g, g.Day, err
}

func scanUsageDirectory(scan func(...any) error) (g api.UsageGroup, key string, err error) {
	var n int64
	err = scan(&g.WorkingDir, &g.Sessions, &g.CostUSD, &n, &g.InputTokens, &g.OutputTokens, &g.CacheCreationInputTokens, &g.CacheReadInputTokens)
	return g, fmt.Sprintf("%g %d", g.CostUSD, n), err
}

func scanUsageSession(scan func(...any) error) (g api.UsageGroup, key string, err error) {
	var n int64
	var title sql.NullString
	var query string
	err = scan(&g.SessionID, &title, &query, &g.WorkingDir, &g.CostUSD, &n, &g.InputTokens, &g.OutputTokens,
		&g.CacheCreationInputTokens, &g.CacheReadInputTokens, &g.QueuedJobs)
	if g.Title = title.String; g.Title == "" {
		g.Title = query
	}
	g.Title = cutText(g.Title, usageTitle)
	return g, fmt.Sprintf("%g %d", g.CostUSD, n), err
}

// cutText cuts a text to so many bytes, and no character in two.
func cutText(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	for bytes > 0 && !utf8.RuneStart(text[bytes]) {
		bytes--
	}
	return text[:bytes]
}
