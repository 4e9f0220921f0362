package session

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// machine is the whole state of a session that is not final.
type machine struct {
	row       store.SessionRow
	eng       engine
	messages  []api.Message  // those that are not final, by position
	approvals []api.Approval // those that are pending, oldest first
	hold      bool           // the daily limit is reached: nothing is to be sent
}

// engine is what a session's machine has to remember beside what clients see.
// It is stored with the session as JSON, in the transaction of each step, so
// that another daemon can go on from there.
type engine struct {
	// Conversation is what the process was started on: its lock is named so.
	// Claude Code itself may go on to another conversation (/clear).
	Conversation string `json:"conversation"`

	Position int  `json:"position"`       // of the next message
	Started  bool `json:"started"`        // the process runs, or ran
	Seen     bool `json:"seen,omitempty"` // it has printed a line
	// Process names the process for good, whatever becomes of its directory.
	Process *shim.Started `json:"process,omitempty"`
	// Lost is why what the session comes to is not known whole.
	Lost *loss `json:"lost,omitempty"`

	Turn        bool `json:"turn,omitempty"` // a turn is under way
	Cut         bool `json:"cut,omitempty"`  // in this turn: the note of an interrupt was seen
	TurnAborted bool `json:"turn_aborted,omitempty"`
	HasResult   bool `json:"has_result,omitempty"`
	ResultError bool `json:"result_error,omitempty"`

	// Total is what the process said last that it has used, Base what it had
	// begun with: what another process on the conversation had used.
	Total claude.Totals  `json:"total"`
	Base  *claude.Totals `json:"base,omitempty"`

	Acks      bool   `json:"acks,omitempty"`       // this claude acknowledges messages
	State     string `json:"state,omitempty"`      // the last session_state_changed; "" where it sends none
	Agents    int    `json:"agents,omitempty"`     // subagents that work in the background
	AwaitIdle bool   `json:"await_idle,omitempty"` // the turn has ended, its subagents have not

	InputClosed bool       `json:"input_closed,omitempty"`
	Interrupt   *interrupt `json:"interrupt,omitempty"` // an interrupt that has not had its effect
	End         string     `json:"end,omitempty"`       // see the end* constants
	EndSent     bool       `json:"end_sent,omitempty"`  // Claude Code was asked to end
	Force       bool       `json:"force,omitempty"`     // the end is to come at once

	EndReason string `json:"end_reason,omitempty"` // why, where no client said so

	// ModeUntil is when the permission mode falls back, on the clock of
	// monotonic; 0 where it does not, or where only a time of day is known.
	ModeUntil time.Duration `json:"mode_until,omitempty"`

	// Switched is the model and mode that were switched to: what continues the
	// session inherits them.
	Switched control `json:"switched"`

	// Withdrawn: every message was taken back before the first turn.
	Withdrawn bool `json:"withdrawn,omitempty"`

	// Questions holds the request id of each pending approval. Answers holds what
	// was answered and has had no effect yet, by the tool use that was asked
	// about: a daemon that takes over writes it again.
	Questions map[string]string          `json:"questions,omitempty"`
	Answers   map[string]json.RawMessage `json:"answers,omitempty"`
	// Controls are the control requests of ours whose answer changes the session.
	Controls map[string]control `json:"controls,omitempty"`

	Outside *outside `json:"outside,omitempty"` // of a session that was started elsewhere
}

// How a session stood when it was told to end.
const (
	endIdle = "idle" // between turns
	endBusy = "busy" // in mid-turn, or before its first
)

// loss is why a session failed, whatever else is known of it.
type loss struct {
	Reason string `json:"reason"` // of the status change
	Text   string `json:"text"`
}

// interrupt is the wish that the turn that runs, or that the prompt that was
// written begins, be ended.
type interrupt struct {
	Sent bool `json:"sent"` // the request was written since the turn began
}

// control is what Claude Code was asked for and has not yet confirmed.
type control struct {
	Model string `json:"model,omitempty"`
	Mode  string `json:"mode,omitempty"`
	// Message is the id of a message that is to be given back.
	Message string `json:"message,omitempty"`
	// Timeout, in milliseconds, is how long the mode may last; 0 for ever.
	Timeout int64 `json:"timeout,omitempty"`
}

// newMachine restores a machine from what is stored. With the error, which is for
// a state that cannot be read, comes a machine that lacks it.
func newMachine(row store.SessionRow, messages []api.Message, approvals []api.Approval) (*machine, error) {
	m := &machine{row: row, messages: messages, approvals: approvals}
	if len(row.Engine) > 0 {
		if err := json.Unmarshal(row.Engine, &m.eng); err != nil {
			m.eng = engine{}
			return m, &store.RecordError{What: store.RecordState, SessionID: row.Session.ID, Err: err}
		}
	}
	return m, nil
}

// clone copies what a step may change.
func (m *machine) clone() *machine {
	c := *m
	c.messages = slices.Clone(m.messages)
	c.approvals = slices.Clone(m.approvals)
	c.eng.Questions = maps.Clone(m.eng.Questions)
	c.eng.Controls = maps.Clone(m.eng.Controls)
	c.eng.Answers = maps.Clone(m.eng.Answers)
	if m.eng.Interrupt != nil {
		i := *m.eng.Interrupt
		c.eng.Interrupt = &i
	}
	if m.eng.Outside != nil {
		o := *m.eng.Outside
		o.Prompts, o.Open = slices.Clone(o.Prompts), slices.Clone(o.Open)
		c.eng.Outside = &o
	}
	return &c
}

// step is one change of a machine: made on a copy, stored as one batch, and in
// effect only after that.
type step struct {
	m     *machine
	now   api.Time
	clock time.Duration // now on the clock of monotonic
	batch store.Batch

	left         float64 // of the daily limit, in US dollars
	limited      bool    // whether there is one
	unseen       loss    // how a process ended that left no exit record, where something is known
	faults       []error // changes of status that were refused: bugs, to be logged
	quiet        bool    // no activity of the session's: its place in lists stays
	sessionDirty bool    // the session's document has changed
	updated      bool    // and clients have to be told by session_updated
	query        *string // what the query is from now on; nil: unchanged

	// To be done once the batch is on disk.
	lines      [][]byte // for Claude Code's standard input
	closeInput bool
	partials   []json.RawMessage
	answered   []answer
}

// answer is Claude Code's answer to a control request, for whoever waits for it.
type answer struct {
	requestID string
	err       string
}

// begin starts a step on a copy of m.
func (m *machine) begin(now api.Time) *step {
	return &step{m: m.clone(), now: now}
}

// newEvent makes an event of this session.
func (s *step) newEvent(typ api.EventType) store.Event {
	ses := &s.m.row.Session
	return store.Event{SessionN: s.m.row.N, SessionID: ses.ID, RunID: ses.RunID,
		ClaudeSessionID: ses.ClaudeSessionID, Type: typ, Time: s.now}
}

// event appends an event whose data is v.
func (s *step) event(typ api.EventType, v any) {
	ev := s.newEvent(typ)
	ev.Data = mustJSON(v)
	s.batch.Events = append(s.batch.Events, ev)
}

// write has a line written to Claude Code once the step is stored.
func (s *step) write(line []byte) { s.lines = append(s.lines, line) }

// activityGrain is how exact last_activity_at is while a session only prints: it is
// in three indexes, each of which costs a page for every commit.
const activityGrain = time.Second

// finish completes the batch: what follows from the changes that were made.
func (s *step) finish() (*store.Batch, error) {
	m, ses := s.m, &s.m.row.Session
	s.count()
	update := &store.SessionUpdate{N: m.row.N, JournalOffset: m.row.JournalOffset, Query: s.query}
	changed := s.sessionDirty || s.updated
	if !s.quiet && (changed || s.now.Sub(ses.LastActivityAt.Time) >= activityGrain || s.now.Before(ses.LastActivityAt.Time)) {
		ses.LastActivityAt, update.LastActivityAt = s.now, s.now
	}
	if s.updated {
		s.event(api.EventSessionUpdated, ses)
	}
	if changed {
		doc := *ses
		update.Session = &doc
	}
	eng, err := json.Marshal(&m.eng)
	if err != nil {
		return nil, fmt.Errorf("state of session %s: %w", ses.ID, err)
	}
	if string(eng) != string(m.row.Engine) {
		m.row.Engine = eng
		update.Engine = eng
	}
	if s.batch.Create == nil {
		s.batch.Update = update
	} else {
		*s.batch.Create = m.row
	}
	s.m.forget()
	return &s.batch, nil
}

// count keeps the session's counters of open things.
func (s *step) count() {
	ses := &s.m.row.Session
	queued := 0
	for i := range s.m.messages {
		if s.m.messages[i].State.Waits() {
			queued++
		}
	}
	if queued != ses.QueuedMessages || len(s.m.approvals) != ses.PendingApprovals {
		ses.QueuedMessages, ses.PendingApprovals = queued, len(s.m.approvals)
		s.sessionDirty = true
	}
}

// mustJSON marshals values of the protocol's types, which always can be.
func mustJSON(v any) json.RawMessage {
	b, err := api.Marshal(v)
	if err != nil {
		panic("session: " + err.Error())
	}
	return b
}
