package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// How the write-ahead log is folded into the database file.
const (
	checkpointEvery = 100 * time.Millisecond
	// After so long without a commit the log is cut to nothing.
	checkpointIdle = time.Second
	// Under load a passive checkpoint never catches up, and the log never
	// begins anew: above this many pages (64 MB) the writer is held up for one.
	checkpointPages = 64 << 20 / 4096
)

// checkpointer folds the write-ahead log into the database from a connection of
// its own, so that no commit has to.
type checkpointer struct {
	conn              *conn
	passive, truncate *stmt
	wrote             <-chan struct{}
	closing           <-chan struct{}
	maxPages          int64
	logger            *slog.Logger
	started           bool
	ended             chan struct{}
}

func newCheckpointer(path string, wrote, closing <-chan struct{}, o Options) (*checkpointer, error) {
	c, err := openConn(path, checkpointParams)
	if err != nil {
		return nil, err
	}
	k := &checkpointer{conn: c, wrote: wrote, closing: closing,
		maxPages: cmp.Or(o.walPages, checkpointPages), logger: o.Logger, ended: make(chan struct{})}
	k.passive, err = c.prepare("PRAGMA wal_checkpoint(PASSIVE)")
	if err == nil {
		k.truncate, err = c.prepare("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	if err != nil {
		return nil, errors.Join(err, k.close())
	}
	return k, nil
}

// close waits for the goroutine and closes the connection.
func (k *checkpointer) close() error {
	if k.started {
		<-k.ended
	}
	var errs []error
	for _, s := range []*stmt{k.passive, k.truncate} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	return errors.Join(append(errs, k.conn.close())...)
}

// run is the checkpointer's goroutine: it ends when the store closes. It sleeps
// while nothing is written.
func (k *checkpointer) run() {
	defer close(k.ended)
	for {
		select {
		case <-k.wrote:
		case <-k.closing:
			return
		}
		if !k.follow() {
			return
		}
	}
}

// follow checkpoints while there are commits, and cuts the log after the last.
// It returns false when the store closes.
func (k *checkpointer) follow() bool {
	ticker := time.NewTicker(checkpointEvery)
	defer ticker.Stop()
	last, folded := time.Now(), false
	for {
		select {
		case <-ticker.C:
		case <-k.closing:
			return false
		}
		select {
		case <-k.wrote:
			last, folded = time.Now(), false
		default:
		}
		switch {
		case !folded:
			folded = true
			if pages := k.checkpoint(k.passive); pages > k.maxPages {
				k.checkpoint(k.truncate)
			}
		case time.Since(last) > checkpointIdle:
			if k.checkpoint(k.truncate) == 0 {
				return true
			}
			last = time.Now() // a reader was in the way
		}
	}
}

// checkpoint runs one and returns how many pages the log still has; 0 as well if
// it failed: then the next commit brings the next try.
func (k *checkpointer) checkpoint(s *stmt) int64 {
	row := make([]driver.Value, 3) // busy, pages in the log, pages folded in
	if _, err := s.row(row); err != nil {
		k.logger.Error("checkpoint failed", "error", fmt.Errorf("checkpoint the database: %w", err))
		return 0
	}
	pages, _ := row[1].(int64)
	return pages
}
