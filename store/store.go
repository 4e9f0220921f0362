package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxReaders bounds the connections that read at the same time.
const maxReaders = 8

// Options are what a store is opened with.
type Options struct {
	// Logger hears of what goes wrong behind the scenes; nil: nobody does.
	Logger *slog.Logger
	// Published is called by the writer after each commit, before the committers
	// are released, with the events in the order of seq. The slice is valid
	// during the call only, what its events point to stays. It must not block.
	Published func([]Event)

	// For tests.
	walPages     int64         // in the place of checkpointPages
	patience     time.Duration // in the place of busyPatience
	lasting      time.Duration // in the place of lasting
	migrations   fs.FS         // in the place of those that are built in
	beforeCommit func()        // called when a migration is about to commit
}

// Store is an open database. Its methods may be called by many at once.
type Store struct {
	db      *sql.DB // the readers
	writer  *writer
	keeper  *checkpointer
	indexer *indexer
	head    atomic.Int64
	oldest  int64
	id      int64
	void    []voidRange
	trouble *trouble
	freed   freed
	life    context.Context // ends when Close begins
	end     context.CancelFunc
	hurry   context.Context // ends with Hurry, or with life: nothing is waited for, no chore is begun
	rush    context.CancelFunc
	closing <-chan struct{} // of life

	mu      sync.Mutex
	closed  bool
	reading sync.WaitGroup // readings under way; none begins once closed
}

// Open opens the database at path, and starts the writer. It creates the file
// (0600) where there is none, and migrates an older one forward, behind a copy
// beside it (PATH.before-vN-TIME, 0600, checked; the newest of each of the last
// three versions is kept). A database of a newer program is left as it is:
// *NewerSchemaError; so is one that is damaged: ErrCorrupt. Nobody else may have
// it open: the caller sees to that.
func Open(ctx context.Context, path string, o Options) (_ *Store, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	defer func() {
		if err = fault(err); faultOf(err) != nil {
			err = fmt.Errorf("open the database %s: %w; %s", path, err, nextStep(err))
		} else if err != nil {
			err = fmt.Errorf("open the database: %w", err)
		}
	}()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := prepare(ctx, path, o); err != nil {
		return nil, err
	}
	s := &Store{trouble: &trouble{path: path, logger: o.Logger, lasts: cmp.Or(o.lasting, lasting)}}
	s.life, s.end = context.WithCancel(context.Background())
	s.closing = s.life.Done()
	s.hurry, s.rush = context.WithCancel(s.life)
	if err := s.start(ctx, path, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// start opens the connections, reads where the log ends, and starts the goroutines.
func (s *Store) start(ctx context.Context, path string, o Options) error {
	w, err := newWriter(path, s, o)
	if err != nil {
		return err
	}
	s.writer = w
	if s.db, err = openReaders(path); err != nil {
		return err
	}
	if err := s.readExtent(ctx); err != nil {
		return err
	}
	if w.purges, err = s.openDeletions(ctx); err != nil {
		return err
	}
	k, err := newCheckpointer(s, o)
	if err != nil {
		return err
	}
	s.keeper, s.indexer = k, newIndexer(s, o)
	go w.run()
	go k.run()
	go s.indexer.run()
	w.started, k.started = true, true
	return nil
}

// readExtent learns which part of the log there is.
func (s *Store) readExtent(ctx context.Context) error {
	if err := s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'oldest_seq'").Scan(&s.oldest); err != nil {
		return err
	}
	if err := s.db.QueryRowContext(ctx, "SELECT coalesce((SELECT value FROM meta WHERE name = 'database_id'), 0)").Scan(&s.id); err != nil {
		return err
	}
	void, head, err := readExtent(ctx, s.db)
	s.void = void
	s.head.Store(head)
	return err
}

// Close waits for writes that were accepted and readings that have begun, and
// closes the database. Whatever is called afterwards returns ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.closed = true
	s.end()
	s.mu.Unlock()
	s.reading.Wait()
	var errs []error
	if s.indexer != nil {
		<-s.indexer.ended
	}
	if s.keeper != nil {
		errs = append(errs, s.keeper.close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.writer != nil { // last: the last connection folds the write-ahead log in
		errs = append(errs, s.writer.close())
	}
	return errors.Join(errs...)
}

// begin marks the begin of a reading; every one that may begin calls s.reading.Done.
func (s *Store) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.reading.Add(1)
	return nil
}

// Hurry says that the daemon is about to stop: from now on a write fails with
// ErrBusy at once while another program keeps the database for itself, Vacuum
// with ErrClosed, and what remains of deleted sessions stays for the next start.
func (s *Store) Hurry() { s.rush() }

// Head returns the newest seq that is on disk, 0 in an empty log.
func (s *Store) Head() int64 { return s.head.Load() }

// OldestSeq returns the seq from which on the log is whole.
func (s *Store) OldestSeq() int64 { return s.oldest }

// querier is what readings need: the pool, or a transaction of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// each calls scan for every row of a query, which closes it in any case. It ends
// early when scan returns false.
func each(ctx context.Context, q querier, query string, args []any, scan func(*sql.Rows) (more bool, err error)) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return fault(err)
	}
	defer func() { err = fault(errors.Join(err, rows.Close())) }()
	for rows.Next() {
		if more, err := scan(rows); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// found turns the error of "no rows" into ErrNotFound.
func found(err error, what string, key any) error {
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("read %s %v: %w", what, key, fault(err))
	}
	return nil
}

// oneOf renders "column IN (?, …)" for a list that is not empty.
func oneOf[T ~string](column string, values []T, args []any) (string, []any) {
	for _, v := range values {
		args = append(args, string(v))
	}
	return column + " IN (?" + strings.Repeat(", ?", len(values)-1) + ")", args
}

// encode renders a document, without the escaping that is meant for HTML.
func encode(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// nullable is nil for the empty string: NULL in the database.
func nullable[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}
