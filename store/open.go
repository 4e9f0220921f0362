package store

import (
	"database/sql"
	"net/url"
	"time"

	"github.com/mattn/go-sqlite3"
)

// Pragmas live in the DSN, so that every connection of a pool has them.
const (
	writerParams = "mode=rw&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=true&_busy_timeout=1000&_txlock=immediate&_mutex=no"
	// Free pages can be given back to the disk; that is decided once, with the first table.
	createParams = writerParams + "&_auto_vacuum=incremental"
	// A checkpoint that waits for a slow reader holds the writer up: not long.
	checkpointParams = "mode=rw&_journal_mode=WAL&_synchronous=FULL&_busy_timeout=250"
	// A search for text reads some pages of the index for every 256 sessions, and those
	// of the sessions that it finds: of 100,000 four megabytes would not hold them.
	readerParams = "mode=ro&_query_only=true&_busy_timeout=10000&_stmt_cache_size=64&_mutex=no&_cache_size=-8000"
)

// dsn makes a data source name of a path, which may hold any character.
func dsn(path, params string) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path}
	return u.String() + "?" + params
}

// readerRest is when a connection that nobody has used goes, and its cache with it.
const readerRest = time.Minute

// openReaders opens the pool of connections for readings.
func openReaders(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", dsn(path, readerParams))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxReaders)
	db.SetMaxIdleConns(maxReaders)
	db.SetConnMaxIdleTime(readerRest)
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
