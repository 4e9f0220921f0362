package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	_ "github.com/mattn/go-sqlite3" // the same driver

	"github.com/sessiond/sessiond/store"
)

// plainBatch is how many rows a plain insert commits at once: beyond it nothing is gained.
const plainBatch = 256

// plain is what plain batched inserting of the same rows into the same schema
// costs.
type plain struct {
	rate float64       // rows a second
	cpu  time.Duration // a row
}

// plainInsert inserts lines of the usual length, by the same driver, into a
// database that the store has made, with nothing around.
func (b *bench) plainInsert(rows int) (p plain, err error) {
	dir, err := os.MkdirTemp(b.dir, "plain")
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "plain.db")
	s, err := store.Open(b.ctx, path, store.Options{})
	if err != nil {
		return p, err
	}
	if err := s.Close(); err != nil {
		return p, err
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	line := []byte(strings.Repeat("x", lineSize))
	if err := warm(b.scaled(warmth)); err != nil {
		return p, err
	}
	begin, before := time.Now(), cpuTime()
	for done := 0; done < rows; done += plainBatch {
		if err := insertBatch(db, line); err != nil {
			return p, err
		}
	}
	return plain{rate: float64(rows) / time.Since(begin).Seconds(), cpu: (cpuTime() - before) / time.Duration(rows)}, nil
}

// insertBatch is one transaction, in the plainest way that the driver offers.
func insertBatch(db *sql.DB, line []byte) (err error) {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	in, err := tx.Prepare("INSERT INTO events (session, type, time, kind, part, line) VALUES (1, 'conversation_updated', ?, 'message', 0, ?)")
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	for range plainBatch {
		if _, err := in.Exec(time.Now().UnixMilli(), line); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// plainScan reads up to so many lines of a database in the order of seq, and
// returns how many rows a second that were.
func plainScan(path string, rows int) (rate float64, err error) {
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	begin := time.Now()
	found, err := db.Query("SELECT seq, session, type, time, kind, line FROM events ORDER BY seq LIMIT ?", rows)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	n := 0
	for found.Next() {
		var seq, session, at int64
		var typ string
		var kind sql.NullString
		var line []byte
		if err := found.Scan(&seq, &session, &typ, &at, &kind, &line); err != nil {
			return 0, err
		}
		n++
	}
	if n == 0 {
		return 0, fmt.Errorf("no rows in %s", path)
	}
	return float64(n) / time.Since(begin).Seconds(), found.Err()
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it takes no input that could be wrong
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
