package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// A transaction ends with the batch that reaches one of these. Fewer and larger
// ones write less to disk: each has pages of its own to write beside the events.
const (
	groupRows  = 1024
	groupBytes = 4 << 20
)

// request is a batch that waits for the writer.
type request struct {
	batch   *Batch
	unnamed []*Event   // the batch's events that came without their session's number
	done    chan error // buffered: the writer never waits
	err     error
}

// reset takes back the numbers that were filled in: they may be others next time.
func (r *request) reset() {
	for _, e := range r.unnamed {
		e.SessionN = 0
	}
}

// writer owns the writing connection. All fields but the channels are its
// goroutine's alone.
type writer struct {
	store   *Store
	trouble *trouble
	conn    *conn
	stmts   statements
	publish func([]Event)
	logger  *slog.Logger

	// queue is not buffered: callers wait at it, in their order, so it is as
	// long as there are callers, and what was not taken can still be withdrawn.
	queue   chan *request
	jobs    chan func()   // what else its goroutine is asked to do
	wrote   chan struct{} // a token for the checkpointer: something was committed
	started bool
	ended   chan struct{}

	rare      map[string]*stmt // prepared when they are needed first
	group     []*request
	published []Event
	purges    []int64          // deleted sessions whose events are still in the file
	vacuuming []*vacuum        // who waits for free pages to go
	patience  time.Duration    // for how long a transaction waits for another program's
	choreNext <-chan time.Time // when to do a chore; nil: there is none
	pause     time.Time        // no chore before, for the last one failed
}

// statements are the writer's, prepared once.
type statements struct {
	begin, commit, rollback, savepoint, release, undo         *stmt
	insertEvent, insertEvents, sessionExists                  *stmt
	insertSession, insertLaunch, insertDocument, insertTag    *stmt
	updateSession, updateOffset, updateActivity               *stmt
	updateDocument, putEngine                                 *stmt
	deleteTags, putMessage, putApproval                       *stmt
	insertDeletion, deleteSession, purgeEvents, closeDeletion *stmt
	putTranscript                                             *stmt
	vacuum, probe                                             *stmt
}

// newWriter opens the connection and prepares the statements; run does the rest.
func newWriter(path string, s *Store, o Options) (_ *writer, err error) {
	c, err := openConn(path, writerParams)
	if err != nil {
		return nil, err
	}
	w := &writer{store: s, trouble: s.trouble, conn: c, publish: o.Published, logger: o.Logger, patience: cmp.Or(o.patience, busyPatience), rare: map[string]*stmt{},
		queue: make(chan *request), jobs: make(chan func()), wrote: make(chan struct{}, 1), ended: make(chan struct{})}
	for _, pragma := range []string{
		"PRAGMA wal_autocheckpoint = 0", // the checkpointer does this, off the writer's path
		"PRAGMA temp_store = MEMORY",    // what undoes a savepoint needs no room in the directory for temporary files
		"PRAGMA busy_timeout = 100",     // a step of the writer's patience, so that it can be in a hurry
	} {
		if err := c.run(pragma); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	for target, query := range w.queries() {
		if target == &w.stmts.putTranscript {
			continue // it is prepared when it is needed, which is seldom
		}
		if *target, err = c.prepare(query); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	return w, nil
}

// queries says what each statement is.
func (w *writer) queries() map[**stmt]string {
	s := &w.stmts
	return map[**stmt]string{
		&s.begin: "BEGIN IMMEDIATE", &s.commit: "COMMIT", &s.rollback: "ROLLBACK",
		&s.savepoint: "SAVEPOINT batch", &s.release: "RELEASE batch", &s.undo: "ROLLBACK TO batch",
		&s.insertEvent: insertEventSQL(1), &s.insertEvents: insertEventSQL(eventsAtOnce), &s.sessionExists: sessionExistsSQL,
		&s.insertSession: insertSessionSQL, &s.insertLaunch: insertLaunchSQL,
		&s.insertDocument: insertDocumentSQL, &s.insertTag: insertTagSQL,
		&s.updateSession: updateSessionSQL, &s.updateOffset: updateOffsetSQL, &s.updateActivity: updateActivitySQL,
		&s.updateDocument: updateDocumentSQL, &s.putEngine: putEngineSQL, &s.deleteTags: deleteTagsSQL,
		&s.putMessage: putMessageSQL, &s.putApproval: putApprovalSQL,
		&s.insertDeletion: insertDeletionSQL, &s.deleteSession: deleteSessionSQL,
		&s.vacuum: fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages), &s.probe: probeSQL,
		&s.putTranscript: putTranscriptSQL,
		&s.purgeEvents:   purgeEventsSQL, &s.closeDeletion: closeDeletionSQL,
	}
}

// close waits for the goroutine and closes the connection.
func (w *writer) close() error {
	if w.started {
		<-w.ended
	}
	var errs []error
	for target := range w.queries() {
		if *target != nil {
			errs = append(errs, (*target).close())
		}
	}
	for _, s := range w.rare {
		errs = append(errs, s.close())
	}
	return errors.Join(append(errs, w.conn.close())...)
}

// rarely executes a query that is not one of every batch, and returns how many rows
// it changed.
func (w *writer) rarely(query string, values ...driver.Value) (int64, error) {
	s := w.rare[query]
	if s == nil {
		var err error
		if s, err = w.conn.prepare(query); err != nil {
			return 0, err
		}
		w.rare[query] = s
	}
	return s.change(values...)
}

// run is the writer's goroutine: it ends when the store closes. What it has
// taken from the queue by then has been written.
func (w *writer) run() {
	defer close(w.ended)
	defer func() {
		for _, v := range w.vacuuming {
			v.done <- ErrClosed
		}
	}()
	w.plan(nil)
	for {
		select {
		case r := <-w.queue:
			w.collect(r)
			w.write()
			w.plan(nil)
		case job := <-w.jobs:
			job()
			w.plan(nil)
		case <-w.choreNext:
			w.chore()
		case <-w.store.closing:
			return
		}
	}
}

// rest calls fn while the writer's goroutine does nothing else; not once the store
// is being closed.
func (w *writer) rest(fn func()) {
	done := make(chan struct{})
	select {
	case w.jobs <- func() { defer close(done); fn() }:
		<-done
	case <-w.store.closing:
	}
}

// collect makes a group of first and what is waiting behind it, without waiting itself.
func (w *writer) collect(first *request) {
	w.group = append(w.group[:0], first)
	rows, bytes := first.batch.rows(), first.batch.bytes()
	for rows < groupRows && bytes < groupBytes {
		select {
		case r := <-w.queue:
			w.group = append(w.group, r)
			rows += r.batch.rows()
			bytes += r.batch.bytes()
		default:
			return
		}
	}
}

// touch tells the checkpointer that something was committed.
func (w *writer) touch() {
	select {
	case w.wrote <- struct{}{}:
	default: // a token is there already
	}
}

// affected makes "changed nothing" the error none.
func affected(n int64, err, none error) error {
	if err == nil && n == 0 {
		return none
	}
	return err
}
