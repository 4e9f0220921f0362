package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxFindings bounds what a check lists.
const maxFindings = 20

// Check reads the whole database at path, which may be in use, and returns nil
// if it is sound, an error that wraps ErrCorrupt and says what is wrong with it,
// or that it could not be read. It changes nothing.
func Check(ctx context.Context, path string) error {
	if err := checkIntegrity(ctx, path); err != nil {
		return fmt.Errorf("check the database %s: %w", path, err)
	}
	return nil
}

// checkIntegrity has SQLite look through all pages, indexes and references.
func checkIntegrity(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite3", dsn(path, readerParams))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var findings []string
	err = each(ctx, db, fmt.Sprintf("PRAGMA integrity_check(%d)", maxFindings), nil, func(rows *sql.Rows) (bool, error) {
		var finding string
		err := rows.Scan(&finding)
		if finding != "ok" {
			findings = append(findings, finding)
		}
		return true, err
	})
	if err != nil {
		return err
	}
	err = each(ctx, db, "PRAGMA foreign_key_check", nil, func(rows *sql.Rows) (bool, error) {
		var table, parent string
		var row, key sql.NullInt64
		err := rows.Scan(&table, &row, &parent, &key)
		findings = append(findings, fmt.Sprintf("row %d of %s belongs to none of %s", row.Int64, table, parent))
		return len(findings) < maxFindings, err
	})
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("%w: %s", ErrCorrupt, strings.Join(findings, "; "))
	}
	return err
}

// CheckRecords reads all records of the database at path, which may be in use and has
// the schema that this program knows. It returns what it finds damaged, but not more
// than maxFindings of a kind, and changes nothing. Check says whether there is more to
// a database than its records.
func CheckRecords(ctx context.Context, path string) (damaged []error, err error) {
	db, err := sql.Open("sqlite3", dsn(path, readerParams))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, kind := range []struct {
		query string
		args  []any
		scan  func(func(...any) error) error
	}{
		{selectSessions, nil, func(scan func(...any) error) error {
			row, err := scanSession(scan)
			return cmp.Or(err, row.Damage)
		}},
		{selectOutlines, []any{""}, func(scan func(...any) error) error {
			o, _, err := scanOutline(scan)
			return cmp.Or(err, o.Damage)
		}},
		{selectStates, nil, scanState},
		{selectMessages, nil, func(scan func(...any) error) error { _, err := scanMessage(scan); return err }},
		{selectApprovals, nil, func(scan func(...any) error) error { _, err := scanApproval(scan); return err }},
		{selectDamagedEvents, nil, scanDamagedEvent},
	} {
		found := 0
		err := each(ctx, db, kind.query, kind.args, func(rows *sql.Rows) (bool, error) {
			err := kind.scan(rows.Scan)
			if damage, ok := errors.AsType[*RecordError](err); ok {
				damaged, err = append(damaged, damage), nil
				found++
			}
			return found < maxFindings, err
		})
		if err != nil {
			return damaged, fmt.Errorf("check the records of %s: %w", path, err)
		}
	}
	return damaged, nil
}

const selectStates = `SELECT s.id, e.state FROM sessions s JOIN session_engines e USING (n)`

// scanState reads a row of selectStates, of which the store knows only that it is an object.
func scanState(scan func(...any) error) error {
	var id string
	var state []byte
	if err := scan(&id, &state); err != nil {
		return err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(state, &object); err != nil {
		return &RecordError{What: RecordState, SessionID: id, Err: err}
	}
	return nil
}

// What readings of events leave out: see identify and fillLines.
const selectDamagedEvents = `SELECT seq, CASE
		WHEN data IS NOT NULL AND NOT json_valid(data) THEN 'its data is no JSON'
		WHEN part = 0 AND line IS NULL THEN 'it has lost its line'
		WHEN part > 0 AND NOT EXISTS (SELECT 1 FROM events l WHERE l.seq = e.seq - e.part AND l.part = 0) THEN 'its line is gone'
		WHEN session NOT IN (SELECT n FROM sessions UNION ALL SELECT n FROM deletions) THEN 'its session is unknown'
	END AS fault FROM events e WHERE fault IS NOT NULL`

// scanDamagedEvent reads a row of selectDamagedEvents.
func scanDamagedEvent(scan func(...any) error) error {
	var seq int64
	var fault string
	if err := scan(&seq, &fault); err != nil {
		return err
	}
	return &RecordError{What: recordEvent, ID: strconv.FormatInt(seq, 10), Err: errors.New(fault)}
}
