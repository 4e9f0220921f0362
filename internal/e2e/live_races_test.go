package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// rounds is how often a race is run.
func rounds(n int) int {
	if testing.Short() {
		return n / 20
	}
	return n
}

// tape is what a session's events tell, gathered as they come.
type tape struct {
	mu      sync.Mutex
	events  []api.Event
	changed chan struct{} // has room for one: something came
}

// record gathers a session's events until the test ends.
func (w *world) record(id string) *tape {
	w.t.Helper()
	tp := &tape{changed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ev, err := range w.Events(ctx, api.SubscribeParams{SessionID: id, AfterSeq: ptr(int64(0))}) {
			if err != nil {
				return
			}
			tp.mu.Lock()
			tp.events = append(tp.events, ev)
			tp.mu.Unlock()
			select {
			case tp.changed <- struct{}{}:
			default:
			}
		}
	}()
	w.t.Cleanup(func() { cancel(); <-done })
	return tp
}

// until waits for an event behind the from first ones, and returns how many
// there are up to it.
func (tp *tape) until(t testing.TB, from int, wanted func(api.Event) bool) int {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		tp.mu.Lock()
		events := tp.events
		tp.mu.Unlock()
		for ; from < len(events); from++ {
			if wanted(events[from]) {
				return from + 1
			}
		}
		select {
		case <-tp.changed:
		case <-deadline.C:
			t.Fatalf("not heard; the last of %d events: %+v", len(events), events[max(0, len(events)-5):])
		}
	}
}

// messageIn tells the final state of a message.
func messageIn(t testing.TB, id string) func(api.Event) bool {
	return func(ev api.Event) bool {
		if ev.Type != api.EventMessageUpdated {
			return false
		}
		m := decode[api.Message](t, ev)
		return m.ID == id && m.State.Final()
	}
}

// waits tells that a session waits for a message.
func waits(t testing.TB) func(api.Event) bool {
	return func(ev api.Event) bool {
		return ev.Type == api.EventSessionStatusChanged && decode[api.StatusChange](t, ev).WaitingFor == api.WaitingForMessage
	}
}

// TestInterruptAgainstTheEnd interrupts turns that are about to end, at every
// moment from before they begin until after they have ended. Whichever was
// first, the message is over, the session waits again, and goes on.
func TestInterruptAgainstTheEnd(t *testing.T) {
	t.Parallel()
	for _, flavour := range claudecli.Versions() {
		t.Run(flavour, func(t *testing.T) {
			t.Parallel()
			w := scriptedWorld(t, flavour)
			id := w.interactive("say: hi")
			tp := w.record(id)
			seen := tp.until(t, 0, waits(t))
			interrupted := 0
			for round := range rounds(500) { // of each version
				msg := w.say(id, "say: x")
				for range rand.IntN(9) { // let it come some way: some events are heard, or none
					seen = tp.until(t, seen, func(ev api.Event) bool { return true })
				}
				result, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id})
				if err != nil || !slices.Contains([]api.Status{"interrupting", "running", "waiting_input"}, result.Status) {
					t.Fatalf("round %d: %+v, %v", round, result, err)
				}
				if result.Status == api.StatusInterrupting {
					interrupted++
				}
				seen = tp.until(t, max(0, seen-10), messageIn(t, msg.ID))
				w.idle(id, 1)
			}
			t.Logf("%d rounds were interrupted in time", interrupted)
			last := w.say(id, "say: still there")
			tp.until(t, seen, messageIn(t, last.ID))
			if ses := w.idle(id, 1); ses.Result != "still there" || ses.QueuedMessages != 0 {
				t.Errorf("session: %+v", ses)
			}
			for _, m := range w.inbox(id) {
				if m.State != api.MessageCompleted {
					t.Errorf("message %d is %s (%s)", m.Position, m.State, m.Reason)
				}
			}
			w.changes(id) // no change is skipped
		})
	}
}

// TestTwoAnswer has two clients answer each question at once: one of them wins,
// and the other learns how.
func TestTwoAnswer(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	other, err := client.Dial(w.ctx, w.cfg.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	id := w.interactive("say: hi")
	tp := w.record(id)
	seen := tp.until(t, 0, waits(t))
	won := map[api.ApprovalStatus]int{}
	for round := range rounds(1000) {
		w.say(id, "ask: Bash {\"command\":\"x\"}")
		var a api.Approval
		seen = tp.until(t, seen, func(ev api.Event) bool {
			if ev.Type == api.EventNewApproval {
				a = decode[api.Approval](t, ev)
			}
			return a.ID != ""
		})
		answers := make([]error, 2)
		var wg sync.WaitGroup
		for i, c := range []*client.Client{w.Client, other} {
			p := api.SendDecisionParams{ApprovalID: a.ID, Decision: []api.Decision{"approve", "deny"}[i]}
			if i == 1 {
				p.Comment = "no"
			}
			wg.Go(func() { _, answers[i] = c.SendDecision(w.ctx, p) })
		}
		wg.Wait()
		want := api.ApprovalApproved
		if answers[1] == nil {
			want = api.ApprovalDenied
		}
		if (answers[0] == nil) == (answers[1] == nil) {
			t.Fatalf("round %d: %v, %v", round, answers[0], answers[1])
		}
		if loser := errors.Join(answers...); !errors.Is(loser, &api.Error{Reason: api.ReasonAlreadyResolved}) {
			t.Fatalf("round %d: %v", round, loser)
		}
		resolved := 0
		seen = tp.until(t, seen, func(ev api.Event) bool {
			if ev.Type == api.EventApprovalResolved {
				resolved++
				if got := decode[api.Approval](t, ev); got.ID != a.ID || got.Status != want {
					t.Errorf("round %d: %+v, not %s", round, got, want)
				}
			}
			return waits(t)(ev)
		})
		if resolved != 1 {
			t.Fatalf("round %d: resolved %d times", round, resolved)
		}
		won[want]++
	}
	t.Logf("winners: %v", won)
	if ses := w.idle(id, 1+rounds(1000)); ses.PendingApprovals != 0 {
		t.Errorf("session: %+v", ses)
	}
}

// TestInterruptAgainstTheExit interrupts one-turn sessions that are about to
// end: each does, and whoever came too late is told so.
func TestInterruptAgainstTheExit(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	outcomes := map[api.Status]int{}
	for range rounds(100) {
		id := w.launch(w.prompt("say: x"))
		tp := w.record(id)
		seen := 0
		for range rand.IntN(12) {
			seen = tp.until(t, seen, func(api.Event) bool { return true })
		}
		for range 2 { // the second changes nothing
			if _, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id}); err != nil {
				refused(t, err, api.ReasonInvalidState)
			}
		}
		ses := w.until(id, final...)
		if ses.Status == api.StatusFailed || w.states(id)[0] != api.MessageCompleted && ses.Status != api.StatusInterrupted {
			t.Errorf("session: %+v, message %v", ses, w.states(id))
		}
		outcomes[ses.Status]++
	}
	t.Logf("outcomes: %v", outcomes)
}

// TestInboxIsBounded fills an inbox.
func TestInboxIsBounded(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	id := w.interactive("silence")
	w.until(id, api.StatusRunning)
	for range 1000 {
		w.say(id, "say: x")
	}
	_, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("one too many")})
	if e := refused(t, err, api.ReasonLimitExceeded); e.Data["limit"] != 1000.0 {
		t.Errorf("error: %v %v", e, e.Data)
	}
	result, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id, Queued: api.QueuedCancel})
	if err != nil || len(result.QueuedMessages) != 0 {
		t.Errorf("%+v, %v", result, err)
	}
	if ses := w.idle(id, 1); ses.QueuedMessages != 0 || ses.NumTurns != 1 {
		t.Errorf("session: %+v", ses)
	}
}

// TestOneTurnTakesMessages: a message to a one-turn session that runs adds a
// turn; to one that has ended it is refused, with the way to go on.
func TestOneTurnTakesMessages(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	gate := filepath.Join(t.TempDir(), "gate")
	id := w.launch(w.prompt("wait: " + gate))
	w.until(id, api.StatusRunning)
	w.say(id, "say: second")
	touch(t, gate)
	if ses := w.until(id, final...); ses.Status != api.StatusCompleted || ses.NumTurns != 2 || ses.Result != "second" {
		t.Errorf("session: %+v", ses)
	}
	_, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("third")})
	if e := refused(t, err, api.ReasonInvalidState); !strings.Contains(fmt.Sprint(e.Data["hint"]), "continueSession") {
		t.Errorf("error: %v %v", e, e.Data)
	}
}
