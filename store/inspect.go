package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/sessiond/sessiond/rpc/api"
)

// Inspection is what a look at a database from outside tells.
type Inspection struct {
	Version  int64 // of its schema
	Known    int64 // the newest version that this program knows
	Size     Size
	Newest   api.Time              // when the newest event was recorded; zero in an empty log
	Head     int64                 // the newest seq, 0 in an empty log
	Sessions map[string]api.Status // by id
	Outside  map[string]bool       // those of them that live in terminals, without a daemon
}

// Inspect looks at the database at path, which may be in use, and changes nothing
// in it. An error wraps fs.ErrNotExist where there is none, and ErrCorrupt where
// it is none of ours. Whether it is sound is for Check to say.
func Inspect(ctx context.Context, path string) (i Inspection, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("look at the database %s: %w", path, fault(err))
		}
	}()
	if _, err := os.Stat(path); err != nil {
		return i, err
	}
	m, err := openMigration(path, readerParams, Options{})
	if err != nil {
		return i, err
	}
	defer func() { err = errors.Join(err, m.db.Close()) }()
	i.Known = m.known
	if i.Version, err = m.version(ctx); err != nil {
		return i, err
	}
	if i.Size, err = sizeOf(ctx, m.db); err != nil {
		return i, err
	}
	var ms int64
	err = m.db.QueryRowContext(ctx, "SELECT seq, time FROM events ORDER BY seq DESC LIMIT 1").Scan(&i.Head, &ms)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return i, err
	}
	i.Newest = api.FromMillis(ms)
	i.Sessions, i.Outside = map[string]api.Status{}, map[string]bool{}
	return i, each(ctx, m.db, `SELECT id, status, status NOT IN ('completed', 'failed', 'interrupted') AND EXISTS (
			SELECT 1 FROM session_documents d WHERE d.n = s.n AND json_valid(document) AND document ->> '$.origin' = 'external')
		FROM sessions s`, nil, func(rows *sql.Rows) (bool, error) {
		var id string
		var status api.Status
		var outside bool
		err := rows.Scan(&id, &status, &outside)
		if i.Sessions[id] = status; outside {
			i.Outside[id] = true
		}
		return true, err
	})
}

// InspectSession looks how one session stands in the database at path, which may
// be in use; known is false if it has none with this id. Its errors are Inspect's.
func InspectSession(ctx context.Context, path, id string) (status api.Status, known bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("look at the database %s: %w", path, fault(err))
		}
	}()
	if _, err := os.Stat(path); err != nil {
		return "", false, err
	}
	m, err := openMigration(path, readerParams, Options{})
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, m.db.Close()) }()
	err = m.db.QueryRowContext(ctx, "SELECT status FROM sessions WHERE id = ?", id).Scan(&status)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return status, err == nil, err
}
