package session

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

var approvalStatuses = []api.ApprovalStatus{api.ApprovalPending, api.ApprovalApproved, api.ApprovalDenied, api.ApprovalCancelled}

// FetchApprovals reads approvals, oldest first: the pending ones unless others
// are asked for.
func (m *Manager) FetchApprovals(ctx context.Context, p api.FetchApprovalsParams) (api.FetchApprovalsResult, error) {
	if err := checkAny("status", p.Status, approvalStatuses); err != nil {
		return api.FetchApprovalsResult{}, err
	}
	if len(p.Status) == 0 {
		p.Status = []api.ApprovalStatus{api.ApprovalPending}
	}
	if p.SessionID != "" {
		id, err := api.ParseID("session_id", p.SessionID)
		if err != nil {
			return api.FetchApprovalsResult{}, err
		}
		if _, err := m.row(ctx, id); err != nil {
			return api.FetchApprovalsResult{}, err
		}
		p.SessionID = id
	}
	approvals, _, err := m.store.Approvals(ctx, p.SessionID, p.Status) // whoever answers must see what is asked: none that is damaged
	return api.FetchApprovalsResult{Approvals: approvals}, wrapf(err, "approvals")
}

// GetApproval reads one approval.
func (m *Manager) GetApproval(ctx context.Context, p api.ApprovalParams) (api.ApprovalResult, error) {
	id, err := api.ParseID("approval_id", p.ApprovalID)
	if err != nil {
		return api.ApprovalResult{}, err
	}
	a, err := m.approval(ctx, id)
	return api.ApprovalResult{Approval: a}, err
}

func (m *Manager) approval(ctx context.Context, id string) (api.Approval, error) {
	a, err := m.store.Approval(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return a, api.NotFound(api.ReasonApprovalNotFound, id)
	}
	return a, wrapf(err, "approval %s", id)
}

// SendDecision answers an approval. The first answer wins; a later one is told
// how the first was.
func (m *Manager) SendDecision(ctx context.Context, p api.SendDecisionParams) (api.ApprovalResult, error) {
	id, err := api.ParseID("approval_id", p.ApprovalID)
	if err != nil {
		return api.ApprovalResult{}, err
	}
	p.ApprovalID = id
	if err := checkDecision(&p); err != nil {
		return api.ApprovalResult{}, err
	}
	a, err := m.approval(ctx, id)
	if err != nil {
		return api.ApprovalResult{}, err
	}
	_, err = m.change(ctx, a.SessionID, func(_ *actor, s *step) error {
		var err error
		a, err = s.decide(p, clientOf(ctx))
		return err
	})
	if errors.Is(err, errResolved) {
		if a, err = m.approval(ctx, id); err != nil {
			return api.ApprovalResult{}, err
		}
		return api.ApprovalResult{}, api.Errorf(api.ReasonAlreadyResolved, "the approval was %s by %s at %s", a.Status, a.ResolvedBy, a.ResolvedAt).
			With("approval", a)
	}
	return api.ApprovalResult{Approval: a}, err
}

func checkDecision(p *api.SendDecisionParams) error {
	switch {
	case p.Decision == api.DecisionDeny && p.Comment == "":
		return api.InvalidParams("comment", "is needed to deny: Claude Code reads it")
	case p.Decision == api.DecisionDeny && p.UpdatedInput != nil:
		return api.InvalidParams("updated_input", "goes with approve only")
	case p.Decision == api.DecisionDeny && len(p.Remember) > 0:
		return api.InvalidParams("remember", "goes with approve only")
	case p.Decision != api.DecisionDeny && p.Decision != api.DecisionApprove:
		return api.InvalidParams("decision", "%q is neither approve nor deny", p.Decision)
	}
	var object map[string]json.RawMessage
	if p.UpdatedInput != nil && (json.Unmarshal(p.UpdatedInput, &object) != nil || object == nil) {
		return api.InvalidParams("updated_input", "must be an object: the whole input of the tool")
	}
	return nil
}

// checkAny refuses words that are none of the known ones.
func checkAny[T ~string](field string, words, known []T) error {
	for _, w := range words {
		if !slices.Contains(known, w) {
			return api.InvalidParams(field, "%q is none of %v", w, known)
		}
	}
	return nil
}
