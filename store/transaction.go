package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
)

const (
	// busyPatience is for how long a transaction waits for another program's.
	busyPatience = 10 * time.Second
	// busyTold is when that begins to be a problem.
	busyTold = time.Second
	// probeEvery is how often a commit is tried while the last one has failed.
	probeEvery = time.Second
)

// It changes a value: SQLite writes nothing for one that stays.
const probeSQL = `INSERT INTO meta (name, value) VALUES ('probes', 1) ON CONFLICT DO UPDATE SET value = value + 1`

// write commits the group and releases its committers. Where one batch may be
// why the group fails, they are tried one by one, so that it fails alone.
func (w *writer) write() {
	if w.commit(w.group) {
		for i := range w.group {
			w.commit(w.group[i : i+1])
		}
	}
	for i, r := range w.group {
		if r.err != nil {
			r.reset()
		}
		r.done <- r.err
		w.group[i] = nil
	}
}

// commit commits a group and tells of it, or gives each batch the error. It
// reports whether it failed for what may be the fault of one batch among others.
func (w *writer) commit(group []*request) (divisible bool) {
	err := w.transact(func() error { return w.applyGroup(group) })
	size := 0
	for _, r := range group {
		size += r.batch.rows() + r.batch.bytes()
	}
	if err == nil {
		w.trouble.committed(size)
		crashpoint.Reach(crashpoint.IngestCommitted)
		w.announce(group)
		crashpoint.Reach(crashpoint.IngestAnnounced)
		return false
	}
	failed := func(r *request) bool { return r.err != nil }
	if len(group) > 1 && (errors.Is(err, ErrFull) || slices.ContainsFunc(group, failed)) {
		return true
	}
	for _, r := range group {
		r.err = err
	}
	w.trouble.commitFailed(err, size)
	if errors.Is(err, ErrIO) {
		// The group's frames may stand in the write-ahead log, whole but for their
		// sync: if the process died now they would count. Others in their place void them.
		_ = w.probe()
	}
	return false
}

// probe commits something small, to see whether that is possible.
func (w *writer) probe() error {
	err := w.transact(func() error {
		_, err := w.stmts.probe.exec()
		return err
	})
	if err != nil {
		w.trouble.commitFailed(err, 0)
		return err
	}
	w.trouble.committed(0)
	w.touch()
	return nil
}

// transact runs fn in a transaction. After an error nothing of it is left, and
// the connection can be used again. That holds after a sync that failed, too:
// SQLite relies on nothing that was not synced, and writes all of it anew.
func (w *writer) transact(fn func() error) error {
	if err := w.begin(); err != nil {
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

// begin begins a transaction, and waits for one of another program's if there
// is one, but not when the store is being closed, and not for long when that was
// waited for already: those that wait behind this one would add it all up.
func (w *writer) begin() error {
	patience := w.patience
	if w.trouble.writing() {
		patience = min(patience, busyTold)
	}
	for since := time.Now(); ; {
		_, err := w.stmts.begin.exec()
		if err == nil {
			return nil
		}
		w.rollback() // in case that the one before could not be undone
		waited := time.Since(since)
		if !errors.Is(err, ErrBusy) || waited > patience || w.store.hurry.Err() != nil {
			return err
		}
		if waited > busyTold {
			w.trouble.commitFailed(err, 0)
		}
	}
}

// rollback undoes what is under way. It fails if SQLite has done so by itself.
func (w *writer) rollback() { _, _ = w.stmts.rollback.exec() }

// applyGroup applies the batches, each in a savepoint, so that a bad one fails
// alone. An error means that the transaction itself is broken.
func (w *writer) applyGroup(group []*request) error {
	for _, r := range group {
		if _, err := w.stmts.savepoint.exec(); err != nil {
			return err
		}
		r.reset()
		if r.err = w.apply(r.batch); r.err != nil {
			if _, err := w.stmts.undo.exec(); err != nil {
				return errors.Join(r.err, err)
			}
		}
		w.trouble.touched(r.batch, r.err)
		if _, err := w.stmts.release.exec(); err != nil {
			return errors.Join(r.err, err)
		}
	}
	return nil
}

// announce moves the head and publishes what was committed.
func (w *writer) announce(group []*request) {
	w.published = w.published[:0]
	for _, r := range group {
		if r.err != nil {
			continue
		}
		w.published = append(w.published, r.batch.Events...)
		if r.batch.Delete != 0 {
			w.purges = append(w.purges, r.batch.Delete)
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
