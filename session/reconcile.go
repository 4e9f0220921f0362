package session

import (
	"bytes"
	"slices"

	"github.com/sessiond/sessiond/session/claude"
)

// reconcile brings the approvals in line with what Claude Code says that it
// waits for: what it does not wait for any more is cancelled, what is new here
// is asked. What was answered here and is still open there is answered again.
func (s *step) reconcile(pending []*claude.Question) {
	e := &s.m.eng
	for _, a := range slices.Clone(s.m.approvals) {
		requestID := e.Questions[a.ID]
		if !slices.ContainsFunc(pending, func(q *claude.Question) bool { return q.RequestID == requestID }) {
			s.voidQuestion(requestID)
		}
	}
	if e.Interrupt != nil || e.End != "" || e.InputClosed {
		return // what is open there was withdrawn here, and Claude Code is about to learn it
	}
	for _, q := range pending {
		s.ask(q)
	}
}

// answeredBefore writes the answer to a question again if it was given already.
func (s *step) answeredBefore(q *claude.Question) bool {
	line := s.m.eng.Answers[q.ToolUseID]
	if !bytes.Contains(line, []byte(`"request_id":`+string(mustJSON(q.RequestID)))) {
		return false // none, or one to a question before
	}
	s.write(line)
	return true
}
