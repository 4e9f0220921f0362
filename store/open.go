package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// NewerSchemaError says that the database was written by a newer sessiond.
type NewerSchemaError struct {
	Path  string
	Found int64 // the schema version of the database
	Known int64 // the newest that this program knows
}

// Error names both versions and the way out.
func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("the database %s has schema version %d, this sessiond knows only %d: use the newer sessiond that wrote it",
		e.Path, e.Found, e.Known)
}

// Pragmas live in the DSN, so that every connection of a pool has them.
const (
	writerParams = "mode=rw&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=true&_busy_timeout=1000&_txlock=immediate"
	// Free pages can be given back to the disk; that is decided once, with the first table.
	migrateParams = writerParams + "&_auto_vacuum=incremental"
	// A checkpoint that waits for a slow reader holds the writer up: not long.
	checkpointParams = "mode=rw&_journal_mode=WAL&_synchronous=FULL&_busy_timeout=250"
	readerParams     = "mode=ro&_query_only=true&_busy_timeout=10000&_stmt_cache_size=64"
)

// dsn makes a data source name of a path, which may hold any character.
func dsn(path, params string) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path}
	return u.String() + "?" + params
}

// createPrivate makes the database file, or finds it, and sees to it that only
// its owner can read it, whatever the umask is. SQLite gives the files beside
// it the same mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		if err = os.Chmod(path, 0o600); err == nil {
			f, err = os.OpenFile(path, os.O_RDWR, 0o600)
		}
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// migrate brings the schema to the newest version that this program knows, each
// step in a transaction, and refuses a database that is ahead of it.
func migrate(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite3", dsn(path, migrateParams))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, steps,
		goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	found, known, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if found > known {
		return &NewerSchemaError{Path: path, Found: found, Known: known}
	}
	_, err = provider.Up(ctx)
	return err
}

// openReaders opens the pool of connections for readings.
func openReaders(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", dsn(path, readerParams))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxReaders)
	db.SetMaxIdleConns(maxReaders)
	return db, nil
}

// openConn opens one connection beside any pool.
func openConn(path, params string) (*conn, error) {
	c, err := new(sqlite3.SQLiteDriver).Open(dsn(path, params))
	if err != nil {
		return nil, err
	}
	return &conn{driver: c}, nil
}
