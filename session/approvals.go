package session

import (
	"encoding/json"
	"slices"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
)

// ask keeps a question of Claude Code's, once.
func (s *step) ask(q *claude.Question) {
	e := &s.m.eng
	for _, known := range e.Questions {
		if known == q.RequestID {
			return
		}
	}
	if s.answeredBefore(q) {
		return
	}
	a := api.Approval{ID: newID(), SessionID: s.m.row.Session.ID, Kind: api.ApprovalTool, ToolUseID: q.ToolUseID,
		ToolName: q.ToolName, ToolInput: orEmpty(q.Input), Suggestions: []json.RawMessage{}, Status: api.ApprovalPending, CreatedAt: s.now}
	if q.ForUser {
		a.Kind = api.ApprovalQuestion
	}
	for _, suggestion := range q.Suggestions {
		a.Suggestions = append(a.Suggestions, suggestion)
	}
	if e.Questions == nil {
		e.Questions = map[string]string{}
	}
	e.Questions[a.ID] = q.RequestID
	s.m.approvals = append(s.m.approvals, a)
	s.batch.Approvals = append(s.batch.Approvals, a)
	s.event(api.EventNewApproval, a)
	s.applyRule(&a)
}

// applyRule has the first rule that matches answer a question, in the step that
// asked it: both are recorded, and nobody is waited for.
func (s *step) applyRule(a *api.Approval) {
	rule := ruleFor(s.m.row.Session.Rules, a)
	if rule == nil {
		return
	}
	comment := rule.Comment
	if comment == "" && rule.Decision == api.DecisionDeny {
		comment = "refused by the rule " + rule.Tool
	}
	_, err := s.decide(api.SendDecisionParams{ApprovalID: a.ID, Decision: rule.Decision, Comment: comment}, "rule "+rule.Tool)
	if err != nil {
		s.faults = append(s.faults, err) // it was pending a moment ago
	}
}

func orEmpty(object []byte) json.RawMessage {
	if len(object) == 0 || !json.Valid(object) {
		return json.RawMessage("{}")
	}
	return object
}

// resolve is the one place where an approval gets its final status.
func (s *step) resolve(i int, status api.ApprovalStatus, by, comment string) api.Approval {
	a := s.m.approvals[i]
	a.Status, a.ResolvedBy, a.Comment, a.ResolvedAt = status, by, comment, s.now
	s.m.approvals = slices.Delete(s.m.approvals, i, i+1)
	delete(s.m.eng.Questions, a.ID)
	if j := slices.IndexFunc(s.batch.Approvals, func(b api.Approval) bool { return b.ID == a.ID }); j >= 0 {
		s.batch.Approvals[j] = a
	} else {
		s.batch.Approvals = append(s.batch.Approvals, a)
	}
	s.event(api.EventApprovalResolved, a)
	return a
}

// voidQuestion is for a question that Claude Code takes back.
func (s *step) voidQuestion(requestID string) {
	for i, a := range s.m.approvals {
		if s.m.eng.Questions[a.ID] == requestID {
			s.resolve(i, api.ApprovalCancelled, "claude", "")
			return
		}
	}
}

// voidQuestions cancels every open question: nobody can answer it any more.
func (s *step) voidQuestions(by string) {
	for len(s.m.approvals) > 0 {
		s.resolve(0, api.ApprovalCancelled, by, "")
	}
}

// decide answers a question. The first answer wins.
func (s *step) decide(p api.SendDecisionParams, client string) (api.Approval, error) {
	i := slices.IndexFunc(s.m.approvals, func(a api.Approval) bool { return a.ID == p.ApprovalID })
	if i < 0 {
		return api.Approval{}, errResolved
	}
	a := s.m.approvals[i]
	requestID := s.m.eng.Questions[a.ID]
	if p.Decision == api.DecisionDeny {
		s.answer(&a, claude.Deny(requestID, p.Comment))
		return s.resolve(i, api.ApprovalDenied, client, p.Comment), nil
	}
	remembered := make([]json.RawMessage, len(p.Remember))
	for j, index := range p.Remember {
		if index < 0 || index >= len(a.Suggestions) {
			return api.Approval{}, api.InvalidParams("remember", "%d is not an index into the approval's %d suggestions", index, len(a.Suggestions))
		}
		remembered[j] = a.Suggestions[index]
	}
	input := a.ToolInput
	if p.UpdatedInput != nil {
		input = p.UpdatedInput
	}
	line := claude.Allow(requestID, input, remembered)
	if err := checkSize("updated_input", len(line), shim.MaxLine); err != nil {
		return api.Approval{}, err
	}
	s.answer(&a, line)
	return s.resolve(i, api.ApprovalApproved, client, p.Comment), nil
}

// answer writes the answer to a question, and keeps it until the tool's result
// is there or the turn ends: a daemon that takes over writes it again, which
// does no harm.
func (s *step) answer(a *api.Approval, line []byte) {
	if s.m.eng.Answers == nil {
		s.m.eng.Answers = map[string]json.RawMessage{}
	}
	s.m.eng.Answers[a.ToolUseID] = line
	s.write(line)
}
