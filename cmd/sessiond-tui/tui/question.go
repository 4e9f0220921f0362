package tui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
)

// settleTime keeps a question that has just come up from being answered by a key
// that was meant for something else.
const settleTime = 300 * time.Millisecond

// settledMsg says that a question has stood long enough, since it was shown last.
type settledMsg struct {
	id    string
	shows int
}

// noReason is what Claude Code reads where no reason was given.
const noReason = "The user said no."

// ask puts the first open question of the current session. One that comes onto the
// screen, also once more, has to stand there for a moment before a key answers it.
func (m *model) ask() {
	t, was := m.current, m.onScreen
	if m.onScreen = ""; t == nil {
		return
	}
	var q api.Approval
	if open := m.list.asks[t.id]; len(open) > 0 {
		q = open[0]
	}
	if m.layout().talk > 0 {
		m.onScreen = q.ID
	}
	switch {
	case q.ID != t.shown.ID:
		t.shown, t.answers, t.picks = q, nil, nil
	case m.onScreen == "" || m.onScreen == was:
		return
	}
	if t.since = false; q.ID != "" {
		t.shows++
		m.work.later(settleTime, settledMsg{q.ID, t.shows})
	}
}

// settled lets keys answer a question.
func (m *model) settled(msg settledMsg) {
	for _, t := range m.talks {
		if t.shown.ID == msg.id && t.shows == msg.shows {
			t.since = true
		}
	}
}

// question is what keys answer; nil if nothing is asked, or not long enough.
func (m *model) question() *api.Approval {
	if t := m.current; t != nil && t.shown.ID != "" && t.since {
		return &t.shown
	}
	return nil
}

// part is the part of the question that is to be answered; nil for a tool.
func (t *talk) part() *plain.Question {
	parts := plain.Questions(t.shown)
	if len(t.answers) >= len(parts) {
		return nil
	}
	return &parts[len(t.answers)]
}

// answerKey does what a key means to the question; it reports whether it means
// something.
func (m *model) answerKey(name string) (tea.Cmd, bool) {
	q := m.question()
	if q == nil {
		return nil, false
	}
	t := m.current
	act := actionOf(name, onQuestion)
	n, err := strconv.Atoi(name)
	digit := err == nil && n > 0 && n < 10 && t.part() != nil
	if m.layout().talk == 0 && (digit || act != actNone) {
		m.showQuestion()
		return nil, true
	}
	if digit {
		m.choose(n)
		return nil, true
	}
	switch act {
	case actYes:
		m.yes(t)
	case actNo:
		m.dialog = newLine("why not? (enter: no reason)", "", func(m *model, reason string) {
			if reason == "" {
				reason = noReason
			}
			m.decide(api.SendDecisionParams{ApprovalID: q.ID, Decision: api.DecisionDeny, Comment: reason})
		})
	case actEdit:
		m.editInput(*q)
	case actAlways:
		m.always(*q)
	case actWords:
		if t.part() == nil {
			m.fail("answer in words", errors.New("it asks for yes or no"))
			break
		}
		m.dialog = newLine("answer:", "", func(m *model, text string) { m.answer(text) })
	case actShow:
		m.dialog = &pager{title: "what " + plain.Line(q.ToolName) + " is asked to do", lines: func(width int) []string {
			return wrapAll(plain.InputLines(q.ToolInput), width)
		}}
	default:
		return nil, false
	}
	return nil, true
}

// showQuestion shows what is asked, where only the list was on the screen: nothing is
// answered that was not seen.
func (m *model) showQuestion() {
	m.focus = focusTalk
	m.say("this is what it asks")
}

// yes approves, or sends what was chosen.
func (m *model) yes(t *talk) {
	part := t.part()
	switch {
	case part == nil:
		m.decide(api.SendDecisionParams{ApprovalID: t.shown.ID, Decision: api.DecisionApprove})
	case part.MultiSelect && len(t.picks) > 0:
		var numbers []string
		for _, n := range slices.Sorted(maps.Keys(t.picks)) {
			numbers = append(numbers, strconv.Itoa(n))
		}
		m.answer(strings.Join(numbers, ","))
	default:
		m.fail("answer", errors.New("choose an option by its number, or w for words of your own"))
	}
}

// choose takes an option by its number.
func (m *model) choose(n int) {
	t := m.current
	part := t.part()
	switch {
	case n > len(part.Options):
		m.fail("choose that", fmt.Errorf("there is no option %d", n))
	case !part.MultiSelect:
		m.answer(strconv.Itoa(n))
	case t.picks[n]:
		delete(t.picks, n)
	default:
		if t.picks == nil {
			t.picks = map[int]bool{}
		}
		t.picks[n] = true
	}
}

// answer answers the part that is asked; the last answer sends all.
func (m *model) answer(text string) {
	t := m.current
	if t == nil || t.part() == nil {
		return
	}
	if _, err := t.part().Answer(text); err != nil {
		m.fail("answer", err)
		return
	}
	t.answers, t.picks = append(t.answers, text), nil
	if t.part() != nil {
		return
	}
	input, err := plain.Answered(t.shown, t.answers)
	if err != nil {
		m.fail("answer", err)
		t.answers = nil
		return
	}
	m.decide(api.SendDecisionParams{ApprovalID: t.shown.ID, Decision: api.DecisionApprove, UpdatedInput: input})
}

// always approves, and has what Claude Code suggests remembered.
func (m *model) always(q api.Approval) {
	remember := func(i int) {
		m.decide(api.SendDecisionParams{ApprovalID: q.ID, Decision: api.DecisionApprove, Remember: []int{i}})
	}
	switch len(q.Suggestions) {
	case 0:
		m.fail("remember it", errors.New("nothing is suggested; y says yes this once"))
	case 1:
		remember(0)
	default:
		d := &pick{title: "yes, and from now on"}
		for _, s := range q.Suggestions[:min(9, len(q.Suggestions))] {
			d.choices = append(d.choices, choice{value: plain.Suggestion(s)})
		}
		d.accept = func(*model, string) { remember(d.at) }
		m.dialog = d
	}
}

// editInput has the input changed, and approves what it becomes.
func (m *model) editInput(q api.Approval) {
	m.dialog = newForm("edit what "+plain.Line(q.ToolName)+" is to do, then yes", func(m *model, values []string) error {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(values[0]), &object); err != nil {
			return fmt.Errorf("that is no JSON object: %w", err)
		}
		m.decide(api.SendDecisionParams{ApprovalID: q.ID, Decision: api.DecisionApprove, UpdatedInput: json.RawMessage(values[0])})
		return nil
	}, field{label: "input", in: newInput(pretty(q.ToolInput), 1000), lines: 1000, json: true})
}

// decide sends a decision. The question goes when its event says that it was
// taken, whoever has answered it; until then no key answers it again.
func (m *model) decide(p api.SendDecisionParams) {
	d := m.daemon
	if t := m.current; t != nil {
		t.since = false
	}
	again := func(m *model) {
		for _, t := range m.talks {
			if t.shown.ID == p.ApprovalID {
				t.since, t.answers = true, nil
			}
		}
	}
	m.work.call("answer", again, func(ctx context.Context) (doneMsg, error) {
		r, err := d.SendDecision(ctx, p)
		if errors.Is(err, &api.Error{Reason: api.ReasonAlreadyResolved}) {
			return doneMsg{note: "it was answered before"}, nil
		}
		return doneMsg{note: plain.Word(r.Approval.Status)}, err
	})
}

// questionView shows what is asked, in so many lines at most.
func (m *model) questionView(t *talk, width, most int) []string {
	q := t.shown
	if q.ID == "" || most < 3 {
		return nil
	}
	var lines []string
	if part := t.part(); part != nil {
		lines = m.partLines(t, part, width)
	} else {
		lines = slices.Clone(m.toolLines(t, width))
	}
	more := ""
	if n := len(m.list.asks[t.id]) - 1; n > 0 {
		more = fmt.Sprintf("  (%d more behind it)", n)
	}
	hint := styled(m.th.dim, wrap(m.answerHint(t)+more, width)) // all of it: what cannot be seen cannot be said yes to
	if room := max(1, most-len(hint)); len(lines) > room {
		left := len(lines) - room + 1
		lines = append(lines[:room-1], m.th.warn.Render(fmt.Sprintf("… %d lines more: s shows all", left)))
	}
	return append(lines, hint...)
}

// askedLines are what toolLines were last, and for what.
type askedLines struct {
	id    string
	width int
	theme *theme
	lines []string
}

// toolLines show a tool that asks whether it may run, and with what: all of it.
func (m *model) toolLines(t *talk, width int) []string {
	q := t.shown
	if a := &t.asks; a.id == q.ID && a.width == width && a.theme == m.th {
		return a.lines
	}
	lines := []string{fit(m.th.warn.Bold(true).Render("? may "+plain.Line(q.ToolName)+" run"), width)}
	diff := m.r.diffOf(q.ToolInput, width-2)
	for _, in := range plain.InputLines(without(q.ToolInput, len(diff) > 0)) {
		lines = append(lines, marked("  ", wrap(in, width-2))...)
	}
	lines = append(lines, marked("  ", diff)...)
	t.asks = askedLines{q.ID, width, m.th, lines}
	return lines
}

// without leaves out what is shown as a difference.
func without(input json.RawMessage, diff bool) json.RawMessage {
	var members map[string]json.RawMessage
	if !diff || json.Unmarshal(input, &members) != nil {
		return input
	}
	for _, shown := range []string{"old_string", "new_string", "content", "new_source"} {
		delete(members, shown)
	}
	if !strings.Contains(string(members["edits"]), "replace_all") {
		delete(members, "edits")
	}
	b, err := api.Marshal(members)
	if err != nil {
		return input
	}
	return b
}

// partLines show a question to the user, with its options numbered.
func (m *model) partLines(t *talk, part *plain.Question, width int) []string {
	head := plain.Line(part.Question)
	if part.Header != "" {
		head = plain.Line(part.Header) + ": " + head
	}
	lines := styled(m.th.warn.Bold(true), wrap("? "+head, width))
	for i, o := range part.Options {
		mark := "  "
		if t.picks[i+1] {
			mark = "✓ "
		}
		text := fmt.Sprintf("%s%d  %s", mark, i+1, plain.Line(o.Label))
		if o.Description != "" {
			text += "  " + m.th.dim.Render(plain.Line(o.Description))
		}
		lines = append(lines, marked("  ", wrap(text, width-2))...)
	}
	return lines
}

// answerHint says which keys answer.
func (m *model) answerHint(t *talk) string {
	part := t.part()
	alt := ""
	if m.focus == focusPrompt {
		alt = "with alt: "
	}
	switch {
	case !t.since:
		return "…"
	case part != nil && part.MultiSelect:
		return alt + "1-9 choose, y sends, w words, n no and why"
	case part != nil:
		return alt + "1-9 choose, w words, n no and why"
	}
	hint := alt + "y yes, n no and why, e edit it first, s show all"
	if len(t.shown.Suggestions) > 0 {
		hint += ", a always: " + plain.Suggestion(t.shown.Suggestions[0])
	}
	return hint
}
