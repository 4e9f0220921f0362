package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/sessiond/sessiond/rpc/api"
)

// Outline is what it takes to decide about many sessions at once.
type Outline struct {
	N              int64
	ID             string
	Status         api.Status
	LastActivityAt api.Time
	Tagged         bool      // it has the tag that was asked for
	Ancestors      []Segment // whose events its conversation begins with
	// Damage is a *RecordError if they cannot be read: Ancestors is what follows
	// from its parent.
	Damage error
}

// The ancestors of an Outline stand in a document: one that is damaged is not to
// spoil the others.
const selectOutlines = `SELECT s.n, s.id, s.status, s.last_activity_at,
		CASE json_valid(l.options) WHEN 1 THEN
			CASE json_type(l.options) WHEN 'object' THEN json_extract(l.options, '$.ancestors') ELSE l.options END
		ELSE l.options END,
		(SELECT p.n FROM sessions p WHERE p.id = s.parent_session_id),
		?1 = '' OR EXISTS (SELECT 1 FROM session_tags t WHERE t.n = s.n AND t.tag = ?1)
	FROM sessions s JOIN session_launches l USING (n)`

const outlinesBehind = ` WHERE s.n > ?2 ORDER BY s.n`

// Outlines returns every session with a number above after, oldest first. All
// of them are Tagged where tag is empty. Problem names those with Damage.
func (s *Store) Outlines(ctx context.Context, tag string, after int64) (all []Outline, err error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	err = each(ctx, s.db, selectOutlines+outlinesBehind, []any{tag, after}, func(rows *sql.Rows) (bool, error) {
		o, parent, err := scanOutline(rows.Scan)
		if s.Damaged(o.Damage) != nil {
			o.Ancestors = ancestorsBy(all, parent)
		}
		all = append(all, o)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read what sessions there are: %w", err)
	}
	return all, nil
}

// scanOutline reads a row of selectOutlines, and the number of the session's parent.
func scanOutline(scan func(...any) error) (o Outline, parent int64, err error) {
	var activity int64
	var ancestors []byte
	var of sql.NullInt64
	err = scan(&o.N, &o.ID, &o.Status, &activity, &ancestors, &of, &o.Tagged)
	o.LastActivityAt = api.FromMillis(activity)
	if err == nil && ancestors != nil {
		if bad := json.Unmarshal(ancestors, &o.Ancestors); bad != nil {
			o.Damage = &RecordError{What: RecordOptions, SessionID: o.ID, Err: bad}
		}
	}
	return o, of.Int64, err
}

// ancestorsBy is what a session stands on whose parent is known: that, and what it
// stands on itself. older are sorted by their numbers.
func ancestorsBy(older []Outline, parent int64) []Segment {
	i, known := slices.BinarySearchFunc(older, parent, func(o Outline, n int64) int { return cmp.Compare(o.N, n) })
	if !known {
		return nil
	}
	return append(slices.Clone(older[i].Ancestors), Segment{N: parent})
}

// SessionSize returns how many events session n has, and the bytes of their
// lines and data: what deleting it would give back, short of the indexes.
func (s *Store) SessionSize(ctx context.Context, n int64) (events int, bytes int64, err error) {
	if err := s.begin(); err != nil {
		return 0, 0, err
	}
	defer s.reading.Done()
	err = s.db.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(coalesce(octet_length(line), 0) + coalesce(octet_length(data), 0)), 0)
		FROM events WHERE session = ?`, n).Scan(&events, &bytes)
	if err != nil {
		return 0, 0, fmt.Errorf("measure session %d: %w", n, fault(err))
	}
	return events, bytes, nil
}

// Size is how much room the database takes, in bytes.
type Size struct {
	Used int64 // what is in it
	Free int64 // pages that are in the file for what comes next
	Log  int64 // the write-ahead log beside it
}

// Size measures the database.
func (s *Store) Size(ctx context.Context) (size Size, err error) {
	if err := s.begin(); err != nil {
		return size, err
	}
	defer s.reading.Done()
	if size, err = sizeOf(ctx, s.db); err != nil {
		return size, fmt.Errorf("measure the database: %w", fault(err))
	}
	return size, nil
}

func sizeOf(ctx context.Context, q querier) (size Size, err error) {
	var pages, free, bytes int64
	var path string
	err = q.QueryRowContext(ctx, `SELECT page_count, freelist_count, page_size, file
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size, pragma_database_list WHERE name = 'main'`).
		Scan(&pages, &free, &bytes, &path)
	size.Used, size.Free = (pages-free)*bytes, free*bytes
	if fi, err := os.Stat(path + "-wal"); err == nil { // there is none while nothing is written
		size.Log = fi.Size()
	}
	return size, err
}
