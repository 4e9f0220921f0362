package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"

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
}

// Outlines returns every session with a number above after, oldest first. All
// of them are Tagged where tag is empty.
func (s *Store) Outlines(ctx context.Context, tag string, after int64) (all []Outline, err error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	err = each(ctx, s.db, `SELECT s.n, s.id, s.status, s.last_activity_at, json_extract(l.options, '$.ancestors'),
			?1 = '' OR EXISTS (SELECT 1 FROM session_tags t WHERE t.n = s.n AND t.tag = ?1)
		FROM sessions s JOIN session_launches l USING (n) WHERE s.n > ?2 ORDER BY s.n`, []any{tag, after},
		func(rows *sql.Rows) (bool, error) {
			var o Outline
			var activity int64
			var ancestors []byte
			err := rows.Scan(&o.N, &o.ID, &o.Status, &activity, &ancestors, &o.Tagged)
			o.LastActivityAt = api.FromMillis(activity)
			if err == nil && ancestors != nil {
				err = json.Unmarshal(ancestors, &o.Ancestors)
			}
			all = append(all, o)
			return true, err
		})
	if err != nil {
		return nil, fmt.Errorf("read what sessions there are: %w", err)
	}
	return all, nil
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
