package session

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// panicError is a panic that was caught: one session's, which is not to take the
// daemon and all others down.
type panicError struct {
	what  string
	stack []byte
}

func (e *panicError) Error() string { return "a bug in sessiond: " + e.what }

func isPanic(err error) bool {
	_, is := errors.AsType[*panicError](err)
	return is
}

// guard calls f, and makes a panic in it a *panicError. That does not hold what
// was panicked with, which may quote what a session has said, unless it is the
// runtime's.
func guard(f func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case runtime.Error:
			err = &panicError{r.Error(), debug.Stack()}
		default:
			err = &panicError{fmt.Sprintf("panic with a %T", r), debug.Stack()}
		}
	}()
	return f()
}
