package store

import (
	"context"
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
func (s *Store) Vacuum(ctx context.Context) (freed int64, err error) {
	v := &vacuum{ctx: ctx, done: make(chan error, 1)}
	select {
	case <-s.closing:
		return 0, fmt.Errorf("vacuum: %w", ErrClosed)
	default:
	}
	select {
	case s.writer.vacuums <- v:
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
		err = w.transact(func() (err error) {
			pages, err = w.stmts.vacuum.drain()
			return err
		})
	}
	if err == nil && pages > 0 {
		v.freed += int64(pages) * pageSize
		w.touch()
		return
	}
	v.done <- err
	w.vacuuming = w.vacuuming[1:]
}
