package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/sessiond/sessiond/rpc/api"
)

// An approval stays in its session: one with the id of another session's
// approval changes nothing.
const putApprovalSQL = `INSERT INTO approvals (id, session, status, tool_use_id, document)
	VALUES (?, (SELECT n FROM sessions WHERE id = ?), ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET status = excluded.status, tool_use_id = excluded.tool_use_id, document = excluded.document
	WHERE session = excluded.session`

// putApproval inserts a or replaces the one with its id.
func (w *writer) putApproval(a *api.Approval) error {
	document, err := encode(a)
	if err != nil {
		return err
	}
	changed, err := w.stmts.putApproval.change(a.ID, a.SessionID, string(a.Status), a.ToolUseID, document)
	return affected(changed, err, ErrExists)
}

const selectApprovals = `SELECT document FROM approvals `

// scanApproval reads a row of selectApprovals.
func scanApproval(scan func(...any) error) (api.Approval, error) {
	var a api.Approval
	var document []byte
	if err := scan(&document); err != nil {
		return a, err
	}
	if err := json.Unmarshal(document, &a); err != nil {
		return a, &RecordError{What: "approval", Err: err}
	}
	return a, nil
}

// Approval returns the approval with this id, or ErrNotFound.
func (s *Store) Approval(ctx context.Context, id string) (api.Approval, error) {
	if err := s.begin(); err != nil {
		return api.Approval{}, err
	}
	defer s.reading.Done()
	a, err := scanApproval(s.db.QueryRowContext(ctx, selectApprovals+"WHERE id = ?", id).Scan)
	return a, found(err, "approval", id)
}

// Approvals returns the approvals of a session (empty: of all) that have one of
// these statuses (none: any), oldest first.
func (s *Store) Approvals(ctx context.Context, sessionID string, status []api.ApprovalStatus) ([]api.Approval, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.reading.Done()
	where, args := ofSession(sessionID, "status", status)
	approvals := []api.Approval{}
	err := each(ctx, s.db, selectApprovals+where+" ORDER BY n", args, func(rows *sql.Rows) (bool, error) {
		a, err := scanApproval(rows.Scan)
		approvals = append(approvals, a)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read approvals: %w", err)
	}
	return approvals, nil
}
