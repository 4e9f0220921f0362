package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
