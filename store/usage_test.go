package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/rpc/api"
)

// used sets what a session has used.
func used(row *SessionRow, u api.Usage) *Batch {
	ses := row.Session
	ses.CostUSD, ses.InputTokens, ses.OutputTokens = u.CostUSD, u.InputTokens, u.OutputTokens
	ses.CacheCreationInputTokens, ses.CacheReadInputTokens = u.CacheCreationInputTokens, u.CacheReadInputTokens
	row.Session = ses
	return &Batch{Update: &SessionUpdate{N: row.N, Session: &ses, JournalOffset: -1}}
}

// allUsage reads all groups, in small pages.
func allUsage(t interface{ Fatal(...any) }, s *Store, p api.GetUsageParams) (groups []api.UsageGroup, r api.GetUsageResult) {
	limit := 2
	for p.Limit = &limit; ; {
		page, err := s.Usage(context.Background(), p)
		if err != nil || len(page.Groups) > limit {
			t.Fatal(page, err)
		}
		groups, r = append(groups, page.Groups...), page
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			return groups, r
		}
	}
}

// TestUsageIsWhatSessionsHaveUsed holds for any history: totals and directories are
// the sums of all sessions that ever were, sessions are in order, each once.
func TestUsageIsWhatSessionsHaveUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		s, err := Open(t.Context(), filepath.Join(dir, fmt.Sprint(n, ".db")), Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		var rows []*SessionRow
		var gone api.Usage
		byDir := map[string]int64{}
		for range rapid.IntRange(1, 15).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"create", "use", "use", "delete"}).Draw(rt, "step") {
			case "create":
				row := newRow(func(r *SessionRow) {
					r.Session.WorkingDir = "/" + rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "dir")
				})
				rows = append(rows, row)
				err = s.Commit(t.Context(), &Batch{Create: row})
			case "use":
				if len(rows) > 0 {
					row := rapid.SampledFrom(rows).Draw(rt, "session")
					more := int64(rapid.IntRange(0, 3).Draw(rt, "tokens"))
					byDir[row.Session.WorkingDir] += more
					u := sessionUsage(&row.Session)
					u.InputTokens, u.CostUSD = u.InputTokens+more, float64(rapid.IntRange(0, 4).Draw(rt, "usd"))
					err = s.Commit(t.Context(), used(row, u))
				}
			case "delete":
				if len(rows) > 0 {
					gone.CostUSD += rows[0].Session.CostUSD
					gone.InputTokens += rows[0].Session.InputTokens
					err = s.Commit(t.Context(), &Batch{Delete: rows[0].N, Events: []Event{typedEvent(rows[0].N, api.EventSessionDeleted)}})
					rows = rows[1:]
				}
			}
			if err != nil {
				rt.Fatal(err)
			}
		}
		checkUsage(rt, s, rows, gone, byDir)
	})
}

func checkUsage(t *rapid.T, s *Store, rows []*SessionRow, gone api.Usage, byDir map[string]int64) {
	want := gone
	living := map[string]api.Usage{}
	for _, row := range rows {
		u := sessionUsage(&row.Session)
		want.CostUSD += u.CostUSD
		want.InputTokens += u.InputTokens
		living[row.Session.ID] = u
	}
	sessions, r := allUsage(t, s, api.GetUsageParams{By: api.UsageBySession})
	if r.Total != want {
		t.Fatalf("total %+v, want %+v", r.Total, want)
	}
	for i, g := range sessions {
		if living[g.SessionID] != g.Usage || i > 0 && sessions[i-1].CostUSD < g.CostUSD {
			t.Fatalf("%d: %+v, want %+v", i, g, living[g.SessionID])
		}
		delete(living, g.SessionID)
	}
	for id, u := range living {
		if !u.IsZero() {
			t.Fatalf("%s is missing: %+v", id, u)
		}
	}
	dirs, _ := allUsage(t, s, api.GetUsageParams{By: api.UsageByDirectory})
	for _, g := range dirs {
		if byDir[g.WorkingDir] != g.InputTokens {
			t.Fatalf("%+v, want %d tokens", g, byDir[g.WorkingDir])
		}
		delete(byDir, g.WorkingDir)
	}
	for dir, tokens := range byDir {
		if tokens != 0 {
			t.Fatalf("%s is missing", dir)
		}
	}
}

func TestUsageByDay(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	for day := range int64(5) {
		commit(t, s, &Batch{Used: api.Usage{CostUSD: 1, InputTokens: day}, Wrote: api.Usage{CostUSD: 0.25, OutputTokens: 2},
			UsedAt: api.FromMillis(1_700_000_000_000 + day*24*3600*1000)})
	}
	days, r := allUsage(t, s, api.GetUsageParams{By: api.UsageByDay})
	if len(days) != 5 || days[0].Day != "2023-11-18" || days[4].Day != "2023-11-14" {
		t.Fatalf("%+v", days)
	}
	if d := days[0]; d.CostUSD != 1 || d.SummariesCostUSD != 0.25 || d.InputTokens != 4 || d.OutputTokens != 0 {
		t.Errorf("%+v", d)
	}
	if r.Summaries != (api.Usage{CostUSD: 1.25, OutputTokens: 10}) {
		t.Errorf("%+v", r.Summaries)
	}
	for _, cursor := range []string{"!", "bm8"} {
		if _, err := s.Usage(t.Context(), api.GetUsageParams{By: api.UsageBySession, Cursor: cursor}); !errors.Is(err, &api.Error{Reason: api.ReasonInvalidParams}) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

// TestUsageIsReadFromIndexes has SQLite say how it would read each page: none looks
// through a table, or sorts.
func TestUsageIsReadFromIndexes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessiond.db")
	s := openAt(t, path, Options{})
	create(t, s, nil)
	db, err := sql.Open("sqlite3", dsn(path, readerParams))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, p := range []api.GetUsageParams{{By: api.UsageBySession}, {By: api.UsageBySession, Cursor: "MSAx"}, {By: api.UsageBySession, SessionID: "x"},
		{By: api.UsageByDirectory}, {By: api.UsageByDirectory, Cursor: "MSAx"}, {By: api.UsageByDay}, {By: api.UsageByDay, Cursor: "MSAx"}} {
		q, err := usageGroups(p)
		if err != nil {
			t.Fatal(err)
		}
		err = each(t.Context(), db, "EXPLAIN QUERY PLAN "+q.query, append(q.args, 5), func(rows *sql.Rows) (bool, error) {
			var id, parent, unused int
			var step string
			err := rows.Scan(&id, &parent, &unused, &step)
			scans := strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "USING") && !strings.HasPrefix(step, "SCAN u")
			if scans || strings.Contains(step, "B-TREE") {
				t.Errorf("%+v: %s", p, step)
			}
			return true, err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestMigrateUsage finds what sessions of an older program have used.
func TestMigrateUsage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessiond.db")
	row := older(t, path)
	db, err := sql.Open("sqlite3", dsn(path, writerParams))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{
		`UPDATE session_documents SET document = json_set(document, '$.cost_usd', 2, '$.input_tokens', 7, '$.cache_read_input_tokens', 3)`,
		`INSERT INTO sessions SELECT 77, 'x', 'y', claude_session_id, NULL, status, working_dir, archived, last_activity_at, 0 FROM sessions`,
		`INSERT INTO session_documents VALUES (77, '', '{bad')`,
		`INSERT INTO spending (day, usd) VALUES ('2026-01-31', 2)`,
	} {
		if _, err := db.Exec(change); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path, Options{})
	want := api.Usage{CostUSD: 2, InputTokens: 7, CacheReadInputTokens: 3}
	sessions, r := allUsage(t, s, api.GetUsageParams{By: api.UsageBySession})
	if len(sessions) != 1 || sessions[0].SessionID != row.Session.ID || sessions[0].Usage != want || r.Total != want {
		t.Errorf("%+v, total %+v", sessions, r.Total)
	}
	if dirs, _ := allUsage(t, s, api.GetUsageParams{By: api.UsageByDirectory}); len(dirs) != 1 || dirs[0].Sessions != 1 || dirs[0].Usage != want {
		t.Errorf("%+v", dirs)
	}
	if days, _ := allUsage(t, s, api.GetUsageParams{By: api.UsageByDay}); len(days) != 1 || days[0].CostUSD != 2 || days[0].InputTokens != 0 {
		t.Errorf("%+v", days)
	}
}

// BenchmarkUsage reads what a hundred thousand sessions in a thousand directories have used.
func BenchmarkUsage(b *testing.B) {
	path := filepath.Join(b.TempDir(), "sessiond.db")
	s := openAt(b, path, Options{})
	commit(b, s, &Batch{Used: api.Usage{CostUSD: 1}, UsedAt: api.Now()})
	db, err := sql.Open("sqlite3", dsn(path, writerParams))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, fill := range []string{
		`INSERT INTO sessions (n, id, run_id, claude_session_id, status, working_dir, archived, last_activity_at, journal_offset)
			SELECT value, 'id' || value, 'run' || value, 'c' || value, 'completed', '/d' || (value % 1000), 0, value, 0 FROM generate_series(1, 100000)`,
		`INSERT INTO session_launches SELECT n, NULL, '', NULL, '', 'do it' FROM sessions`,
		`INSERT INTO session_documents SELECT n, '', json_object('id', id) FROM sessions`,
		`INSERT INTO session_usage SELECT n, n % 777, n, n, n, n FROM sessions`,
	} {
		fill = strings.Replace(fill, "FROM generate_series(1, 100000)", "FROM (WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < 100000) SELECT value FROM c)", 1)
		if _, err := db.Exec(fill); err != nil {
			b.Fatal(err)
		}
	}
	for _, by := range append([]api.UsageBy{""}, api.UsageBys...) {
		b.Run("by "+string(by), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Usage(b.Context(), api.GetUsageParams{By: by}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
