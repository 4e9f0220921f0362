package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// voidRange is a part of the numbers of the log that counts no more: an older
// backup was put back, and what stood under them is not in it. They are not given
// out again, so that a cursor of before is told from one of since.
type voidRange struct{ after, upTo int64 } // every seq above after, up to upTo

// voidName is how the table meta names a voidRange, followed by after; upTo is its value.
const voidName = "void_after_"

// unknownNumbers is how many may have been given out behind a backup, where there
// is no database that tells.
const unknownNumbers = math.MaxUint32 + 1

// givenSQL is the newest seq that was ever given out.
const givenSQL = `SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0),
	coalesce((SELECT max(seq) FROM events), 0))`

// readExtent reads which numbers are void, and where the log ends: the newest seq
// that was given out, and is not void.
func readExtent(ctx context.Context, q querier) (void []voidRange, head int64, err error) {
	if err := q.QueryRowContext(ctx, givenSQL).Scan(&head); err != nil {
		return nil, 0, err
	}
	err = each(ctx, q, "SELECT name, value FROM meta WHERE substr(name, 1, ?) = ?", []any{len(voidName), voidName},
		func(rows *sql.Rows) (bool, error) {
			var name string
			var v voidRange
			if err := rows.Scan(&name, &v.upTo); err != nil {
				return false, err
			}
			after, err := strconv.ParseInt(strings.TrimPrefix(name, voidName), 10, 64)
			if err != nil {
				return false, fmt.Errorf("%w: meta %q", ErrCorrupt, name)
			}
			v.after = after
			void = append(void, v)
			return true, nil
		})
	for _, v := range void {
		if head == v.upTo { // nothing has come since the backup was put back
			head = v.after
		}
	}
	return void, head, err
}

// Void reports whether seq is the number of an event that is not in the log any
// more since an older backup was put back.
func (s *Store) Void(seq int64) bool {
	for _, v := range s.void {
		if v.after < seq && seq <= v.upTo {
			return true
		}
	}
	return false
}

// pastVoid is where a reading behind after may as well begin: behind void numbers.
func (s *Store) pastVoid(after int64) int64 {
	for _, v := range s.void {
		if v.after <= after && after < v.upTo {
			return v.upTo
		}
	}
	return after
}

// voidNumbers has the database at path, a copy of a backup that nobody else uses,
// go on behind all numbers that were given out since: those of the present
// database, if that goes on from the backup; else more than there can have been.
func voidNumbers(ctx context.Context, path, present string) (err error) {
	db, err := sql.Open("sqlite3", dsn(path, "mode=rw&_journal_mode=OFF&_synchronous=FULL")) // without a file beside it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	_, head, err := readExtent(ctx, db)
	if err != nil {
		return err
	}
	given, err := newestGiven(ctx, db)
	if err != nil {
		return err
	}
	if n, goesOn := givenSince(ctx, db, present); goesOn {
		given = max(given, n)
	} else {
		given = max(given, n) + unknownNumbers
	}
	if given == head {
		return nil // nothing has come since
	}
	for _, query := range []string{
		"INSERT INTO sqlite_sequence (name, seq) SELECT 'events', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events')",
		fmt.Sprintf("UPDATE sqlite_sequence SET seq = %d WHERE name = 'events'", given),
		fmt.Sprintf("INSERT OR REPLACE INTO meta (name, value) VALUES ('%s%d', %d)", voidName, head, given),
	} {
		if _, err := db.ExecContext(ctx, query); err != nil {
			return fault(err)
		}
	}
	return nil
}

func newestGiven(ctx context.Context, q querier) (given int64, err error) {
	err = q.QueryRowContext(ctx, givenSQL).Scan(&given)
	return given, fault(err)
}

// givenSince is the newest seq that the database at path has given out, as far as
// that can be read. goesOn tells whether its log is known to go on from the
// backup's: it has the newest event of that.
func givenSince(ctx context.Context, backup querier, path string) (given int64, goesOn bool) {
	db, err := sql.Open("sqlite3", dsn(path, readerParams))
	if err != nil {
		return 0, false
	}
	defer func() { _ = db.Close() }() // only read
	if given, err = newestGiven(ctx, db); err != nil {
		return 0, false
	}
	type event struct{ seq, session, time int64 }
	var newest, same event
	const query = "SELECT seq, session, time FROM events "
	err = backup.QueryRowContext(ctx, query+"ORDER BY seq DESC LIMIT 1").Scan(&newest.seq, &newest.session, &newest.time)
	if err == nil {
		err = db.QueryRowContext(ctx, query+"WHERE seq = ?", newest.seq).Scan(&same.seq, &same.session, &same.time)
	}
	return given, err == nil && newest == same
}
