package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"github.com/sessiond/sessiond/internal/crashpoint"
)

//go:embed migrations/*.sql
var migrations embed.FS

// NewerSchemaError says that the database was written by a newer sessiond.
type NewerSchemaError struct {
	Path  string
	Found int64 // the schema version of the database
	Known int64 // the newest that this program knows
}

// Error names both versions and the ways out.
func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("the database %s has schema version %d, this sessiond knows only %d: use the newer sessiond that wrote it, "+
		"or restore a copy from before the upgrade (%s.before-v%d-*)", e.Path, e.Found, e.Known, e.Path, e.Known+1)
}

// migration is a database that is being brought to the newest schema.
type migration struct {
	path  string
	db    *sql.DB
	goose *goose.Provider
	known int64 // the newest version
	log   *slog.Logger
}

// openMigration opens the database at path, and changes nothing in it.
func openMigration(path, params string, o Options) (*migration, error) {
	steps := o.migrations
	if steps == nil {
		var err error
		if steps, err = fs.Sub(migrations, "migrations"); err != nil {
			return nil, err
		}
	}
	db := sql.OpenDB(migrator{dsn(path, params), o.beforeCommit})
	p, err := goose.NewProvider(goose.DialectSQLite3, db, steps,
		goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	sources := p.ListSources()
	return &migration{path: path, db: db, goose: p, known: sources[len(sources)-1].Version, log: o.Logger}, nil
}

// migrator makes the connections that migrate.
type migrator struct {
	dsn          string
	beforeCommit func() // for tests; nil: nothing
}

// Connect opens a connection.
func (m migrator) Connect(context.Context) (driver.Conn, error) { return m.Driver().Open(m.dsn) }

// Driver is SQLite's, which says when it is about to commit.
func (m migrator) Driver() driver.Driver {
	return &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		c.RegisterCommitHook(func() int {
			crashpoint.Reach(crashpoint.MigrateApplied)
			if m.beforeCommit != nil {
				m.beforeCommit()
			}
			return 0
		})
		return nil
	}}
}

// createSchema makes the newest schema in an empty file.
func createSchema(ctx context.Context, path string, o Options) (err error) {
	m, err := openMigration(path, createParams, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.db.Close()) }() // which folds the write-ahead log in
	_, err = m.goose.Up(ctx)
	return err
}

// migrate brings the schema to the newest version that this program knows, each
// step in a transaction, with a copy of the database made before the first. It
// refuses a database that is ahead of it.
func migrate(ctx context.Context, path string, o Options) (err error) {
	m, err := openMigration(path, writerParams, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.db.Close()) }()
	found, err := m.version(ctx)
	switch {
	case err != nil:
		return err
	case found > m.known:
		return &NewerSchemaError{Path: path, Found: found, Known: m.known}
	case found == m.known:
		return nil
	}
	kept, err := m.keep(ctx, found)
	if err != nil {
		return fmt.Errorf("copy the database before its schema is brought from version %d to %d (it is as it was, "+
			"and the sessiond that wrote it can go on with it): %w", found, m.known, err)
	}
	crashpoint.Reach(crashpoint.MigrateBackedUp)
	if _, err := m.goose.Up(ctx); err != nil {
		return m.failed(ctx, found, kept, err)
	}
	crashpoint.Reach(crashpoint.MigrateCommitted)
	m.log.Info("database migrated", "from", found, "to", m.known, "copy_from_before", kept)
	return nil
}

// failed says what is there after a migration that has failed.
func (m *migration) failed(ctx context.Context, found int64, kept string, err error) error {
	state := "the copy from before is " + kept
	if now, err := m.version(ctx); err == nil && now == found {
		state = "the database is as it was, and the sessiond that wrote it can go on with it"
	} else if err == nil {
		state = fmt.Sprintf("it has version %d now, and the copy from before is %s", now, kept)
	}
	return fmt.Errorf("bring the schema from version %d to %d (%s): %w", found, m.known, state, err)
}

// version reads which one the database has.
func (m *migration) version(ctx context.Context) (version int64, err error) {
	err = m.db.QueryRowContext(ctx, "SELECT max(version_id) FROM "+goose.DefaultTablename).Scan(&version)
	if err != nil && strings.Contains(err.Error(), "no such table") {
		return 0, fmt.Errorf("%w: the file is no database of sessiond's", ErrCorrupt)
	}
	return version, err
}

// keepBefore is how many copies from before migrations are kept.
const keepBefore = 3

// keep makes a copy of the database beside it, named after the next version. It
// removes the copy of the same version that it replaces, which a start has left
// that did not come to its end, and of the others the oldest that are too many.
func (m *migration) keep(ctx context.Context, found int64) (kept string, err error) {
	const stamp = "20060102T150405.000Z"
	kept = fmt.Sprintf("%s.before-v%d-%s", m.path, found+1, time.Now().UTC().Format(stamp))
	if err := copyTo(ctx, m.path, kept, nil); err != nil {
		return "", err
	}
	type earlier struct {
		path    string
		version int64
		time    string
	}
	var all []earlier
	entries, err := os.ReadDir(filepath.Dir(m.path))
	for _, entry := range entries {
		e := earlier{path: filepath.Join(filepath.Dir(m.path), entry.Name())}
		if rest, ok := strings.CutPrefix(e.path, m.path+".before-v"); ok {
			if n, _ := fmt.Sscanf(rest, "%d-%s", &e.version, &e.time); n == 2 && len(e.time) == len(stamp) {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b earlier) int { return cmp.Compare(b.time, a.time) }) // the newest first
	seen := map[int64]bool{}
	for _, e := range all {
		if !seen[e.version] && len(seen) < keepBefore {
			seen[e.version] = true
			continue
		}
		err = errors.Join(err, os.Remove(e.path))
		m.log.Info("older copy of the database removed", "file", e.path)
	}
	return kept, err
}
