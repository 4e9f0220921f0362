package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
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

// TestLinesFit at the bound: what is taken can be written.
func TestLinesFit(t *testing.T) {
	t.Parallel()
	content := api.Text("x")
	if around := len(claude.UserMessage(newID(), content)) - content.Size(); maxMessage+around > shim.MaxLine {
		t.Errorf("a line has %d bytes around a message", around)
	}
	if err := errors.Join(checkSize("query", maxMessage, maxMessage), checkSize("answer", shim.MaxLine, shim.MaxLine)); err != nil {
		t.Error(err)
	}
	checkBound(t, checkSize("query", maxMessage+1, maxMessage), "", maxMessage)

	text := strings.Repeat("x", maxMessage-1) // with its quotes one too much
	checkBound(t, checkQuery("query", api.Text(text)), "", maxMessage)
	r := newRig(t, true)
	r.run()
	r.print(lifecycle(r.first(), "started"), lineInit, question("r1"))
	s := r.m.begin(api.At(r.now))
	p := api.SendDecisionParams{ApprovalID: s.m.approvals[0].ID, Decision: api.DecisionApprove}
	p.UpdatedInput = json.RawMessage(`{"":"` + text + strings.Repeat("x", 1<<10) + `"}`)
	_, err := s.decide(p, "test")
	checkBound(t, err, "", shim.MaxLine)
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

// launchMore launches one more session beside queuedSession's.
func launchMore(t *testing.T, m *Manager, query string) error {
	t.Helper()
	dir := t.TempDir()
	p := api.LaunchSessionParams{Query: api.Text(query), LaunchOptions: api.LaunchOptions{WorkingDir: &dir}}
	_, err := m.LaunchSession(t.Context(), p)
	return err
}

// TestInboxIsBounded in messages and in bytes: what fits is taken, one more is not,
// and once something is withdrawn there is room again.
func TestInboxIsBounded(t *testing.T) {
	t.Parallel()
	const bound = 4
	first := int64(api.Text("hello").Size())
	for setting, limit := range map[string]any{"max_inbox": bound, "max_inbox_bytes": bound * first} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			m, id := queuedSession(t, slog.New(slog.DiscardHandler)) // one waits already
			text := "hello"
			if setting == "max_inbox" {
				m.cfg.MaxInbox = bound
			} else {
				m.cfg.MaxInboxBytes = bound * first
			}
			send := func(text string) (api.MessageResult, error) {
				return m.SendMessage(t.Context(), api.SendMessageParams{SessionID: id, Content: api.Text(text)})
			}
			var last api.MessageResult
			for range bound - 1 {
				var err error
				if last, err = send(text); err != nil {
					t.Fatal(err)
				}
			}
			_, err := send("h")
			checkBound(t, err, setting, limit)
			if _, err := m.CancelMessage(t.Context(), api.MessageParams{MessageID: last.Message.ID}); err != nil {
				t.Fatal(err)
			}
			if setting == "max_inbox_bytes" {
				_, err := send(text + "!")
				checkBound(t, err, setting, limit)
			}
			if _, err := send(text); err != nil {
				t.Error(err)
			}
			_, err = send("h")
			checkBound(t, err, setting, limit)
		})
	}
}

// TestFirstPromptIsBounded: it waits, too.
func TestFirstPromptIsBounded(t *testing.T) {
	t.Parallel()
	m, _ := queuedSession(t, slog.New(slog.DiscardHandler))
	text := strings.Repeat("x", 100)
	m.cfg.MaxInboxBytes = int64(api.Text(text).Size())
	if err := launchMore(t, m, text); err != nil {
		t.Error(err)
	}
	checkBound(t, launchMore(t, m, text+"x"), "max_inbox_bytes", m.cfg.MaxInboxBytes)
}

// TestQueueOfSessionsIsBounded: what is refused leaves nothing behind, and once a
// session leaves the queue there is a place.
func TestQueueOfSessionsIsBounded(t *testing.T) {
	t.Parallel()
	const bound = 3
	m, id := queuedSession(t, slog.New(slog.DiscardHandler))
	m.cfg.MaxQueued = bound
	for range bound - 1 {
		if err := launchMore(t, m, "x"); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		checkBound(t, launchMore(t, m, "x"), "max_queued_sessions", bound)
	}
	dirs, err := os.ReadDir(filepath.Join(m.cfg.StateDir, "sessions"))
	list, listed := m.ListSessions(t.Context(), api.ListSessionsParams{})
	if err := errors.Join(err, listed); err != nil || len(dirs) != bound || len(list.Sessions) != bound || len(m.waiting) != bound {
		t.Errorf("%d directories, %d sessions, %d wait, %v", len(dirs), len(list.Sessions), len(m.waiting), err)
	}
	a := m.find(id)
	if _, err := m.EndSession(t.Context(), api.EndSessionParams{SessionID: id}); err != nil {
		t.Fatal(err)
	}
	<-a.done
	if err := launchMore(t, m, "x"); err != nil {
		t.Error(err)
	}
	checkBound(t, launchMore(t, m, "x"), "max_queued_sessions", bound)
}

// TestMessagesArePaged at the bound of a page.
func TestMessagesArePaged(t *testing.T) {
	t.Parallel()
	m, id := queuedSession(t, slog.New(slog.DiscardHandler))
	for _, text := range []string{strings.Repeat("x", maxPageBytes), "y"} {
		if _, err := m.SendMessage(t.Context(), api.SendMessageParams{SessionID: id, Content: api.Text(text)}); err != nil {
			t.Fatal(err)
		}
	}
	var pages [][]int
	p := api.ListMessagesParams{SessionID: id}
	for more := true; more; more = p.FromPosition > 0 {
		page, err := m.ListMessages(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		var positions []int
		for _, msg := range page.Messages {
			positions = append(positions, msg.Position)
		}
		pages = append(pages, positions)
		p.FromPosition = page.NextPosition
	}
	if got := fmt.Sprint(pages); got != "[[0 1] [2]]" {
		t.Errorf("pages: %s", got)
	}
	p.FromPosition = -1
	if _, err := m.ListMessages(t.Context(), p); !errors.Is(err, &api.Error{Reason: api.ReasonInvalidParams}) {
		t.Errorf("before the first: %v", err)
	}
}
