package store

import "fmt"

// RecordError: one record of the database cannot be read for what stands in it.
// The others can. It is an ErrCorrupt.
type RecordError struct {
	What string // session, message or approval
	Err  error
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("the %s's record in the database is damaged: %v", e.What, e.Err)
}

// Unwrap gives what is wrong with it.
func (e *RecordError) Unwrap() []error { return []error{ErrCorrupt, e.Err} }
