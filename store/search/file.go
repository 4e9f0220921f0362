package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/sessiond/sessiond/store"
)

// format is the version of what is below: an index of another one is made anew.
const format = 2

// Losing the last transactions to a power cut does no harm, they are made again: so
// nothing is synced but by checkpoints. What is deleted is overwritten, where that costs
// no writing of its own; tidy gives the rest back to the disk.
const (
	writerParams = "mode=rw&_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=10000&_txlock=immediate&_auto_vacuum=incremental&_secure_delete=fast"
	readerParams = "mode=ro&_query_only=true&_busy_timeout=10000"
	maxReaders   = 4
	// readersStay is for how long connections that nobody uses keep their memory.
	readersStay = 10 * time.Second
)

// Of each shard there is a table text_N too. Its rowid is the seq of an event, and
// it keeps no text, only which words are where.
const schema = `
CREATE TABLE state (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE shards (
    n         INTEGER PRIMARY KEY,
    added     INTEGER NOT NULL, -- events that were ever in it
    living    INTEGER NOT NULL, -- that still are
    bytes     INTEGER NOT NULL, -- that their words had
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    min_time  INTEGER NOT NULL,
    max_time  INTEGER NOT NULL,
    untidy    INTEGER NOT NULL  -- it is to be packed: it is full, or something has left it
) STRICT;

CREATE TABLE shard_sessions (
    shard   INTEGER NOT NULL,
    session INTEGER NOT NULL,
    PRIMARY KEY (shard, session)
) STRICT, WITHOUT ROWID;

CREATE INDEX shards_by_session ON shard_sessions (session);

CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    tool    TEXT
) STRICT;

-- Calls of tools whose result has not come.
CREATE TABLE calls (
    session INTEGER NOT NULL,
    tool_id TEXT NOT NULL,
    tool    TEXT NOT NULL,
    PRIMARY KEY (session, tool_id)
) STRICT, WITHOUT ROWID;
`

// textTable is the name of a shard's words.
func textTable(shard int64) string { return fmt.Sprintf("text_%d", shard) }

// file is an open index.
type file struct {
	path    string
	info    os.FileInfo // which file that is
	writer  *sql.DB     // one connection
	readers *sql.DB
	fresh   bool // it was made now
	indexed atomic.Int64
	shard   shard // the newest one; the follower's
	tidied  bool  // nothing was written since tidy found nothing to do; the follower's
}

// shard is what is known of one.
type shard struct {
	n, added, living, bytes, first, last, minTime, maxTime int64
}

// errStale says that an index was not made of this log.
var errStale = errors.New("it was made by another version, or of another log, or of one that goes on differently since a backup was put back")

// openFile opens the index in dir, and makes one where there is none. errStale, or
// what damage calls damage, is the error of one that is of no use.
func openFile(ctx context.Context, dir string, log *store.Store) (f *file, err error) {
	// The state directory itself is not made: where it was moved, it is to come back.
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil { // #nosec G302 -- it is a directory; whatever the umask
		return nil, err
	}
	f = &file{path: filepath.Join(dir, "index.db")}
	defer func() {
		if err != nil {
			err = errors.Join(fault(err), f.close())
		}
	}()
	made, err := os.OpenFile(f.path, os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = errors.Join(made.Chmod(0o600), made.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if f.info, err = os.Stat(f.path); err != nil {
		return f, err
	}
	if f.writer, err = openDB(f.path, writerParams, 1); err != nil {
		return f, err
	}
	if f.readers, err = openDB(f.path, readerParams, maxReaders); err != nil {
		return f, err
	}
	f.readers.SetConnMaxIdleTime(readersStay)
	return f, f.load(ctx, log)
}

func openDB(path, params string, connections int) (*sql.DB, error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path}
	db, err := sql.Open("sqlite3", u.String()+"?"+params)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// load reads how far the index is, and makes the tables in a new one.
func (f *file) load(ctx context.Context, log *store.Store) error {
	var version, tables int64
	err := f.writer.QueryRowContext(ctx, "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version").Scan(&version, &tables)
	if err != nil {
		return err
	}
	if f.fresh = tables == 0; f.fresh {
		return f.transact(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d; INSERT INTO state VALUES ('database_id', %d), ('indexed_seq', 0)",
				format, log.ID()))
			return err
		})
	}
	if version != format {
		return errStale
	}
	var id, indexed int64
	err = f.writer.QueryRowContext(ctx, `SELECT (SELECT value FROM state WHERE name = 'database_id'),
		(SELECT value FROM state WHERE name = 'indexed_seq')`).Scan(&id, &indexed)
	if err != nil {
		return err
	}
	if id != log.ID() || indexed > log.Head() || log.Void(indexed) {
		return errStale
	}
	f.indexed.Store(indexed)
	s := &f.shard
	err = f.writer.QueryRowContext(ctx, "SELECT n, added, living, bytes, first_seq, last_seq, min_time, max_time FROM shards ORDER BY n DESC LIMIT 1").
		Scan(&s.n, &s.added, &s.living, &s.bytes, &s.first, &s.last, &s.minTime, &s.maxTime)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return err
}

// transact runs fn in a transaction of the writer's.
func (f *file) transact(ctx context.Context, fn func(*sql.Tx) error) error {
	f.tidied = false
	tx, err := f.writer.BeginTx(ctx, nil)
	if err != nil {
		return fault(err)
	}
	if err := fn(tx); err != nil {
		return fault(errors.Join(err, tx.Rollback()))
	}
	return fault(tx.Commit())
}

// moved reports whether the file is not where it was: somebody has removed it.
func (f *file) moved() bool {
	info, err := os.Stat(f.path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, f.info)
}

func (f *file) close() error {
	var errs []error
	for _, db := range []*sql.DB{f.readers, f.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Discard removes the index of a state directory, which may be in use: a daemon that
// follows the log makes it anew.
func Discard(stateDir string) error {
	gone, err := os.MkdirTemp(stateDir, removed)
	if err != nil {
		return err
	}
	err = os.Rename(Dir(stateDir), filepath.Join(gone, "search")) // at once: nobody sees a part of it
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(gone))
}

// removed begins the names of what is about to go.
const removed = "search-removed-"

// sweep removes what a Discard has left that was killed.
func sweep(stateDir string) error {
	left, err := filepath.Glob(filepath.Join(stateDir, removed+"*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// Inspection is what a look at an index from outside tells.
type Inspection struct {
	IndexedSeq int64
	Bytes      int64
}

// Inspect looks at the index of a state directory, which may be in use, and changes
// nothing. An error wraps fs.ErrNotExist where there is none, or none yet.
func Inspect(ctx context.Context, stateDir string) (i Inspection, err error) {
	path := filepath.Join(Dir(stateDir), "index.db")
	info, err := os.Stat(path)
	if err != nil {
		return i, err
	}
	i.Bytes = info.Size()
	db, err := openDB(path, readerParams, 1)
	if err != nil {
		return i, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var sound string
	var tables int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables)
	if err == nil && tables == 0 { // it is just being made
		return i, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	if err == nil {
		err = db.QueryRowContext(ctx, "SELECT value FROM state WHERE name = 'indexed_seq'").Scan(&i.IndexedSeq)
	}
	if err == nil {
		err = db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&sound)
	}
	if err == nil && sound != "ok" {
		err = fmt.Errorf("%w: %s", store.ErrCorrupt, sound)
	}
	return i, store.Fault(err)
}

// indexError is an error of the index itself, not of the log.
type indexError struct{ err error }

func (e *indexError) Error() string { return e.err.Error() }
func (e *indexError) Unwrap() error { return e.err }

// fault marks an error of the index, and says what it is about.
func fault(err error) error {
	if err == nil {
		return nil
	}
	return &indexError{store.Fault(err)}
}

// damage reports whether an error says that the index is of no use. An error of
// SQLite's that is not about the disk is one: what is asked of it is always the same.
func damage(err error) bool {
	var own *indexError
	if !errors.As(err, &own) || errors.Is(err, context.Canceled) {
		return false
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return false
	}
	for _, kind := range []error{store.ErrFull, store.ErrReadOnly, store.ErrIO, store.ErrBusy} {
		if errors.Is(err, kind) {
			return false
		}
	}
	return true
}
