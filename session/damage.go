package session

import (
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// plain is what can be known of records that are damaged.
func plain[T any](damaged []store.Damaged[T]) []T {
	known := make([]T, len(damaged))
	for i := range damaged {
		known[i] = damaged[i].Plain
	}
	return known
}

// NoteDamage has the store name an event that could not be shown whole.
func NoteDamage(s *store.Store, log *slog.Logger, seq int64, err error) {
	isNew := s.DamagedEvent(seq, err)
	if bug, ok := errors.AsType[*panicError](err); ok && isNew {
		log.Error("an event could not be shown", "event", seq, "error", err, "stack", string(bug.stack))
	}
}

// isRecord reports whether err is for one record that is damaged.
func isRecord(err error) bool {
	_, is := errors.AsType[*store.RecordError](err)
	return is
}

// told is an error with its next step, for those who are told no more of it.
func told(err error) string {
	if e, ok := errors.AsType[*api.Error](err); ok {
		if hint, ok := e.Data["hint"].(string); ok {
			return err.Error() + "; " + hint
		}
	}
	return err.Error()
}

// firstDamage is one of the reasons why a session cannot be read whole; nil: it can.
func firstDamage(row store.SessionRow, messages []store.Damaged[api.Message], approvals []store.Damaged[api.Approval]) error {
	switch {
	case row.Damage != nil:
		return row.Damage
	case len(messages) > 0:
		return messages[0].Err
	case len(approvals) > 0:
		return approvals[0].Err
	}
	return nil
}

// launched decodes what a session was launched with. The error is a
// *store.RecordError, and noted.
func (m *Manager) launched(row store.SessionRow) (l launch, err error) {
	if err := json.Unmarshal(row.Options, &l); err != nil {
		return l, m.store.Damaged(&store.RecordError{What: store.RecordOptions, SessionID: row.Session.ID, Err: err})
	}
	return l, nil
}

// restored is newMachine, with the error noted.
func (m *Manager) restored(row store.SessionRow) (*machine, error) {
	restored, err := newMachine(row, nil, nil)
	return restored, m.store.Damaged(err)
}
