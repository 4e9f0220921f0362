package main

import (
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

// view shows a session to a person as it goes on, or prints its events as JSON.
type view struct {
	*printer
	id      string
	json    bool
	verbose bool // also what Claude Code says to programs
}

func (a *app) newView(id string) *view {
	return &view{printer: a.out, id: id, json: a.json}
}

// begin shows which session this is.
func (v *view) begin(r api.LaunchSessionResult) {
	if v.json {
		return
	}
	what := "session " + cleanLine(r.SessionID)
	if r.ParentSessionID != "" {
		what += ", continues " + cleanLine(r.ParentSessionID)
	}
	v.printf("%s\n", v.style(styleDim, what))
}

// event shows an event of the log, if a person who follows wants to know.
func (v *view) event(ev api.Event) error {
	if v.json {
		return v.line(ev)
	}
	switch ev.Type {
	case api.EventConversationUpdated:
		ce, err := decode[api.ConversationEvent](ev)
		if err != nil {
			return err
		}
		v.conversation(ce)
	case api.EventNewApproval:
		approval, err := decode[api.Approval](ev)
		if err != nil {
			return err
		}
		v.question(approval)
	case api.EventApprovalResolved:
		approval, err := decode[api.Approval](ev)
		if err != nil {
			return err
		}
		v.answer(approval)
	case api.EventSessionStatusChanged:
		change, err := decode[api.StatusChange](ev)
		if err != nil {
			return err
		}
		v.status(change)
	}
	return nil
}

// status shows those changes that one would wonder about.
func (v *view) status(c api.StatusChange) {
	switch {
	case c.NewStatus == api.StatusQueued:
		v.note("queued: waits for a free slot")
	case c.NewStatus == api.StatusInterrupting:
		v.note("interrupting…")
	case c.WaitingFor == api.WaitingForMessage:
		id := cleanLine(v.id)
		v.note(fmt.Sprintf("waits for a message: sessiond send %s \"…\"", id))
		v.note("or end it:           sessiond end " + id)
	}
}

// note prints a remark, which is clean.
func (v *view) note(s string) { v.printf("%s\n", v.style(styleDim, s)) }

// question shows what Claude Code asks, and how it can be answered: another
// terminal is needed, or another client.
func (v *view) question(q api.Approval) {
	id := cleanLine(q.ID)
	if questions := questionsOf(q); len(questions) > 0 {
		for _, asked := range questions {
			v.asks(asked)
		}
		v.note(fmt.Sprintf("  answer: sessiond answer %s%s", id, strings.Repeat(" 1", len(questions))))
	} else {
		v.wants(q)
		v.note("  yes: sessiond approve " + id)
	}
	v.note(fmt.Sprintf("  no:  sessiond deny %s \"why\"", id))
}

func (v *view) answer(q api.Approval) {
	by := ""
	if q.ResolvedBy != "" {
		by = " by " + cleanLine(q.ResolvedBy)
	}
	if q.Comment != "" {
		by += ": " + cleanLine(q.Comment)
	}
	v.printf("%s\n", v.style(styleYellow, "  "+word(q.Status)+by))
}

// end is the last line: how the session ended, and what it took.
func (v *view) end(s api.Session) {
	if v.json {
		return
	}
	mark := map[api.Status]string{api.StatusCompleted: "✓ ", api.StatusFailed: "✗ ", api.StatusInterrupted: "■ "}[s.Status]
	parts := []string{v.style(statusStyle(s.Status), mark+word(s.Status))}
	turns := fmt.Sprintf("%d turns", s.NumTurns)
	if s.NumTurns == 1 {
		turns = "1 turn"
	}
	for _, part := range []string{turns, durationText(s.DurationMS), costText(s.CostUSD)} {
		if part != "" {
			parts = append(parts, v.style(styleDim, part))
		}
	}
	v.printf("%s  %s\n", strings.Join(parts, v.style(styleDim, " · ")), v.style(styleDim, cleanLine(s.ID)))
	if s.ErrorMessage != "" {
		v.printf("%s\n", v.style(styleRed, clean(s.ErrorMessage)))
	}
}

// fit shortens one-line text to what is left of a line beside used columns.
func (v *view) fit(s string, used int) string {
	width := v.width
	if width == 0 {
		width = 160
	}
	return cut(cleanLine(s), max(width-used, 16))
}
