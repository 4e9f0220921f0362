package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

// errResolved is for an approval that is not pending any more: the store knows
// how it was answered.
var errResolved = errors.New("the approval is resolved")

// errGone is for an actor that has ended between being found and being asked.
var errGone = errors.New("the session has just ended")

// errFinal is for a call that needs a session that has not ended.
func errFinal(ses *api.Session) *api.Error {
	return api.InvalidState(ses.Status, "continueSession goes on from it in a new session",
		"session %s has ended (%s)", ses.ID, ses.Status)
}

// errShuttingDown is for a call that came while the daemon stops.
func errShuttingDown() *api.Error {
	return api.Errorf(api.ReasonShuttingDown, "the daemon is shutting down; try again in a moment")
}

// newID makes an id for whatever needs one: a UUID of version 7, so that ids
// sort by the time they were made.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

type clientKey struct{}

// WithClient marks a context with the name of the client that calls; it is kept
// with what the client decides.
func WithClient(ctx context.Context, client string) context.Context {
	return context.WithValue(ctx, clientKey{}, client)
}

func clientOf(ctx context.Context) string {
	if c, ok := ctx.Value(clientKey{}).(string); ok {
		return c
	}
	return "unknown"
}

// wrapf adds what was being done to an error that clients are not told whole.
func wrapf(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
