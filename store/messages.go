package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

// A message stays in its session: one with the id of another session's message
// changes nothing.
const putMessageSQL = `INSERT INTO messages (id, session, state, position, created_at, document, content)
	VALUES (?, (SELECT n FROM sessions WHERE id = ?), ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET state = excluded.state, position = excluded.position, document = excluded.document,
		content = excluded.content
	WHERE session = excluded.session`

// putMessage inserts m or replaces the one with its id. Its content is kept
// apart, byte for byte.
func (w *writer) putMessage(m *api.Message) error {
	if m.Content.IsZero() {
		return errors.New("it says nothing")
	}
	content, err := m.Content.MarshalJSON()
	if err != nil {
		return err
	}
	c := *m
	c.Content = api.Text("")
	document, err := encode(&c)
	if err != nil {
		return err
	}
	changed, err := w.stmts.putMessage.change(m.ID, m.SessionID, string(m.State), int64(m.Position), m.CreatedAt.Millis(),
		document, string(content))
	return affected(changed, err, ErrExists)
}

const selectMessages = `SELECT document, content FROM messages `

// scanMessage reads a row of selectMessages.
func scanMessage(scan func(...any) error) (api.Message, error) {
	var m api.Message
	var document, content []byte
	if err := scan(&document, &content); err != nil {
		return m, err
	}
	if err := json.Unmarshal(document, &m); err != nil {
		return m, &RecordError{What: "message", Err: err}
	}
	if err := m.Content.UnmarshalJSON(content); err != nil {
		return m, &RecordError{What: "message", Err: err}
	}
	return m, nil
}

// Message returns the message with this id, or ErrNotFound.
func (s *Store) Message(ctx context.Context, id string) (api.Message, error) {
	if err := s.begin(); err != nil {
		return api.Message{}, err
	}
	defer s.reading.Done()
	m, err := scanMessage(s.db.QueryRowContext(ctx, selectMessages+"WHERE id = ?", id).Scan)
	return m, found(err, "message", id)
}

// Messages returns the messages of a session (empty: of all) that are in one of
// these states (none: in any), by position.
func (s *Store) Messages(ctx context.Context, sessionID string, states []api.MessageState) ([]api.Message, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	where, args := ofSession(sessionID, "state", states)
	messages := []api.Message{}
	err := each(ctx, s.db, selectMessages+where+" ORDER BY session, position, n", args, func(rows *sql.Rows) (bool, error) {
		m, err := scanMessage(rows.Scan)
		messages = append(messages, m)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	return messages, nil
}

// messageFrame is about how long a message is without what it says.
const messageFrame = 320

// MessagesFrom returns a page of the messages of a session that are in one of
// these states (none: in any): those from a position on, until they make maxBytes
// of JSON, one at least. next is where the next page begins, 0 if there is none.
func (s *Store) MessagesFrom(ctx context.Context, sessionID string, states []api.MessageState, from, maxBytes int) (messages []api.Message, next int, err error) {
	if err := s.begin(); err != nil {
		return nil, 0, err
	}
	defer s.reading.Done()
	where, args := ofSession(sessionID, "state", states)
	messages = []api.Message{}
	size := 0
	err = each(ctx, s.db, selectMessages+where+" AND position >= ? ORDER BY position", append(args, from), func(rows *sql.Rows) (bool, error) {
		if size >= maxBytes {
			next = messages[len(messages)-1].Position + 1
			return false, nil
		}
		m, err := scanMessage(rows.Scan)
		messages = append(messages, m)
		size += m.Content.Size() + messageFrame
		return true, err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read messages: %w", err)
	}
	return messages, next, nil
}

// ofSession renders the condition of Messages and Approvals.
func ofSession[T ~string](sessionID, column string, values []T) (string, []any) {
	where, args := []string{}, []any{}
	if sessionID != "" {
		where, args = append(where, "session = (SELECT n FROM sessions WHERE id = ?)"), append(args, sessionID)
	}
	if len(values) > 0 {
		var in string
		in, args = oneOf(column, values, args)
		where = append(where, in)
	}
	if len(where) == 0 {
		return "", nil
	}
	return "WHERE " + strings.Join(where, " AND "), args
}

// Inbox returns how many messages have not started, and when the oldest of them
// came; the zero Time if there is none.
func (s *Store) Inbox(ctx context.Context) (depth int, oldest api.Time, err error) {
	if err := s.begin(); err != nil {
		return 0, oldest, err
	}
	defer s.reading.Done()
	var ms int64
	err = s.db.QueryRowContext(ctx, `SELECT count(*), coalesce(min(created_at), 0) FROM messages
		WHERE state IN ('queued', 'sent')`).Scan(&depth, &ms)
	if err != nil {
		return 0, oldest, fmt.Errorf("read the inbox: %w", fault(err))
	}
	return depth, api.FromMillis(ms), nil
}
