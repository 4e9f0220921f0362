package session

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// started notes that the process runs.
func (s *step) started(st shim.Started) {
	s.m.eng.Started = true
	if st.PID != 0 {
		s.m.eng.Process = &st
	}
	s.m.row.Session.PID = st.PID
	s.m.row.Session.StartedAt = api.At(st.StartedAt)
	s.updated = true
	var l launch
	if json.Unmarshal(s.m.row.Options, &l) == nil {
		s.expireMode(deref(l.PermissionModeTimeoutMS))
	}
}

// orphaned notes that nobody holds the process any more: its input has ended, so
// that it can be told nothing. It finishes its turn, and exits.
func (s *step) orphaned() {
	s.m.eng.InputClosed = true
	s.voidQuestions("shim_lost")
}

// lose notes what is lost of a session; the first loss counts. It ends as failed.
func (s *step) lose(l loss) {
	if s.m.eng.Lost == nil {
		s.m.eng.Lost = &l
	}
}

// closeLost ends a session of which something is lost, and that has no process.
func (s *step) closeLost() {
	s.m.row.Session.ErrorMessage = s.m.eng.Lost.Text
	s.close(api.StatusFailed, s.m.eng.Lost.Reason)
}

// startFailed ends a session whose process could not be started.
func (s *step) startFailed(cause error) {
	s.m.row.Session.ErrorMessage = fmt.Sprintf("Claude Code could not be started: %v", cause)
	s.close(api.StatusFailed, reasonStartFailed)
}

// exited ends a session whose process is gone and whose journal was read to its
// end. A nil exit means that nobody saw how it ended.
func (s *step) exited(exit *shim.Exit) {
	ses := &s.m.row.Session
	reason := cmp.Or(s.m.eng.EndReason, reasonExited)
	if exit == nil {
		reason = cmp.Or(s.unseen.Reason, reasonExitUnknown)
	} else {
		ses.ExitCode, ses.ExitSignal, ses.StderrTail = exit.ExitCode, exit.Signal, exit.StderrTail
	}
	status := s.m.finalStatus()
	switch lost := s.m.eng.Lost; {
	case lost != nil:
		status, reason, ses.ErrorMessage = api.StatusFailed, lost.Reason, lost.Text
	case status == api.StatusFailed:
		ses.ErrorMessage = s.failure(exit)
	default:
		ses.ErrorMessage = ""
	}
	s.close(status, reason)
}

// close makes a session final, and everything that was open in it.
func (s *step) close(status api.Status, reason string) {
	ses := &s.m.row.Session
	ses.CompletedAt, ses.PID, ses.PermissionModeExpiresAt = s.now, 0, api.Time{}
	s.voidQuestions("process_exited")
	s.failMessages()
	s.updated = true
	s.setStatus(status, "", reason)
}

// failure says in words why a session failed.
func (s *step) failure(exit *shim.Exit) string {
	e, ses := &s.m.eng, &s.m.row.Session
	var text string
	switch {
	case e.ResultError && !e.Turn:
		text = ses.Result
		if text == "" {
			text = "Claude Code reported an error without a text"
		}
	case exit == nil:
		text = cmp.Or(s.unseen.Text, "Claude Code is gone, and how it ended is not known")
	case exit.Error != "":
		text = "Claude Code could not be started: " + exit.Error
	default:
		text = fmt.Sprintf("Claude Code %s%s", manner(exit), s.m.moment())
	}
	if tail := strings.TrimSpace(ses.StderrTail); tail != "" && !strings.Contains(text, tail) {
		text += ": " + lastLines(tail, 5)
	}
	return text
}

// manner says how a process ended.
func manner(exit *shim.Exit) string {
	switch {
	case exit.Signal != "":
		return "was ended by signal " + exit.Signal
	case exit.ExitCode != nil:
		return fmt.Sprintf("exited with code %d", *exit.ExitCode)
	default:
		return "ended in a way that is not known"
	}
}

// moment says when in its work a process ended.
func (m *machine) moment() string {
	switch {
	case !m.eng.Seen:
		return " before it printed anything"
	case m.eng.Turn || !m.eng.HasResult:
		return " before its turn had a result"
	default:
		return " after its last result"
	}
}

func lastLines(s string, n int) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// interrupt ends the turn that runs, or that is about to begin. When idle, or
// when it was asked for before, nothing changes.
func (s *step) interrupt(queued api.QueuedAfter) error {
	m := s.m
	if m.row.Session.Status.Final() {
		return errFinal(&m.row.Session)
	}
	if m.row.Session.Status == api.StatusQueued {
		s.close(api.StatusInterrupted, reasonInterrupt)
		return nil
	}
	ahead := !m.eng.Started && m.waiting() > 0 // once it runs, what waits behind no turn is held back
	if m.eng.Interrupt == nil && (m.busy() || ahead) && m.eng.End == "" {
		m.eng.Interrupt = &interrupt{}
		s.voidQuestions("interrupt")
	}
	if queued == api.QueuedCancel {
		s.withdraw()
	}
	return nil
}

// end has the process ended; a session that has none is final at once.
func (s *step) end(force bool) error {
	m := s.m
	switch {
	case m.row.Session.Status.Final():
		return errFinal(&m.row.Session)
	case m.row.Session.Status == api.StatusQueued:
		s.close(api.StatusInterrupted, reasonEnd)
		return nil
	}
	if m.eng.End == "" {
		m.eng.End = endBusy
		if m.eng.Started && !m.busy() && m.waiting() == 0 && len(m.approvals) == 0 {
			m.eng.End = endIdle
		}
		s.voidQuestions("end")
	}
	m.eng.Force = m.eng.Force || force
	return nil
}
