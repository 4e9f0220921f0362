package store

import (
	"cmp"
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

const selectMessages = `SELECT document, content, id, state, position, created_at,
	(SELECT s.id FROM sessions s WHERE s.n = session) FROM messages `

// scanMessage reads a row of selectMessages. With a *RecordError comes what the row
// says beside the document, with the damage as its content if that is lost too.
func scanMessage(scan func(...any) error) (api.Message, error) {
	var m api.Message
	var document, content []byte
	var created int64
	plain := api.Message{Delivery: api.DeliveryQueue}
	if err := scan(&document, &content, &plain.ID, &plain.State, &plain.Position, &created, &plain.SessionID); err != nil {
		return m, err
	}
	err := json.Unmarshal(document, &m)
	if err == nil && (m.ID != plain.ID || m.SessionID != plain.SessionID) {
		err = errOther
	}
	lost := plain.Content.UnmarshalJSON(content)
	if err = cmp.Or(err, lost); err != nil {
		err = &RecordError{What: RecordMessage, ID: plain.ID, SessionID: plain.SessionID, Err: err}
		plain.CreatedAt, plain.UpdatedAt = api.FromMillis(created), api.FromMillis(created)
		if lost != nil {
			plain.Content = api.Text(err.Error())
		}
		return plain, err
	}
	m.Content = plain.Content
	return m, nil
}

// Message returns the message with this id, or ErrNotFound.
func (s *Store) Message(ctx context.Context, id string) (api.Message, error) {
	if err := s.begin(); err != nil {
		return api.Message{}, err
	}
	defer s.reading.Done()
	m, err := readRecord(s, s.db.QueryRowContext(ctx, selectMessages+"WHERE id = ?", id), scanMessage)
	return m, found(err, "message", id)
}

// Messages returns the messages of a session (empty: of all) that are in one of
// these states (none: in any), by position. Those that are damaged come apart, and
// Problem names them.
func (s *Store) Messages(ctx context.Context, sessionID string, states []api.MessageState) (whole []api.Message, damaged []Damaged[api.Message], err error) {
	if err := s.begin(); err != nil {
		return nil, nil, err
	}
	defer s.reading.Done()
	where, args := ofSession(sessionID, "state", states)
	whole, damaged, err = readRecords(ctx, s, selectMessages+where+" ORDER BY session, position, n", args, scanMessage)
	if err != nil {
		return nil, nil, fmt.Errorf("read messages: %w", err)
	}
	return whole, damaged, nil
}

// messageFrame is about how long a message is without what it says.
const messageFrame = 320

// MessagesFrom returns a page of the messages of a session that are in one of
// these states (none: in any): those from a position on, until they make maxBytes
// of JSON, one at least. next is where the next page begins, 0 if there is none.
// Those that are damaged are left out, and Problem names them.
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
		if _, damaged := errors.AsType[*RecordError](s.Damaged(err)); damaged {
			return true, nil
		}
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
