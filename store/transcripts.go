package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// Transcript is how far a file of Claude Code's was read: of a conversation, or of
// one of its subagents.
type Transcript struct {
	Conversation string
	Agent        string // id of the subagent; "" for the conversation itself
	SessionN     int64  // whose events its lines are; 0 in a batch that creates the session
	Path         string
	ReadTo       int64
	Mark         string          // a sign of what stands before ReadTo
	Parent       string          // the conversation that it was copied from, while its session is not known
	Root         string          // its first line, which copies have in common
	State        json.RawMessage // what its lines come to; nil: not kept
}

const putTranscriptSQL = `INSERT INTO transcripts (conversation, agent, session, path, read_to, mark, parent, root, state)
	SELECT ?, ?, n, ?, ?, ?, ?, ?, ? FROM sessions WHERE n = ?
	ON CONFLICT DO UPDATE SET session = excluded.session, path = excluded.path, read_to = excluded.read_to, mark = excluded.mark,
		parent = excluded.parent, root = excluded.root, state = excluded.state`

func (w *writer) putTranscript(b *Batch, t *Transcript) error {
	if w.stmts.putTranscript == nil {
		s, err := w.conn.prepare(putTranscriptSQL)
		if err != nil {
			return err
		}
		w.stmts.putTranscript = s
	}
	n := t.SessionN
	if n == 0 && b.Create != nil {
		n = b.Create.N
	}
	changed, err := w.stmts.putTranscript.change(t.Conversation, t.Agent, t.Path, t.ReadTo, t.Mark,
		nullable(t.Parent), nullable(t.Root), nullable(string(t.State)), n)
	return affected(changed, err, ErrNotFound)
}

const selectTranscripts = `SELECT conversation, agent, session, path, read_to, mark, coalesce(parent, ''), coalesce(root, ''), state FROM transcripts `

func scanTranscript(scan func(...any) error) (t Transcript, err error) {
	var state []byte
	err = scan(&t.Conversation, &t.Agent, &t.SessionN, &t.Path, &t.ReadTo, &t.Mark, &t.Parent, &t.Root, &state)
	t.State = state
	return t, err
}

// Transcripts returns how far the files of a conversation were read: none if it was
// never imported. The conversation's own is the first.
func (s *Store) Transcripts(ctx context.Context, conversation string) ([]Transcript, error) {
	return s.transcripts(ctx, "WHERE conversation = ? ORDER BY agent", conversation)
}

// CopiesOf returns the transcripts that were copied from a conversation whose
// session was not known when they were imported.
func (s *Store) CopiesOf(ctx context.Context, conversation string) ([]Transcript, error) {
	return s.transcripts(ctx, "WHERE parent = ?", conversation)
}

// SameRoot returns the transcripts that begin with the same line, those that were
// imported first before the others.
func (s *Store) SameRoot(ctx context.Context, root string) ([]Transcript, error) {
	return s.transcripts(ctx, "WHERE root = ? ORDER BY session", root)
}

func (s *Store) transcripts(ctx context.Context, condition, key string) (list []Transcript, err error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	err = each(ctx, s.db, selectTranscripts+condition, []any{key}, func(rows *sql.Rows) (bool, error) {
		t, err := scanTranscript(rows.Scan)
		list = append(list, t)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read transcripts of %s: %w", key, err)
	}
	return list, nil
}

// LastOfConversation says which session has had a conversation of Claude Code's last, and
// whether that was deleted since. It is ErrNotFound for one that no session ever had.
func (s *Store) LastOfConversation(ctx context.Context, id string) (n int64, deleted bool, err error) {
	if err := s.begin(); err != nil {
		return 0, false, err
	}
	defer s.reading.Done()
	err = s.db.QueryRowContext(ctx, `SELECT n, NOT EXISTS (SELECT 1 FROM sessions s WHERE s.n = c.n) FROM conversations c WHERE id = ?`, id).Scan(&n, &deleted)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return 0, false, fmt.Errorf("read conversation %s: %w", id, err)
	}
	return n, deleted, nil
}

// SessionNumber returns the session with this number, or ErrNotFound.
func (s *Store) SessionNumber(ctx context.Context, n int64) (SessionRow, error) {
	return s.oneSession(ctx, "WHERE s.n = ?", fmt.Sprint(n))
}
