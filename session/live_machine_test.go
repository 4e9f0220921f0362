package session

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/internal/traces"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
)

// TestRateLimitIsShown: what Claude Code said last of its rate limit stays in
// the session, and clients are told of each change.
func TestRateLimitIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t, true)
	r.run()
	r.print(lineInit,
		`{"type":"rate_limit_event","rate_limit_info":{"status":"allowed_warning","rateLimitType":"five_hour","resetsAt":1900000000}}`,
		`{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","rateLimitType":"five_hour","resetsAt":1900000000}}`, lineText, lineOK)
	limit := r.m.row.Session.RateLimit
	if limit == nil || limit.Status != "rejected" || limit.Type != "five_hour" || limit.ResetsAt != api.FromMillis(1900000000000) {
		t.Errorf("rate limit: %+v", limit)
	}
	var told []string
	for _, ev := range r.events {
		var ses api.Session
		if ev.Type == api.EventSessionUpdated && json.Unmarshal(ev.Data, &ses) == nil && ses.RateLimit != nil {
			told = append(told, ses.RateLimit.Status)
		}
	}
	if len(told) < 2 || told[0] != "allowed_warning" || told[1] != "rejected" {
		t.Errorf("clients were told %v", told)
	}
}

// TestRetryIsShown: a retry is shown until something comes of it.
func TestRetryIsShown(t *testing.T) {
	t.Parallel()
	const retry = `{"type":"system","subtype":"api_retry","attempt":2,"max_retries":10,"retry_delay_ms":600,"error_status":529}`
	for name, end := range map[string]string{"an answer": lineText, "an error": lineError, "an interrupt": lineAborted} {
		r := newRig(t, true)
		r.run()
		r.print(lineInit, retry)
		if got := r.m.row.Session.APIRetry; got == nil || got.Attempt != 2 || got.MaxRetries != 10 || got.ErrorStatus != 529 {
			t.Errorf("%s: retry: %+v", name, got)
		}
		r.print(end)
		if got := r.m.row.Session.APIRetry; got != nil {
			t.Errorf("%s: still shown: %+v", name, got)
		}
	}
}

// over makes a step under a daily limit that is spent.
func (r *rig) over(change func(*step)) *step {
	r.t.Helper()
	return r.do(func(s *step) {
		s.limited, s.left = true, 0
		change(s)
	})
}

// TestInterruptWhileHeld: what the daily limit holds back is no turn, and so
// nothing to interrupt: the session is never left interrupting.
func TestInterruptWhileHeld(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*rig){
		"between turns": func(r *rig) {
			r.run()
			r.print(lifecycle(r.first(), "started"), lineInit)
			r.do(func(s *step) { s.addMessage(newID(), api.Text("second"), api.DeliveryQueue) })
			result := claude.Parse([]byte(lineOK))
			r.over(func(s *step) { s.read(shim.Line{Bytes: []byte(lineOK), End: s.m.row.JournalOffset + 1}, &result) })
		},
		"before the process runs": func(r *rig) {
			r.do(func(s *step) { s.setStatus(api.StatusStarting, "", "test") })
			r.do(func(s *step) { _ = s.interrupt("") })
			r.over(func(s *step) { s.m.eng.Started = true })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, true)
			begin(r)
			r.over(func(s *step) { _ = s.interrupt("") })
			if r.status == api.StatusInterrupting || r.m.eng.Interrupt != nil || r.m.waiting() != 1 {
				t.Fatalf("status %s, %d wait", r.status, r.m.waiting())
			}
			r.do(func(s *step) {}) // a new day
			if r.m.waiting() != 0 || !strings.Contains(r.wrote[len(r.wrote)-1], `"type":"user"`) {
				t.Errorf("%d wait; written last: %s", r.m.waiting(), r.wrote[len(r.wrote)-1])
			}
		})
	}
}

// TestDeathBeforeTheEcho: 2.1.197 echoes a prompt with its answer only. If it
// dies before, it may have done something already, and that is what is said.
func TestDeathBeforeTheEcho(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lines []string
		want  string
	}{
		"before the turn": {nil, api.MessageNotStarted},
		"in the turn":     {[]string{lineInit}, api.MessageProcessDied},
	} {
		r := newRig(t, true)
		r.run()
		r.do(func(s *step) { s.addMessage(newID(), api.Text("second"), api.DeliveryNow) })
		r.print(tc.lines...)
		s := r.do(func(s *step) { s.exited(&shim.Exit{Signal: "SIGKILL"}) })
		if got := s.batch.Messages; len(got) != 2 || got[0].Reason != tc.want || got[1].Reason != api.MessageNotStarted {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestRefusedToBegin has Claude Code print a result and nothing else, as it does
// where it cannot resume a conversation: the message was taken by nobody.
func TestRefusedToBegin(t *testing.T) {
	t.Parallel()
	for _, version := range traces.Versions() {
		r := newRig(t, true)
		id := r.first()
		r.run()
		for raw := range bytes.Lines(traces.Out(version, "unknown_conversation")) {
			r.print(string(bytes.TrimSuffix(raw, []byte("\n"))))
		}
		r.exit(1)
		if r.status != api.StatusFailed || r.states[id] != api.MessageFailed || r.prompts() != 0 {
			t.Errorf("%s: session %s, message %s, %d prompts", version, r.status, r.states[id], r.prompts())
		}
	}
}

// TestNothingToBeginWith takes back the only message of an interactive session
// before its process has printed anything: it waits for another one.
func TestNothingToBeginWith(t *testing.T) {
	t.Parallel()
	r := newRig(t, true)
	r.do(func(s *step) { s.setStatus(api.StatusStarting, "", "test") })
	r.do(func(s *step) { s.cancel(s.m.messages[0].ID) })
	r.do(func(s *step) { s.started(shim.Started{PID: 7, StartedAt: r.now}) })
	if ses := r.m.row.Session; ses.WaitingFor != api.WaitingForMessage {
		t.Errorf("%s, waits for %q", ses.Status, ses.WaitingFor)
	}
}
