package session

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
)

// take takes in the first of the lines that Claude Code printed, as many as make
// one step, and returns how many: those up to the next delta, or all deltas up to
// the next line that is stored. A step's deltas are told after its events, so in
// one step with others they would lose their place.
func (s *step) take(lines []shim.Line) int {
	s.batch.Events = slices.Grow(s.batch.Events, len(lines)) // most lines are one event
	deltas := false
	var l claude.Line
	for i, raw := range lines {
		l = claude.Parse(raw.Bytes)
		delta := len(l.Parts) == 0
		if i > 0 && delta != deltas {
			return i
		}
		deltas = delta
		s.line(raw, &l)
	}
	return len(lines)
}

// line takes in one line: it is kept in the log, what it means changes the
// machine, and what is due then is done, so that nothing depends on how many
// lines are taken in with one step.
func (s *step) line(raw shim.Line, l *claude.Line) {
	before := s.m.row.Session
	s.read(raw, l)
	s.pump()
	s.settle(s.m.reason(&before))
}

func (s *step) read(raw shim.Line, l *claude.Line) {
	s.m.row.JournalOffset = raw.End
	s.m.eng.Seen = true
	s.quiet = s.quiet && quiet(l)
	if len(l.Parts) == 0 {
		s.partial(raw.Bytes)
		return
	}
	if l.Type == "assistant" && !l.Subagent || l.Result != nil && s.m.eng.Turn {
		s.inferStart()
	}
	s.keep(raw, l.Parts)
	for _, part := range l.Parts {
		if part.Kind == api.ConversationToolResult {
			delete(s.m.eng.Answers, part.ToolID) // it has arrived
		}
	}
	s.note(l)
	s.meaning(l)
}

// quiet reports whether a line tells of no activity: the answer to initialize,
// and what 2.1.329 prints behind it. Another daemon alone is none.
func quiet(l *claude.Line) bool {
	return l.Background != nil || l.Response != nil && l.Response.Pending != nil
}

// keep appends the events of a line: one for each part, the bytes with the first.
func (s *step) keep(raw shim.Line, parts []claude.Part) {
	for i, part := range parts {
		ev := s.newEvent(api.EventConversationUpdated)
		ev.Kind, ev.ToolID = part.Kind, part.ToolID
		ev.FromLine, ev.Line, ev.Part, ev.Unterminated = true, raw.Bytes, i, raw.Unterminated
		s.batch.Events = append(s.batch.Events, ev)
	}
}

// partial passes a delta on to those who listen; it is not stored.
func (s *step) partial(line []byte) {
	if utf8.Valid(line) && json.Valid(line) {
		s.partials = append(s.partials, json.RawMessage(line))
	}
}

// note keeps what a line tells of the process in passing.
func (s *step) note(l *claude.Line) {
	e := &s.m.eng
	if l.State != "" {
		e.State = l.State
		if l.State == "idle" {
			e.AwaitIdle = false
		}
	}
	if l.Background != nil {
		e.Agents = *l.Background
	}
	if l.Interrupt && !l.Subagent {
		e.Cut = true
	}
	if l.Mode != "" {
		s.set(&s.m.row.Session.PermissionMode, l.Mode)
	}
	s.noteLimits(l)
}

// noteLimits keeps what Claude Code says of the API: its rate limit, and that a
// request is tried again, until an answer comes.
func (s *step) noteLimits(l *claude.Line) {
	ses := &s.m.row.Session
	switch {
	case l.RateLimit != nil:
		ses.RateLimit, s.updated = l.RateLimit, true
	case l.Retry != nil:
		ses.APIRetry, s.updated = l.Retry, true
	case ses.APIRetry != nil && (l.Type == "assistant" || l.Result != nil):
		ses.APIRetry, s.updated = nil, true
	}
}

// meaning does what a line calls for.
func (s *step) meaning(l *claude.Line) {
	switch {
	case l.Init != nil:
		s.beginTurn()
		s.set(&s.m.row.Session.Model, l.Init.Model)
		s.set(&s.m.row.Session.PermissionMode, l.Init.PermissionMode)
		s.adoptConversation(l.SessionID)
	case l.Result != nil:
		s.endTurn(l.Result)
	case l.Lifecycle != nil:
		s.m.eng.Acks = true
		s.lifecycle(l.Lifecycle)
	case l.EchoID != "":
		s.echo(l.EchoID)
	case l.Question != nil:
		s.ask(l.Question)
	case l.CancelID != "":
		s.voidQuestion(l.CancelID)
	case l.Response != nil:
		s.response(l.Response)
	}
}

// set changes a field that Claude Code reports, and has clients told of it.
func (s *step) set(field *string, value string) {
	if value != "" && *field != value {
		*field = strings.Clone(value) // keeps no line
		s.updated = true
	}
}

// adoptConversation follows Claude Code to another conversation, as its
// command /clear begins one in the same process.
func (s *step) adoptConversation(id string) { s.set(&s.m.row.Session.ClaudeSessionID, id) }

// beginTurn notes that a turn is under way.
func (s *step) beginTurn() {
	e := &s.m.eng
	if e.Turn {
		return
	}
	e.Turn, e.Cut, e.TurnAborted = true, false, false
}

// endTurn takes a result in: it ends the turn, and nothing but the turn.
func (s *step) endTurn(r *claude.Result) {
	e, ses := &s.m.eng, &s.m.row.Session
	e.TurnAborted = r.Aborted() || e.Cut
	e.Turn, e.Cut, e.Interrupt = false, false, nil
	e.HasResult, e.ResultError = true, r.IsError
	e.AwaitIdle = e.Agents > 0 && e.State != ""
	ses.NumTurns++
	ses.DurationMS += r.DurationMS
	s.use(r)
	ses.Result, ses.ErrorMessage = r.Text, ""
	switch {
	case e.TurnAborted:
		ses.Result = "" // what Claude Code says then is for its makers
	case r.IsError:
		ses.ErrorMessage = r.Text
	}
	s.updated = true
	if e.Agents == 0 { // a subagent that works on may have asked, and still wait
		s.voidQuestions("turn_ended")
		e.Answers = nil
	}
	for i := range s.m.messages {
		if s.m.messages[i].State == api.MessageStarted {
			s.setMessage(i, api.MessageCompleted, "")
		}
	}
}

// use counts what the session itself has used.
func (s *step) use(r *claude.Result) {
	e, ses := &s.m.eng, &s.m.row.Session
	if e.Base == nil {
		e.Base = base(s.m.row.Options, r)
	}
	e.Total = r.Total
	own := r.Total.Minus(*e.Base)
	s.spent(own)
	ses.CostUSD = own.CostUSD
	ses.InputTokens, ses.OutputTokens = own.InputTokens, own.OutputTokens
	ses.CacheCreationInputTokens, ses.CacheReadInputTokens = own.CacheCreationInputTokens, own.CacheReadInputTokens
}

// spent adds what was used since the last result to the day.
func (s *step) spent(own claude.Totals) {
	ses, used := &s.m.row.Session, &s.batch.Used
	used.CostUSD += own.CostUSD - ses.CostUSD
	used.InputTokens += own.InputTokens - ses.InputTokens
	used.OutputTokens += own.OutputTokens - ses.OutputTokens
	used.CacheCreationInputTokens += own.CacheCreationInputTokens - ses.CacheCreationInputTokens
	used.CacheReadInputTokens += own.CacheReadInputTokens - ses.CacheReadInputTokens
	s.batch.UsedAt = s.now
}

// base finds what a process had begun with, by its first result: the most that
// an ancestor had used at its end and that leaves room for this turn.
func base(options json.RawMessage, r *claude.Result) *claude.Totals {
	var l launch
	var most claude.Totals
	if json.Unmarshal(options, &l) != nil {
		return &most
	}
	for _, t := range l.Totals {
		if t.CostUSD > most.CostUSD && r.Total.Minus(t).Covers(r.Turn) {
			most = t
		}
	}
	return &most
}

// response takes in Claude Code's answer to a control request of ours.
func (s *step) response(r *claude.Response) {
	s.answered = append(s.answered, answer{requestID: r.RequestID, err: r.Error})
	if r.Pending != nil {
		s.reconcile(r.Pending)
	}
	if len(r.StillQueued) > 0 && s.m.eng.Interrupt != nil && !s.m.eng.Turn {
		s.m.eng.Interrupt.Sent = false // it came before its turn had begun
	}
	c, ok := s.m.eng.Controls[r.RequestID]
	if !ok {
		return
	}
	delete(s.m.eng.Controls, r.RequestID)
	if r.Error != "" {
		return
	}
	if i := s.m.message(c.Message); i >= 0 && r.Cancelled {
		s.setMessage(i, api.MessageCancelled, "") // 2.1.197 has no other way to say so
	}
	s.switched(c, r)
}

// switched takes in Claude Code's word that model or mode are as asked for.
func (s *step) switched(c control, r *claude.Response) {
	ses, e := &s.m.row.Session, &s.m.eng
	if c.Model != "" {
		e.Switched.Model = c.Model
		s.set(&ses.Model, cmp.Or(r.Model, c.Model))
	}
	if c.Mode != "" {
		e.Switched.Mode = c.Mode
		s.set(&ses.PermissionMode, cmp.Or(r.Mode, c.Mode))
		s.expireMode(c.Timeout)
	}
}

// expireMode has the permission mode fall back after some milliseconds; never
// for 0.
func (s *step) expireMode(timeout int64) {
	at := api.Time{}
	s.m.eng.ModeUntil = 0
	if left := time.Duration(timeout) * time.Millisecond; left > 0 {
		at = api.At(s.now.Add(left))
		s.m.eng.ModeUntil = s.clock + left
	}
	if ses := &s.m.row.Session; !at.Equal(ses.PermissionModeExpiresAt.Time) {
		ses.PermissionModeExpiresAt, s.updated = at, true
	}
}

// pump does what is due now: the end, if that is wanted; an interrupt whose turn
// has begun; a message that may be sent; the end of a one-turn session's input.
func (s *step) pump() {
	e := &s.m.eng
	if !e.Started {
		return
	}
	if e.End != "" {
		if !e.EndSent {
			e.EndSent = true
			s.write(claude.EndSession(newID())) // ends its tools too
		}
		return
	}
	if e.Interrupt != nil && !s.m.busy() && s.m.waiting() == 0 {
		e.Interrupt, e.TurnAborted = nil, true // what it was meant for was withdrawn
	}
	if e.Interrupt != nil && !e.Interrupt.Sent && e.Turn {
		e.Interrupt.Sent = true
		s.write(claude.Interrupt(newID()))
	}
	if e.InputClosed {
		s.voidQuestions("input_closed") // Claude Code refuses by itself what nobody can answer
		return
	}
	s.deliver()
	if s.m.held() {
		e.Interrupt = nil // its turn does not come today
	}
	if s.m.mayClose() {
		e.InputClosed, s.closeInput = true, true
	}
}

// mayClose reports whether a one-turn session has had its last turn. While its
// subagents work in the background its input stays open, because they may ask.
func (m *machine) mayClose() bool {
	e := &m.eng
	return !m.row.Session.Interactive && !m.busy() && m.waiting() == 0 &&
		!e.AwaitIdle && (e.Agents == 0 || e.State == "idle")
}

// settle brings the status in line with the facts.
func (s *step) settle(reason string) {
	to, waitingFor := s.m.target()
	s.setStatus(to, waitingFor, reason)
}

// reason names what a line changed the status for.
func (m *machine) reason(before *api.Session) string {
	to, waitingFor := m.target()
	switch {
	case waitingFor == api.WaitingForApproval:
		return reasonApproval
	case waitingFor == api.WaitingForMessage && m.held():
		return reasonDailyLimit
	case waitingFor == api.WaitingForMessage:
		return reasonTurnEnded
	case to != api.StatusRunning:
		return reasonInterrupt
	case before.Status == api.StatusStarting:
		return reasonOutput
	case before.WaitingFor == api.WaitingForApproval:
		return reasonAnswered
	case before.Status == api.StatusInterrupting:
		return reasonTurnEnded
	case m.indexOf(api.MessageSent) < 0 && m.indexOf(api.MessageStarted) < 0:
		return reasonActivity
	default:
		return reasonMessage
	}
}
