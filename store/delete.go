package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/sessiond/sessiond/internal/crashpoint"
)

const (
	// At most so many events of a deleted session go at once, and not more than
	// one that begins behind so many bytes: every page of a long line is touched.
	purgeRows  = 128
	purgeBytes = 1 << 20
)

const (
	insertDeletionSQL = `INSERT INTO deletions (n, session_id, run_id, claude_session_id, purged)
		SELECT n, id, run_id, claude_session_id, 0 FROM sessions WHERE n = ?`
	deleteSessionSQL = `DELETE FROM sessions WHERE n = ?`
	purgeEventsSQL   = `DELETE FROM events WHERE seq IN (SELECT seq FROM
		(SELECT seq, own, sum(own) OVER (ORDER BY seq) AS upto FROM
			(SELECT seq, coalesce(octet_length(line), 0) AS own FROM events
				WHERE session = ? AND type <> 'session_deleted' ORDER BY seq LIMIT ?))
		WHERE upto - own < ?)`
	closeDeletionSQL = `UPDATE deletions SET purged = 1 WHERE n = ?`
)

// deleteSession removes a session's row and all that hangs on it, and leaves a
// note about its events. From then on no reading shows them.
func (w *writer) deleteSession(n int64) error {
	noted, err := w.stmts.insertDeletion.change(n)
	if err = affected(noted, err, ErrNotFound); err != nil {
		return err
	}
	_, err = w.stmts.deleteSession.exec(n)
	return err
}

// purge removes some events of a session that was deleted.
func (w *writer) purge() error {
	n, finished := w.purges[0], false
	err := w.transact(func() error {
		removed, err := w.stmts.purgeEvents.change(n, int64(purgeRows), int64(purgeBytes))
		if err != nil || removed > 0 {
			return err
		}
		finished = true
		_, err = w.stmts.closeDeletion.exec(n)
		return err
	})
	if err != nil {
		err = fmt.Errorf("remove events of session %d: %w", n, err)
		w.logger.Error("events of a deleted session stay for now", "error", err)
		return err
	}
	crashpoint.Reach(crashpoint.DeletePurging)
	if finished {
		w.purges = w.purges[1:]
	}
	w.touch()
	return nil
}

// openDeletions lists the deleted sessions whose events are still in the file.
func (s *Store) openDeletions(ctx context.Context) (open []int64, err error) {
	err = each(ctx, s.db, "SELECT n FROM deletions WHERE purged = 0 ORDER BY n", nil, func(rows *sql.Rows) (bool, error) {
		var n int64
		err := rows.Scan(&n)
		open = append(open, n)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read deletions: %w", err)
	}
	return open, nil
}
