package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sessiond/sessiond/rpc/api"
)

// What a RecordError can be about.
const (
	RecordSession  = "session"
	RecordOptions  = "options" // of a session's launch
	RecordState    = "state"   // of a session's engine
	RecordMessage  = "message"
	RecordApproval = "approval"
	recordEvent    = "event"
)

// RecordError: one record of the database cannot be read for what stands in it.
// The others can. It is an ErrCorrupt, and an *api.Error, since whoever asks for
// the record is to be told which one it is and what to do.
type RecordError struct {
	What      string // one of the constants
	ID        string // of a message, an approval or an event; else empty
	SessionID string // the session that it is, or belongs to; empty for an event
	Err       error  // what is wrong with it
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("%s: its record in the database is damaged: %v", e.place(), e.Err)
}

// place names the record.
func (e *RecordError) place() string {
	switch {
	case e.What == RecordSession:
		return "session " + e.SessionID
	case e.ID == "":
		return fmt.Sprintf("%s of session %s", e.What, e.SessionID)
	case e.SessionID == "":
		return e.What + " " + e.ID
	}
	return fmt.Sprintf("%s %s of session %s", e.What, e.ID, e.SessionID)
}

// errOther is for a document that stands in the place of another.
var errOther = errors.New("it is another's")

// RecordAdvice is the next step for whoever has a damaged record.
const RecordAdvice = "all else goes on: delete its session, or put a backup back that has it whole (`sessiond restore FILE`)"

// Unwrap gives what is wrong with it, and what a client is told.
func (e *RecordError) Unwrap() []error {
	return []error{ErrCorrupt, e.Err, api.Errorf(api.ReasonInternal, "%v", e).With("hint", RecordAdvice)}
}

// Damaged notes a *RecordError, so that Problem names it, and returns err. The
// store's own readings have done so; it is for what only their callers can read.
func (s *Store) Damaged(err error) error {
	if damage, ok := errors.AsType[*RecordError](err); ok {
		_ = s.trouble.damaged(damage.place(), damage)
	}
	return err
}

// Damaged is a record that cannot be read whole.
type Damaged[T any] struct {
	Plain T // what its row says of it beside the document
	Err   *RecordError
}

// readRecords reads the records that a query of their columns gives, all with one
// mechanism: those that are damaged are noted, so that Problem names them, and kept
// apart; the others are as if they were not there.
func readRecords[T any](ctx context.Context, s *Store, query string, args []any, scan func(func(...any) error) (T, error)) (whole []T, damaged []Damaged[T], err error) {
	whole = []T{}
	err = each(ctx, s.db, query, args, func(rows *sql.Rows) (bool, error) {
		record, err := scan(rows.Scan)
		if damage, ok := errors.AsType[*RecordError](s.Damaged(err)); ok {
			damaged = append(damaged, Damaged[T]{record, damage})
			return true, nil
		}
		whole = append(whole, record)
		return true, err
	})
	return whole, damaged, err
}

// readRecord reads the one record that a row holds.
func readRecord[T any](s *Store, row *sql.Row, scan func(func(...any) error) (T, error)) (T, error) {
	record, err := scan(row.Scan)
	return record, s.Damaged(err)
}
