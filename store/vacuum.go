package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

const (
	// vacuumPages is how many free pages go at once.
	vacuumPages = 64
	pageSize    = 4096 // SQLite's, of a database that is made here

	rewriting = "the database is rewritten once, so that it can become smaller from now on"
)

// vacuum is somebody who waits for free pages to go.
type vacuum struct {
	ctx   context.Context
	freed atomic.Int64
	done  chan error // buffered: the writer never waits, and nobody else may
}

// Vacuum gives the pages that are free back to the disk, once the events of
// deleted sessions are removed. The writer does so in small steps between its
// commits; Vacuum waits for the last of them, for ctx, or for Hurry and Close
// (ErrClosed), and returns by how many bytes the database has become smaller by
// then. The file follows with the next checkpoint.
// A database that was made before this was possible is rewritten as a whole, once:
// commits wait as long, and there must be room for a second one. That, too, is
// given up when ctx ends or the store is in a hurry, and begun anew another time.
func (s *Store) Vacuum(ctx context.Context) (freed int64, err error) {
	v := &vacuum{ctx: ctx, done: make(chan error, 1)}
	if s.hurry.Err() == nil {
		select {
		case s.writer.jobs <- func() { s.writer.vacuuming = append(s.writer.vacuuming, v) }:
			err = v.wait(s.hurry)
		case <-s.hurry.Done():
			err = ErrClosed
		case <-ctx.Done():
			err = ctx.Err()
		}
	} else {
		err = ErrClosed
	}
	if err != nil {
		return v.freed.Load(), fmt.Errorf("vacuum: %w", err)
	}
	return v.freed.Load(), nil
}

// wait waits for the writer, as long as there is time for it.
func (v *vacuum) wait(hurry context.Context) error {
	select {
	case err := <-v.done:
		return err
	case <-v.ctx.Done():
		return v.ctx.Err()
	case <-hurry.Done():
		return ErrClosed
	}
}

// shrink gives some free pages back, for whoever has waited longest. It ends
// with the last of them, or with an error.
func (w *writer) shrink() {
	v, pages := w.vacuuming[0], 0
	err := v.ctx.Err()
	if err == nil {
		if pages, err = w.rewrite(v.ctx); err == nil && pages == 0 {
			err = w.transact(func() (err error) {
				pages, err = w.stmts.vacuum.drain()
				return err
			})
		}
	}
	if err == nil && pages > 0 {
		v.freed.Add(int64(pages) * pageSize)
		w.touch()
		return
	}
	v.done <- err
	w.vacuuming = w.vacuuming[1:]
}

// rewrite makes a database of which free pages can be given back of one of which
// they cannot, and returns how many pages it has lost; 0 where it need not.
func (w *writer) rewrite(ctx context.Context) (pages int, err error) {
	if mode, err := w.conn.number("PRAGMA auto_vacuum"); err != nil || mode != 0 {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.store.hurry, cancel)()
	w.logger.Info(rewriting)
	before, err := w.conn.number("PRAGMA page_count")
	if err != nil {
		return 0, err
	}
	for _, query := range []string{
		"PRAGMA temp_store = FILE", // for the copy that is made meanwhile
		"PRAGMA auto_vacuum = INCREMENTAL",
		"VACUUM",
	} {
		if err = w.conn.runUntil(ctx, query); err != nil {
			break
		}
	}
	err = errors.Join(err, w.conn.run("PRAGMA temp_store = MEMORY"))
	after, countErr := w.conn.number("PRAGMA page_count")
	return int(before - after), errors.Join(err, countErr)
}
