package session

import (
	"fmt"
	"slices"

	"github.com/sessiond/sessiond/rpc/api"
)

// Reasons of a status change, as clients see them.
const (
	reasonSlotFree    = "slot_free"         // queued → starting
	reasonOutput      = "output"            // the process has printed its first line
	reasonMessage     = "message"           // a message starts the next turn
	reasonApproval    = "approval"          // Claude Code asks
	reasonAnswered    = "answered"          // no question is open any more
	reasonTurnEnded   = "turn_ended"        // and nothing is queued
	reasonInterrupt   = "interrupt"         // a client interrupts
	reasonEnd         = "end"               // a client ends the session
	reasonWithdrawn   = "withdrawn"         // its only message was taken back
	reasonExited      = "exited"            // the process has exited
	reasonStartFailed = "start_failed"      // the process could not be started
	reasonExitUnknown = "exit_unknown"      // the process is gone, nobody saw how
	reasonRebooted    = "machine_restarted" // the machine was, and so the process is gone
	reasonJournalLost = "journal_lost"      // what the process printed is lost
	reasonDamaged     = "record_damaged"    // what the database holds of it cannot be read
	reasonActivity    = "claude_activity"   // Claude Code began a turn by itself
	reasonDailyLimit  = "daily_limit"       // messages are kept back until tomorrow
	reasonTranscript  = "transcript_grew"   // an imported session: its conversation went on elsewhere
	reasonGone        = "process_gone"      // of a session in a terminal: nobody said how it ended
	reasonStale       = "stale"             // of one: nothing was heard of it for too long
	reasonIdleTimeout = "idle_timeout"      // nobody has said anything for too long
)

// allowed is the whole truth about which status may follow which.
var allowed = map[api.Status][]api.Status{
	api.StatusQueued:       {api.StatusStarting, api.StatusInterrupted, api.StatusFailed},
	api.StatusStarting:     {api.StatusRunning, api.StatusInterrupting, api.StatusFailed},
	api.StatusRunning:      {api.StatusWaitingInput, api.StatusInterrupting, api.StatusCompleted, api.StatusFailed, api.StatusInterrupted},
	api.StatusWaitingInput: {api.StatusRunning, api.StatusInterrupting, api.StatusCompleted, api.StatusFailed, api.StatusInterrupted},
	api.StatusInterrupting: {api.StatusRunning, api.StatusWaitingInput, api.StatusCompleted, api.StatusFailed, api.StatusInterrupted},
}

// path returns the statuses to go through from one to another, the last
// included: none is skipped, so a change that is not allowed directly goes by
// way of one that is; so does waiting for one thing after another. It is an
// error where there is no way, as out of a final status.
func path(from, to api.Status) ([]api.Status, error) {
	if slices.Contains(allowed[from], to) {
		return []api.Status{to}, nil
	}
	ways := []api.Status{api.StatusStarting, api.StatusRunning, api.StatusInterrupting}
	if to == api.StatusInterrupted {
		slices.Reverse(ways)
	}
	for _, between := range ways {
		if slices.Contains(allowed[from], between) && slices.Contains(allowed[between], to) {
			return []api.Status{between, to}, nil
		}
	}
	return nil, fmt.Errorf("no way from status %s to %s", from, to)
}

// setStatus is the one place where a session's status changes. A change that is
// not allowed is refused: nothing changes, and the step remembers it as a fault.
func (s *step) setStatus(to api.Status, waitingFor api.WaitingFor, reason string) {
	ses := &s.m.row.Session
	if ses.Status == to && ses.WaitingFor == waitingFor {
		return
	}
	way, err := path(ses.Status, to)
	if err != nil {
		s.faults = append(s.faults, err)
		return
	}
	for _, next := range way {
		change := api.StatusChange{OldStatus: ses.Status, NewStatus: next, Reason: reason, ParentSessionID: ses.ParentSessionID}
		ses.Status, ses.WaitingFor = next, ""
		if next == api.StatusWaitingInput {
			ses.WaitingFor = waitingFor
		}
		if next == api.StatusFailed {
			change.ErrorMessage = ses.ErrorMessage
		}
		change.WaitingFor = ses.WaitingFor
		s.sessionDirty = true
		s.event(api.EventSessionStatusChanged, change)
	}
}

// target says which status the facts call for, as long as the process lives.
func (m *machine) target() (api.Status, api.WaitingFor) {
	e := &m.eng
	switch {
	case e.Interrupt != nil: // also one that waits for the process
		return api.StatusInterrupting, ""
	case !e.Started:
		return m.row.Session.Status, ""
	case len(m.approvals) > 0:
		return api.StatusWaitingInput, api.WaitingForApproval
	case !e.Seen && m.row.Session.Status == api.StatusStarting && !m.idle():
		return api.StatusStarting, ""
	case m.idle(), m.held(), e.End == endIdle && m.row.Session.Interactive && !m.busy():
		return api.StatusWaitingInput, api.WaitingForMessage
	default:
		return api.StatusRunning, ""
	}
}

// idle reports whether an interactive session has nothing to do and waits for
// its user. Where Claude Code says how it stands, that counts: after a result
// it may still be at work in the background.
func (m *machine) idle() bool {
	return m.row.Session.Interactive && m.eng.End == "" && !m.eng.InputClosed &&
		!m.busy() && m.waiting() == 0 && len(m.approvals) == 0 && m.eng.State != "running"
}

// held reports whether the session could go on, but its messages are kept back
// because the daily limit is reached.
func (m *machine) held() bool {
	return m.hold && m.eng.End == "" && !m.busy() && m.waiting() > 0
}

// busy reports whether a turn is under way or about to be: a message that was
// written begins one.
func (m *machine) busy() bool {
	return m.eng.Turn || slices.ContainsFunc(m.messages, func(msg api.Message) bool {
		return msg.State == api.MessageSent || msg.State == api.MessageStarted
	})
}

// waiting counts the messages that the daemon still keeps.
func (m *machine) waiting() int {
	n := 0
	for i := range m.messages {
		if m.messages[i].State == api.MessageQueued {
			n++
		}
	}
	return n
}

// finalStatus says how a session ended whose process is gone.
func (m *machine) finalStatus() api.Status {
	e, ses := &m.eng, &m.row.Session
	switch {
	case e.End == endBusy, e.Withdrawn && !e.HasResult, e.Interrupt != nil, e.TurnAborted && !e.Turn:
		return api.StatusInterrupted
	case e.End == endIdle:
		return api.StatusCompleted
	case e.Turn, !e.HasResult, e.ResultError, ses.ExitCode == nil, *ses.ExitCode != 0:
		return api.StatusFailed
	default:
		return api.StatusCompleted
	}
}
