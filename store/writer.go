package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
)

// A transaction ends with the batch that reaches one of these. Fewer and larger
// ones write less to disk: each has pages of its own to write beside the events.
const (
	groupRows  = 1024
	groupBytes = 4 << 20
)

// request is a batch that waits for the writer.
type request struct {
	batch *Batch
	done  chan error // buffered: the writer never waits
	err   error
}

// writer owns the writing connection. All fields but the channels are its
// goroutine's alone.
type writer struct {
	store   *Store
	conn    *conn
	stmts   statements
	publish func([]Event)
	logger  *slog.Logger

	// queue is not buffered: callers wait at it, in their order, so it is as
	// long as there are callers, and what was not taken can still be withdrawn.
	queue   chan *request
	wrote   chan struct{} // a token for the checkpointer: something was committed
	started bool
	ended   chan struct{}

	group     []*request
	published []Event
	purges    []int64          // deleted sessions whose events are still in the file
	purgeNext <-chan time.Time // when to remove some of them; nil: nothing to do
}

// statements are the writer's, prepared once.
type statements struct {
	begin, commit, rollback, savepoint, release, undo         *stmt
	insertEvent, insertEvents, sessionExists                  *stmt
	insertSession, insertLaunch, insertDocument, insertTag    *stmt
	updateSession, updateHot, updateDocument, putEngine       *stmt
	deleteTags, putMessage, putApproval                       *stmt
	insertDeletion, deleteSession, purgeEvents, closeDeletion *stmt
	spend                                                     *stmt
}

// newWriter opens the connection and prepares the statements; run does the rest.
func newWriter(path string, s *Store, o Options) (_ *writer, err error) {
	c, err := openConn(path, writerParams)
	if err != nil {
		return nil, err
	}
	w := &writer{store: s, conn: c, publish: o.Published, logger: o.Logger,
		queue: make(chan *request), wrote: make(chan struct{}, 1), ended: make(chan struct{})}
	// The checkpointer does this, off the writer's path.
	if err := c.run("PRAGMA wal_autocheckpoint = 0"); err != nil {
		return nil, errors.Join(err, w.close())
	}
	for target, query := range w.queries() {
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
		&s.updateSession: updateSessionSQL, &s.updateHot: updateHotSQL,
		&s.updateDocument: updateDocumentSQL, &s.putEngine: putEngineSQL, &s.deleteTags: deleteTagsSQL,
		&s.putMessage: putMessageSQL, &s.putApproval: putApprovalSQL,
		&s.insertDeletion: insertDeletionSQL, &s.deleteSession: deleteSessionSQL,
		&s.spend: spendSQL, &s.purgeEvents: purgeEventsSQL, &s.closeDeletion: closeDeletionSQL,
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
	return errors.Join(append(errs, w.conn.close())...)
}

// run is the writer's goroutine: it ends when the store closes. What it has
// taken from the queue by then has been written.
func (w *writer) run() {
	defer close(w.ended)
	if len(w.purges) > 0 {
		w.purgeNext = time.After(0)
	}
	for {
		select {
		case r := <-w.queue:
			w.collect(r)
			w.write()
		case <-w.purgeNext:
			w.purge()
		case <-w.store.closing:
			return
		}
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

// write commits the group, tells of it, and releases its committers.
func (w *writer) write() {
	if err := w.transact(w.applyGroup); err != nil {
		for _, r := range w.group {
			r.err = err
		}
	} else {
		crashpoint.Reach(crashpoint.IngestCommitted)
		w.announce()
		crashpoint.Reach(crashpoint.IngestAnnounced)
	}
	for i, r := range w.group {
		r.done <- r.err
		w.group[i] = nil
	}
}

// transact runs fn in a transaction. After an error nothing of it is left, and
// the connection can be used again.
func (w *writer) transact(fn func() error) error {
	if _, err := w.stmts.begin.exec(); err != nil {
		w.rollback() // in case that the one before could not be undone
		return fmt.Errorf("begin: %w", err)
	}
	crashpoint.Reach(crashpoint.IngestBegun)
	if err := fn(); err != nil {
		w.rollback()
		return err
	}
	crashpoint.Reach(crashpoint.IngestApplied)
	if _, err := w.stmts.commit.exec(); err != nil {
		w.rollback()
		return fmt.Errorf("write to disk: %w", err)
	}
	return nil
}

// rollback undoes what is under way. It fails if SQLite has done so by itself.
func (w *writer) rollback() { _, _ = w.stmts.rollback.exec() }

// applyGroup applies the batches, each in a savepoint, so that a bad one fails
// alone. An error means that the transaction itself is broken.
func (w *writer) applyGroup() error {
	for _, r := range w.group {
		if _, err := w.stmts.savepoint.exec(); err != nil {
			return errors.Join(err, r.err)
		}
		if r.err = w.apply(r.batch); r.err != nil {
			if _, err := w.stmts.undo.exec(); err != nil {
				return errors.Join(r.err, err)
			}
		}
		if _, err := w.stmts.release.exec(); err != nil {
			return errors.Join(r.err, err)
		}
	}
	return nil
}

// announce moves the head and publishes what was committed.
func (w *writer) announce() {
	w.published = w.published[:0]
	for _, r := range w.group {
		if r.err != nil {
			continue
		}
		w.published = append(w.published, r.batch.Events...)
		if r.batch.Delete != 0 {
			w.purges = append(w.purges, r.batch.Delete)
			w.purgeNext = time.After(0)
		}
	}
	w.touch()
	if len(w.published) == 0 {
		return
	}
	w.store.head.Store(w.published[len(w.published)-1].Seq)
	if w.publish != nil {
		w.publish(w.published)
	}
	clear(w.published) // keeps no bytes alive
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
