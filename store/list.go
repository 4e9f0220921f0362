package store

import (
	"context"
	"database/sql/driver"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

const (
	listLimit = 50       // unless another is given
	listBytes = 16 << 20 // a page ends after so much JSON, one session at least
)

// listKey is the place of a session in lists: newest activity first.
type listKey struct{ activity, n int64 }

// cursor renders k for clients; they need not understand it.
func (k listKey) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", k.activity, k.n))
}

// parseCursor is the reverse of cursor.
func parseCursor(cursor string) (k listKey, err error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		_, err = fmt.Sscanf(string(text), "%d.%d", &k.activity, &k.n)
	}
	if err != nil || k.cursor() != cursor {
		return k, api.InvalidParams("cursor", "not a next_cursor of listSessions")
	}
	return k, nil
}

// ListSessions returns a page of the sessions that p asks for, newest activity
// first. All but the cursor has been validated by the caller. A session whose
// activity changes between two pages may be in both or in none.
func (s *Store) ListSessions(ctx context.Context, p api.ListSessionsParams) (api.ListSessionsResult, error) {
	result := api.ListSessionsResult{Sessions: []api.Session{}}
	if _, _, err := listQuery(p, nil, -1); err != nil { // its cursor is bad
		return result, err
	}
	limit := listLimit
	if p.Limit != nil {
		limit = *p.Limit
	}
	if err := s.begin(); err != nil {
		return result, err
	}
	defer s.reading.Done()
	err := s.snapshot(ctx, func(q *reading) error {
		keys, err := listKeys(ctx, q, p, limit+1)
		if err != nil {
			return err
		}
		more := len(keys) > limit
		shown := keys[:min(limit, len(keys))]
		if result.Sessions, err = s.listedSessions(ctx, q, shown); err != nil {
			return err
		}
		if n := len(result.Sessions); n > 0 && (more || n < len(shown)) {
			result.NextCursor = keys[n-1].cursor()
		}
		return nil
	})
	if err != nil {
		return api.ListSessionsResult{}, fmt.Errorf("list sessions: %w", err)
	}
	return result, nil
}

// listKeys finds which sessions are on the page.
func listKeys(ctx context.Context, q *reading, p api.ListSessionsParams, limit int) (keys []listKey, err error) {
	var places []int64
	if p.Text != "" {
		var few bool
		if places, few, err = q.places(ctx, fold(p.Text)); err != nil {
			return nil, err
		}
		if few {
			places = append([]int64{}, places...) // none, but looked for
		} else {
			places = nil
		}
	}
	// Nearly all that were found have the text: the newest of them make the page.
	most := -1
	if len(places) > 2*limit {
		most = 2*limit + blockDue
	}
	for {
		query, args, err := listQuery(p, places, most)
		if err != nil {
			return nil, err
		}
		keys = keys[:0]
		err = q.rows(ctx, query, append(args, limit), func(row []driver.Value) bool {
			keys = append(keys, listKey{integer(row[0]), integer(row[1])})
			return true
		})
		if err != nil || len(keys) == limit || most < 0 {
			return keys, err
		}
		most = -1
	}
}

// listedSessions reads them, until they make a page of JSON.
func (s *Store) listedSessions(ctx context.Context, q *reading, keys []listKey) ([]api.Session, error) {
	sessions := make([]api.Session, 0, len(keys))
	numbers := make([]int64, len(keys))
	for i, k := range keys {
		numbers[i] = k.n
	}
	size := 0
	var damaged []int
	err := q.rows(ctx, `SELECT l.query, d.document FROM json_each(?) j CROSS JOIN session_launches l ON l.n = j.value
		CROSS JOIN session_documents d ON d.n = j.value ORDER BY j.key`, []any{list(numbers)}, func(row []driver.Value) bool {
		i, query, document := len(sessions), text(row[0]), text(row[1])
		session, err := decodeSession([]byte(document), query, keys[i].activity)
		if err != nil || session.ID == "" {
			damaged = append(damaged, i)
		}
		sessions = append(sessions, session)
		size += len(document) + quotedLen(query)
		return size < listBytes
	})
	for _, i := range damaged { // one bad record does not spoil the list
		row, err := scanSession(q.QueryRowContext(ctx, selectSessions+"WHERE s.n = ?", keys[i].n).Scan)
		if err != nil {
			return nil, err
		}
		_ = s.Damaged(row.Damage)
		sessions[i] = row.Session
	}
	return sessions, err
}

// list is numbers as json_each reads them.
func list(numbers []int64) string {
	b := make([]byte, 1, 8*len(numbers)+2)
	b[0] = '['
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(append(b, ']'))
}

// quotedLen is how long text is as a string of JSON.
func quotedLen(text string) int {
	n := len(text)
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"', c == '\\', c == '\n', c == '\t', c == '\r':
			n++
		case c < ' ':
			n += len(`\u0000`) - 1
		}
	}
	return n
}

// listQuery renders the filters. Its answer is the key of each session, in
// order; its last argument, the limit, is left to the caller. Unless places is nil,
// the text is in no other places of blocks; of these, and of sessions in no block, the
// newest are looked at, so many at most, or all if most is negative.
func listQuery(p api.ListSessionsParams, places []int64, most int) (string, []any, error) {
	where, args := []string{"archived = ?"}, []any{p.Archived}
	add := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if len(p.Status) > 0 {
		var in string
		in, args = oneOf("status", p.Status, args)
		where = append(where, in)
	}
	if p.WorkingDir != "" {
		add("working_dir = ?", p.WorkingDir)
	}
	if p.ParentSessionID != "" {
		add("parent_session_id = ?", p.ParentSessionID)
		where[0] = "+archived = ?" // by the index of parents: a session has few children
	}
	if p.Tag != "" {
		add("s.n IN (SELECT n FROM session_tags WHERE tag = ?)", p.Tag)
	}
	if p.LeavesOnly {
		add("NOT EXISTS (SELECT 1 FROM sessions c WHERE c.parent_session_id = s.id)")
	}
	if p.Cursor != "" {
		k, err := parseCursor(p.Cursor)
		if err != nil {
			return "", nil, err
		}
		add("(last_activity_at, s.n) < (?, ?)", k.activity, k.n)
	}
	const keys, order = "SELECT last_activity_at, s.n FROM ", " ORDER BY last_activity_at DESC, s.n DESC LIMIT "
	if p.Text == "" {
		return keys + "sessions s WHERE " + strings.Join(where, " AND ") + order + "?", args, nil
	}
	const contains = `(EXISTS (SELECT 1 FROM session_documents d WHERE d.n = s.n AND instr(folded_title, ?) > 0)
		OR EXISTS (SELECT 1 FROM session_launches l WHERE l.n = s.n AND instr(folded_query, ?) > 0))`
	if places == nil {
		add(contains, fold(p.Text), fold(p.Text))
		return keys + "sessions s WHERE " + strings.Join(where, " AND ") + order + "?", args, nil
	}
	// The inner query is done first, for its limit; only then, and only until the
	// page is full, the texts are read, in its order.
	return keys + `(SELECT last_activity_at, s.n FROM (SELECT p.n FROM json_each(?) j CROSS JOIN session_slots p ON p.place = j.value
			UNION ALL SELECT n FROM session_unindexed) f CROSS JOIN sessions s ON s.n = f.n
		WHERE ` + strings.Join(where, " AND ") + order + "?) s WHERE " + contains + " LIMIT ?",
		append(append([]any{list(places)}, args...), most, fold(p.Text), fold(p.Text)), nil
}
