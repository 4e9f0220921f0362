package store

import (
	"context"
	"errors"
	"fmt"
)

const (
	// vacuumPages is how many free pages go at once.
	vacuumPages = 64
	pageSize    = 4096 // SQLite's, of a database that is made here
)

// vacuum is somebody who waits for free pages to go.
type vacuum struct {
	ctx   context.Context
	freed int64
	done  chan error // buffered: the writer never waits
}

// Vacuum gives the pages that are free back to the disk, once the events of
// deleted sessions are removed. The writer does so in small steps between its
// commits; Vacuum waits for the last of them, or for ctx, and returns by how many
// bytes the database became smaller. The file follows with the next checkpoint.
// A database that was made before this was possible is rewritten as a whole, once:
// commits wait as long, and there must be room for a second one.
func (s *Store) Vacuum(ctx context.Context) (freed int64, err error) {
	v := &vacuum{ctx: ctx, done: make(chan error, 1)}
	select {
	case <-s.closing:
		return 0, fmt.Errorf("vacuum: %w", ErrClosed)
	default:
	}
	select {
	case s.writer.jobs <- func() { s.writer.vacuuming = append(s.writer.vacuuming, v) }:
	case <-s.closing:
		return 0, fmt.Errorf("vacuum: %w", ErrClosed)
	case <-ctx.Done():
		return 0, fmt.Errorf("vacuum: %w", ctx.Err())
	}
	if err := <-v.done; err != nil {
		return v.freed, fmt.Errorf("vacuum: %w", err)
	}
	return v.freed, nil
}

// shrink gives some free pages back, for whoever has waited longest. It ends
// with the last of them, or with an error.
func (w *writer) shrink() {
	v, pages := w.vacuuming[0], 0
	err := v.ctx.Err()
	if err == nil {
		if pages, err = w.rewrite(); err == nil && pages == 0 {
			err = w.transact(func() (err error) {
				pages, err = w.stmts.vacuum.drain()
				return err
			})
		}
	}
	if err == nil && pages > 0 {
		v.freed += int64(pages) * pageSize
		w.touch()
		return
	}
	v.done <- err
	w.vacuuming = w.vacuuming[1:]
}

// rewrite makes a database of which free pages can be given back of one of which
// they cannot, and returns how many pages it has lost; 0 where it need not.
func (w *writer) rewrite() (pages int, err error) {
	if mode, err := w.conn.number("PRAGMA auto_vacuum"); err != nil || mode != 0 {
		return 0, err
	}
	w.logger.Info("the database is rewritten once, so that it can become smaller from now on")
	before, err := w.conn.number("PRAGMA page_count")
	if err != nil {
		return 0, err
	}
	for _, query := range []string{
		"PRAGMA temp_store = FILE", // for the copy that is made meanwhile
		"PRAGMA auto_vacuum = INCREMENTAL",
		"VACUUM",
	} {
		if err = w.conn.run(query); err != nil {
			break
		}
	}
	err = errors.Join(err, w.conn.run("PRAGMA temp_store = MEMORY"))
	after, countErr := w.conn.number("PRAGMA page_count")
	return int(before - after), errors.Join(err, countErr)
}
