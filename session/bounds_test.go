package session

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
)

// checkBound checks an error that says which bound was met, and what to do; setting
// is "" for a bound that is not configurable.
func checkBound(t *testing.T, err error, setting string, limit any) {
	t.Helper()
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Reason != api.ReasonLimitExceeded {
		t.Fatalf("got %v", err)
	}
	named, _ := e.Data["setting"].(string)
	hint, _ := e.Data["hint"].(string)
	if e.Data["limit"] != limit || named != setting || hint == "" || !strings.Contains(hint, setting) {
		t.Errorf("the bound is told as %v", e.Data)
	}
}

// TestMessagesFitALine at the bound: what is taken can be written.
func TestMessagesFitALine(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", maxMessage-len(`""`))
	content := api.Text(text)
	if err := checkQuery("query", content); err != nil || content.Size() != maxMessage {
		t.Errorf("%d bytes: %v", content.Size(), err)
	}
	if line := claude.UserMessage(newID(), content); len(line) > shim.MaxLine {
		t.Errorf("the line has %d bytes", len(line))
	}
	checkBound(t, checkQuery("query", api.Text(text+"x")), "", maxMessage)
}

// TestAnswersFitALine at the bound.
func TestAnswersFitALine(t *testing.T) {
	t.Parallel()
	r := newRig(t, true)
	r.run()
	r.print(lifecycle(r.first(), "started"), lineInit, question("r1"))
	around := len(claude.Allow("r1", json.RawMessage(`{"":""}`), nil))
	decide := func(size int) error {
		s := r.m.begin(api.At(r.now))
		p := api.SendDecisionParams{ApprovalID: s.m.approvals[0].ID, Decision: api.DecisionApprove}
		p.UpdatedInput = json.RawMessage(`{"":"` + strings.Repeat("x", size-around) + `"}`)
		_, err := s.decide(p, "test")
		if err == nil && len(s.lines[0]) != size {
			t.Errorf("the line has %d bytes, not %d", len(s.lines[0]), size)
		}
		return err
	}
	if err := decide(shim.MaxLine); err != nil {
		t.Error(err)
	}
	checkBound(t, decide(shim.MaxLine+1), "", shim.MaxLine)
}

// TestOutboxTellsWhatIsRefused, and goes on.
func TestOutboxTellsWhatIsRefused(t *testing.T) {
	t.Parallel()
	refused := make(chan string, 2)
	out := newOutbox(&shim.Client{}, slog.New(slog.DiscardHandler), func(_ context.Context, line []byte, err error) {
		refused <- string(line) + ": " + err.Error()
	})
	defer out.close()
	for _, line := range []string{"a\n", "b\n"} { // the shim takes no two lines for one
		out.put([]byte(line))
		select {
		case got := <-refused:
			if !strings.HasPrefix(got, line) || !strings.Contains(got, shim.ErrNotOneLine.Error()) {
				t.Errorf("told: %q", got)
			}
		case <-time.After(4 * time.Minute):
			t.Fatal("nobody is told")
		}
	}
}

// TestRefusedMessageFails, and with it a session that has nothing else to do.
func TestRefusedMessageFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, false)
	r.run()
	id := r.first()
	r.do(func(s *step) { s.refused(newID()); s.refused(id) })
	if r.states[id] != api.MessageFailed || !r.closed {
		t.Errorf("message %s, input closed: %v", r.states[id], r.closed)
	}

	log := slog.New(slog.DiscardHandler)
	m, session := queuedSession(t, log)
	messages, err := m.ListMessages(t.Context(), api.ListMessagesParams{SessionID: session})
	if err != nil {
		t.Fatal(err)
	}
	msg := messages.Messages[0]
	_, err = m.change(t.Context(), session, func(_ *actor, s *step) error {
		s.setMessage(0, api.MessageSent, "") // and more waits, so that the session stays
		s.addMessage(newID(), api.Text("x"), api.DeliveryQueue)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a := m.find(session)
	a.refused(t.Context(), []byte(`{"type":"control_request"}`), shim.ErrTooLong)
	a.refused(t.Context(), claude.UserMessage(msg.ID, msg.Content), shim.ErrTooLong)
	if msg, err := m.message(t.Context(), msg.ID); err != nil || msg.State != api.MessageFailed || msg.Reason != api.MessageNotStarted {
		t.Errorf("message %+v, %v", msg, err)
	}
}
