package store

import (
	"context"
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

const selectApprovals = `SELECT document, id, status, tool_use_id, (SELECT s.id FROM sessions s WHERE s.n = session) FROM approvals `

// scanApproval reads a row of selectApprovals. With a *RecordError comes what the
// row says beside the document.
func scanApproval(scan func(...any) error) (api.Approval, error) {
	var a api.Approval
	var document []byte
	plain := api.Approval{Kind: api.ApprovalTool, ToolInput: json.RawMessage("{}"), Suggestions: []json.RawMessage{}}
	if err := scan(&document, &plain.ID, &plain.Status, &plain.ToolUseID, &plain.SessionID); err != nil {
		return a, err
	}
	err := json.Unmarshal(document, &a)
	if err == nil && (a.ID != plain.ID || a.SessionID != plain.SessionID) {
		err = errOther
	}
	if err != nil {
		return plain, &RecordError{What: RecordApproval, ID: plain.ID, SessionID: plain.SessionID, Err: err}
	}
	return a, nil
}

// Approval returns the approval with this id, or ErrNotFound.
func (s *Store) Approval(ctx context.Context, id string) (api.Approval, error) {
	if err := s.begin(); err != nil {
		return api.Approval{}, err
	}
	defer s.reading.Done()
	a, err := readRecord(s, s.db.QueryRowContext(ctx, selectApprovals+"WHERE id = ?", id), scanApproval)
	return a, found(err, "approval", id)
}

// Approvals returns the approvals of a session (empty: of all) that have one of
// these statuses (none: any), oldest first. Those that are damaged come apart, and
// Problem names them.
func (s *Store) Approvals(ctx context.Context, sessionID string, status []api.ApprovalStatus) (whole []api.Approval, damaged []Damaged[api.Approval], err error) {
	if err := s.begin(); err != nil {
		return nil, nil, err
	}
	defer s.reading.Done()
	where, args := ofSession(sessionID, "status", status)
	whole, damaged, err = readRecords(ctx, s, selectApprovals+where+" ORDER BY n", args, scanApproval)
	if err != nil {
		return nil, nil, fmt.Errorf("read approvals: %w", err)
	}
	return whole, damaged, nil
}
