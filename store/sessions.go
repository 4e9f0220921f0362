package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/cases"

	"github.com/sessiond/sessiond/rpc/api"
)

// SessionRow is a session with what clients do not see of it.
type SessionRow struct {
	N              int64 // its number, filled in by Commit; never given out twice
	Session        api.Session
	JournalOffset  int64           // up to where its journal is in the log
	Options        json.RawMessage // launch options, no secrets; nil: none
	Engine         json.RawMessage // private state of the session engine; nil: none
	IdempotencyKey string          // of the launch; empty: none
	ParamsHash     string          // of the launch's params, to compare with
	// Damage is a *RecordError if the session's document cannot be read: Session is
	// what its row says, with the damage as its error message.
	Damage error
}

const (
	insertSessionSQL = `INSERT INTO sessions (id, run_id, claude_session_id, parent_session_id, status, working_dir,
			archived, last_activity_at, journal_offset)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	insertLaunchSQL = `INSERT INTO session_launches (n, idempotency_key, params_hash, options, folded_query, query)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	insertDocumentSQL = `INSERT INTO session_documents (n, folded_title, document) VALUES (?, ?, ?)`
	putEngineSQL      = `INSERT INTO session_engines (n, state) VALUES (?, ?)
		ON CONFLICT DO UPDATE SET state = excluded.state`
	insertTagSQL  = `INSERT INTO session_tags (n, tag) VALUES (?, ?) ON CONFLICT DO NOTHING`
	deleteTagsSQL = `DELETE FROM session_tags WHERE n = ?`
	// A column that is named is written again in its indexes too, whatever becomes of it.
	updateSessionSQL = `UPDATE sessions SET claude_session_id = ?1, parent_session_id = ?2, status = ?3, working_dir = ?4, archived = ?5
		WHERE n = ?6 AND (claude_session_id, parent_session_id, status, working_dir, archived) IS NOT (?1, ?2, ?3, ?4, ?5)`
	updateActivitySQL = `UPDATE sessions SET last_activity_at = ? WHERE n = ?`
	updateOffsetSQL   = `UPDATE sessions SET journal_offset = coalesce(?, journal_offset) WHERE n = ?`
	updateDocumentSQL = `UPDATE session_documents SET folded_title = ?, document = ? WHERE n = ?`
)

// createSession inserts a session and fills in its number.
func (w *writer) createSession(row *SessionRow) error {
	s := &row.Session
	r, err := w.stmts.insertSession.exec(s.ID, s.RunID, s.ClaudeSessionID, nullable(s.ParentSessionID), string(s.Status),
		s.WorkingDir, s.Archived, s.LastActivityAt.Millis(), row.JournalOffset)
	if err != nil {
		return err
	}
	inserted, err := r.RowsAffected()
	if err = affected(inserted, err, ErrExists); err != nil {
		return err
	}
	if row.N, err = r.LastInsertId(); err != nil {
		return err
	}
	launched, err := w.stmts.insertLaunch.change(row.N, nullable(row.IdempotencyKey), row.ParamsHash,
		nullable(string(row.Options)), fold(s.Query), s.Query)
	if err = affected(launched, err, ErrExists); err != nil {
		return err
	}
	document, err := sessionDocument(s)
	if err != nil {
		return err
	}
	if _, err := w.stmts.insertDocument.exec(row.N, fold(s.Title), document); err != nil {
		return err
	}
	if !sessionUsage(s).IsZero() {
		if err := w.putUsage(row.N, s); err != nil {
			return err
		}
	}
	w.store.indexer.added(len(s.Title) + len(s.Query))
	if row.Engine != nil {
		if _, err := w.stmts.putEngine.exec(row.N, string(row.Engine)); err != nil {
			return err
		}
	}
	return w.insertTags(row.N, s.Tags)
}

// updateSession changes what u holds.
func (w *writer) updateSession(u *SessionUpdate) error {
	var offset any
	if u.JournalOffset >= 0 {
		offset = u.JournalOffset
	}
	changed, err := w.stmts.updateOffset.change(offset, u.N)
	if err = affected(changed, err, ErrNotFound); err != nil {
		return err
	}
	if !u.LastActivityAt.IsZero() {
		if _, err := w.stmts.updateActivity.exec(u.LastActivityAt.Millis(), u.N); err != nil {
			return err
		}
	}
	if u.Engine != nil {
		if _, err := w.stmts.putEngine.exec(u.N, string(u.Engine)); err != nil {
			return err
		}
	}
	if u.Query != nil {
		if err := w.putQuery(u.N, *u.Query); err != nil {
			return err
		}
	}
	if u.Session == nil {
		return nil
	}
	s := u.Session
	_, err = w.stmts.updateSession.exec(s.ClaudeSessionID, nullable(s.ParentSessionID), string(s.Status), s.WorkingDir, s.Archived, u.N)
	if err != nil {
		return err
	}
	document, err := sessionDocument(s)
	if err != nil {
		return err
	}
	if _, err := w.stmts.updateDocument.exec(fold(s.Title), document, u.N); err != nil {
		return err
	}
	if err := w.putUsage(u.N, s); err != nil {
		return err
	}
	if _, err := w.stmts.deleteTags.exec(u.N); err != nil {
		return err
	}
	return w.insertTags(u.N, s.Tags)
}

func (w *writer) insertTags(n int64, tags []string) error {
	for _, tag := range tags {
		if _, err := w.stmts.insertTag.exec(n, tag); err != nil {
			return err
		}
	}
	return nil
}

// sessionDocument renders what is kept as a document: not the query, which never
// changes, nor last_activity_at, which always does.
func sessionDocument(s *api.Session) (string, error) {
	c := *s
	c.Query, c.LastActivityAt = "", api.Time{}
	return encode(&c)
}

// fold makes texts comparable in any case, in any script.
func fold(text string) string { return cases.Fold().String(text) }

const selectSessions = `SELECT s.n, s.last_activity_at, s.journal_offset, coalesce(l.idempotency_key, ''), l.params_hash,
		l.options, e.state, l.query, d.document,
		s.id, s.run_id, s.claude_session_id, coalesce(s.parent_session_id, ''), s.status, s.working_dir, s.archived
	FROM sessions s JOIN session_launches l ON l.n = s.n JOIN session_documents d ON d.n = s.n
		LEFT JOIN session_engines e ON e.n = s.n `

// scanSession reads a row of selectSessions.
func scanSession(scan func(...any) error) (SessionRow, error) {
	var row SessionRow
	var activity int64
	var query string
	var options, engine, document []byte
	var plain api.Session // what needs no decoding
	err := scan(&row.N, &activity, &row.JournalOffset, &row.IdempotencyKey, &row.ParamsHash,
		&options, &engine, &query, &document,
		&plain.ID, &plain.RunID, &plain.ClaudeSessionID, &plain.ParentSessionID, &plain.Status, &plain.WorkingDir, &plain.Archived)
	if err != nil {
		return row, err
	}
	row.Options, row.Engine = options, engine
	row.Session, row.Damage = decodeSession(document, query, activity)
	if row.Damage == nil && row.Session.ID != plain.ID {
		row.Damage = errOther
	}
	if row.Damage != nil {
		row.Damage = &RecordError{What: RecordSession, SessionID: plain.ID, Err: row.Damage}
		plain.Query, plain.LastActivityAt, plain.Tags, plain.Rules = query, api.FromMillis(activity), []string{}, []api.Rule{}
		plain.Origin = api.OriginLaunched
		plain.CreatedAt, plain.ErrorMessage = plain.LastActivityAt, row.Damage.Error()
		row.Session = plain
	}
	return row, nil
}

// decodeSession puts a session together again.
func decodeSession(document []byte, query string, activity int64) (api.Session, error) {
	var s api.Session
	if err := jsonv2.Unmarshal(document, &s, jsontext.AllowInvalidUTF8(true)); err != nil {
		return s, err
	}
	s.Query, s.LastActivityAt = query, api.FromMillis(activity)
	if s.Tags == nil {
		s.Tags = []string{}
	}
	s.Origin = cmp.Or(s.Origin, api.OriginLaunched) // those of before did not say
	return s, nil
}

// oneSession reads the session for which the condition is true, or ErrNotFound.
func (s *Store) oneSession(ctx context.Context, condition, key string) (SessionRow, error) {
	if err := s.begin(); err != nil {
		return SessionRow{}, err
	}
	defer s.reading.Done()
	row, err := scanSession(s.db.QueryRowContext(ctx, selectSessions+condition, key).Scan)
	_ = s.Damaged(row.Damage)
	return row, found(err, "session", key)
}

// Session returns the session with this id, or ErrNotFound.
func (s *Store) Session(ctx context.Context, id string) (SessionRow, error) {
	return s.oneSession(ctx, "WHERE s.id = ?", id)
}

// SessionByKey returns the session that was launched with this idempotency key,
// or ErrNotFound.
func (s *Store) SessionByKey(ctx context.Context, idempotencyKey string) (SessionRow, error) {
	return s.oneSession(ctx, "WHERE l.idempotency_key = ?", idempotencyKey)
}

// NewestOfConversation returns the session that was created last of those that
// have this conversation of Claude Code's, or ErrNotFound.
func (s *Store) NewestOfConversation(ctx context.Context, claudeSessionID string) (api.Session, error) {
	row, err := s.oneSession(ctx, "WHERE s.claude_session_id = ? ORDER BY s.n DESC LIMIT 1", claudeSessionID)
	return row.Session, err
}

// OpenSessions returns the sessions that are not final, oldest first.
func (s *Store) OpenSessions(ctx context.Context) (open []SessionRow, err error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	err = each(ctx, s.db, selectSessions+"WHERE s.status NOT IN ('completed', 'failed', 'interrupted') ORDER BY s.n", nil,
		func(rows *sql.Rows) (bool, error) {
			row, err := scanSession(rows.Scan)
			_ = s.Damaged(row.Damage)
			open = append(open, row)
			return true, err
		})
	if err != nil {
		return nil, fmt.Errorf("read open sessions: %w", err)
	}
	return open, nil
}

// StatusCounts returns how many sessions have each status, archived ones too; a
// status that none has is absent.
func (s *Store) StatusCounts(ctx context.Context) (map[api.Status]int, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	counts := map[api.Status]int{}
	err := each(ctx, s.db, "SELECT status, sessions FROM session_counts WHERE sessions > 0", nil, func(rows *sql.Rows) (bool, error) {
		var status api.Status
		var n int
		err := rows.Scan(&status, &n)
		counts[status] = n
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("count sessions: %w", err)
	}
	return counts, nil
}
