package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// interactive launches a session that stays alive between turns.
func (w *world) interactive(text string) string {
	w.t.Helper()
	p := w.prompt(text)
	p.Interactive = ptr(true)
	return w.launch(p)
}

// idle waits until a session waits for a message, after so many turns.
func (w *world) idle(id string, turns int) api.Session {
	w.t.Helper()
	return w.when(id, func(ses api.Session) bool {
		if ses.Status.Final() {
			w.t.Fatalf("session ended %s: %s\n%s", ses.Status, ses.ErrorMessage, w.dump(id))
		}
		return ses.Status == api.StatusWaitingInput && ses.WaitingFor == api.WaitingForMessage && ses.NumTurns >= turns
	})
}

// asked waits until a session asks for an approval, and returns the first.
func (w *world) asked(id string) api.Approval {
	w.t.Helper()
	w.when(id, func(ses api.Session) bool {
		if ses.Status.Final() {
			w.t.Fatalf("session ended %s: %s\n%s", ses.Status, ses.ErrorMessage, w.dump(id))
		}
		return ses.WaitingFor == api.WaitingForApproval
	})
	list, err := w.FetchApprovals(w.ctx, api.FetchApprovalsParams{SessionID: id})
	if err != nil || len(list.Approvals) == 0 {
		w.t.Fatalf("approvals: %+v, %v", list, err)
	}
	return list.Approvals[0]
}

// decide answers an approval.
func (w *world) decide(p api.SendDecisionParams) api.Approval {
	w.t.Helper()
	result, err := w.SendDecision(w.ctx, p)
	if err != nil {
		w.t.Fatalf("sendDecision: %v", err)
	}
	return result.Approval
}

// say sends a message that queues.
func (w *world) say(id, text string) api.Message {
	w.t.Helper()
	result, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text(text)})
	if err != nil {
		w.t.Fatalf("sendMessage: %v", err)
	}
	return result.Message
}

// sayNow sends a message that is to be taken in at once.
func (w *world) sayNow(id, text string) api.Message {
	w.t.Helper()
	result, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text(text), Delivery: api.DeliveryNow})
	if err != nil {
		w.t.Fatalf("sendMessage: %v", err)
	}
	return result.Message
}

// inbox lists a session's messages, final or not.
func (w *world) inbox(id string) []api.Message {
	w.t.Helper()
	list, err := w.ListMessages(w.ctx, api.ListMessagesParams{SessionID: id})
	if err != nil {
		w.t.Fatalf("listMessages: %v", err)
	}
	return list.Messages
}

// states lists the states of a session's messages, by position.
func (w *world) states(id string) []api.MessageState {
	w.t.Helper()
	var states []api.MessageState
	for _, m := range w.inbox(id) {
		states = append(states, m.State)
	}
	return states
}

// results lists what the tools of a session have said.
func (w *world) results(id string) []string {
	w.t.Helper()
	var said []string
	for _, ev := range w.conversation(api.GetConversationParams{SessionID: id}) {
		if ev.EventType == api.ConversationToolResult {
			said = append(said, ev.Content)
		}
	}
	return said
}

// refused fails the test unless an error is of a reason.
func refused(t testing.TB, err error, reason api.Reason) *api.Error {
	t.Helper()
	e := new(api.Error)
	if !errors.As(err, &e) || e.Reason != reason {
		t.Fatalf("error is %v, not %s", err, reason)
	}
	return e
}

// reasons lists why a session's status changed.
func (w *world) reasons(id string) []string {
	w.t.Helper()
	var all []string
	for _, ev := range w.log(id) {
		if ev.Type == api.EventSessionStatusChanged {
			all = append(all, decode[api.StatusChange](w.t, ev).Reason)
		}
	}
	return all
}

// count counts what is equal to v.
func count[T comparable](list []T, v T) (n int) {
	for range slices.DeleteFunc(slices.Clone(list), func(x T) bool { return x != v }) {
		n++
	}
	return n
}

// touch makes an empty file.
func touch(t testing.TB, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// copy starts a second daemon on a copy of this one's state directory, with the
// same home and locks: another daemon that knows the same conversations.
func (w *world) copy() *world {
	w.t.Helper()
	w.stop()
	other := *w
	other.cfg.StateDir = filepath.Join(w.t.TempDir(), "state")
	if err := os.CopyFS(other.cfg.StateDir, os.DirFS(w.cfg.StateDir)); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Chmod(other.cfg.StateDir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	other.cfg.Socket = shortSocket(w.t)
	w.start()
	other.start()
	return &other
}

// complaints are what health says is wrong.
func (w *world) complaints() string {
	w.t.Helper()
	h, err := w.Health(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if (h.Status == api.HealthOK) != (len(h.Problems) == 0) {
		w.t.Errorf("%s with problems %q", h.Status, h.Problems)
	}
	return strings.Join(h.Problems, "\n")
}

// degraded waits until health names everything that is wanted.
func (w *world) degraded(want ...string) {
	w.t.Helper()
	there := poll(func() bool {
		said := w.complaints()
		return !slices.ContainsFunc(want, func(s string) bool { return !strings.Contains(said, s) })
	})
	if !there {
		w.t.Fatalf("health says %q, and not %q", w.complaints(), want)
	}
}

// well waits until health has nothing to say.
func (w *world) well() {
	w.t.Helper()
	if !poll(func() bool { return w.complaints() == "" }) {
		w.t.Errorf("health still says %q", w.complaints())
	}
}
