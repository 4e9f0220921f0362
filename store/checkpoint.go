package store

import (
	"cmp"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// How the write-ahead log is folded into the database file.
const (
	checkpointEvery = 100 * time.Millisecond
	// After so long without a commit the log is cut to nothing. A reader that is
	// in the way is given twice as long each time, up to the second.
	checkpointIdle = time.Second
	checkpointRare = 16 * time.Second
	// Under load a passive checkpoint never catches up, and the log never
	// begins anew: above this many pages (64 MB) the writer is held up for one.
	checkpointPages = 64 << 20 / pageSize
	// So many times as long is a problem: no reading of ours takes so long.
	checkpointTimes = 4
)

// errMoved says that others removed or replaced the file that is written to.
var errMoved = errors.New("the file was moved or removed while it is in use")

// checkpointer folds the write-ahead log into the database from a connection of
// its own, so that no commit has to.
type checkpointer struct {
	conn               *conn
	passive            *stmt // folds in what no reading needs
	restart            *stmt // folds in all, so that the log begins anew
	truncate           *stmt // does that, and gives back what the log takes on the disk
	wrote              <-chan struct{}
	closing            <-chan struct{}
	maxPages, cutPages int64 // above the second it is cut the next time
	path               string
	file               os.FileInfo
	trouble            *trouble
	writer             *writer
	stuck              bool // the log is long, and was not cut when that was tried
	started            bool
	ended              chan struct{}
}

func newCheckpointer(s *Store, o Options) (*checkpointer, error) {
	file, err := os.Stat(s.trouble.path)
	if err != nil {
		return nil, err
	}
	c, err := openConn(s.trouble.path, checkpointParams)
	if err != nil {
		return nil, err
	}
	k := &checkpointer{conn: c, wrote: s.writer.wrote, closing: s.closing, path: s.trouble.path, file: file,
		trouble: s.trouble, writer: s.writer, maxPages: cmp.Or(o.walPages, checkpointPages), ended: make(chan struct{})}
	k.cutPages = k.maxPages
	for mode, s := range map[string]**stmt{"PASSIVE": &k.passive, "RESTART": &k.restart, "TRUNCATE": &k.truncate} {
		if *s, err = c.prepare("PRAGMA wal_checkpoint(" + mode + ")"); err != nil {
			return nil, errors.Join(err, k.close())
		}
	}
	return k, nil
}

// close waits for the goroutine and closes the connection.
func (k *checkpointer) close() error {
	if k.started {
		<-k.ended
	}
	var errs []error
	for _, s := range []*stmt{k.passive, k.restart, k.truncate} {
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
	last, folded, idle := time.Now(), false, checkpointIdle
	for {
		select {
		case <-ticker.C:
		case <-k.closing:
			return false
		}
		select {
		case <-k.wrote:
			last, folded, idle = time.Now(), false, checkpointIdle
		default:
		}
		switch {
		case !folded:
			folded = true
			if pages, _ := k.checkpoint(k.passive); pages > k.cutPages {
				k.cut()
			}
		case time.Since(last) > idle:
			if pages, err := k.checkpoint(k.truncate); err == nil && pages == 0 {
				return true
			}
			last, idle = time.Now(), min(2*idle, checkpointRare)
		}
	}
}

// cut cuts the log while the writer rests, for SQLite's lock is nobody's in turn:
// beside a busy writer it would not be had. Readings that begin meanwhile are not in
// the way, for by then they find all in the database. One that stays makes it wait,
// and the writer with it: it is tried again when the log has grown as much. The file
// keeps its length: to shorten it takes many times as long, and the writer with it,
// which then would have to have it made longer again.
func (k *checkpointer) cut() {
	_, _ = k.checkpoint(k.passive) // what has come since the last one, before anybody waits
	k.writer.rest(func() {
		pages, _ := k.checkpoint(k.restart)
		k.cutPages = pages + k.maxPages
	})
}

// checkpoint runs one and returns how many pages the log still has. An error
// has been noted.
func (k *checkpointer) checkpoint(s *stmt) (pages int64, err error) {
	row := make([]driver.Value, 3) // busy, pages in the log, pages folded in
	if _, err = s.row(row); err == nil {
		pages, _ = row[1].(int64)
		if busy, _ := row[0].(int64); s == k.restart && busy == 0 {
			pages = 0 // they are still counted, and will be written over
		}
		long := pages > checkpointTimes*k.maxPages
		k.stuck = long && (k.stuck || s != k.passive)
		err = k.look(pages)
	}
	if err != nil {
		err = fmt.Errorf("checkpoint: %w", err)
	}
	k.trouble.checkpointed(err)
	return pages, err
}

// look finds what SQLite does not mind: a log that only grows, and a file that
// nobody will find again.
func (k *checkpointer) look(pages int64) error {
	if k.stuck {
		return fmt.Errorf("%w: the write-ahead log is %d MB long, because somebody reads the database all the time",
			ErrBusy, pages*pageSize>>20)
	}
	switch file, err := os.Stat(k.path); {
	case errors.Is(err, fs.ErrNotExist), err == nil && !os.SameFile(file, k.file):
		return fmt.Errorf("%w: %w", ErrIO, errMoved)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrIO, err)
	}
	return nil
}
