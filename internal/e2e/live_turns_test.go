package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/messagesapi"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestRealInterruptGoesOn interrupts a turn of an interactive session, which
// then waits for the next message, and works on it.
func TestRealInterruptGoesOn(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.interactive("wait: a")
		if err := w.API.Reached(w.ctx, "a"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id}); err != nil {
			t.Fatal(err)
		}
		w.idle(id, 1)
		again, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id})
		if err != nil || again.Status != api.StatusWaitingInput {
			t.Errorf("interrupted when idle: %+v, %v", again, err)
		}
		w.say(id, "go on")
		if ses := w.idle(id, 2); ses.Result != "you said: go on" {
			t.Errorf("session: %+v", ses)
		}
		if diff := cmp.Diff([]api.MessageState{api.MessageCompleted, api.MessageCompleted}, w.states(id)); diff != "" {
			t.Error(diff)
		}
		want := []api.Status{"starting", "running", "interrupting", "running", "waiting_input", "running", "waiting_input"}
		if diff := cmp.Diff(want, w.changes(id)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRealQueue queues three messages behind a turn and withdraws the second:
// the others have a turn each, in their order.
func TestRealQueue(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.interactive("wait: a")
		if err := w.API.Reached(w.ctx, "a"); err != nil {
			t.Fatal(err)
		}
		w.say(id, "one")
		second := w.say(id, "two")
		w.say(id, "three")
		if diff := cmp.Diff([]api.MessageState{"queued", "queued", "queued"}, w.states(id)[1:]); diff != "" {
			t.Error(diff)
		}
		got, err := w.CancelMessage(w.ctx, api.MessageParams{MessageID: second.ID})
		if err != nil || got.Message.State != api.MessageCancelled {
			t.Errorf("cancelMessage: %+v, %v", got, err)
		}
		w.API.Release("a")
		w.idle(id, 3)
		want := []string{"user: wait: a", "assistant: waiting released", "user: one", "assistant: you said: one", "user: three", "assistant: you said: three"}
		if diff := cmp.Diff(want, texts(w.conversation(api.GetConversationParams{SessionID: id}))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]api.MessageState{"completed", "completed", "cancelled", "completed"}, w.states(id)); diff != "" {
			t.Error(diff)
		}
		_, err = w.CancelMessage(w.ctx, api.MessageParams{MessageID: w.inbox(id)[1].ID})
		refused(t, err, api.ReasonInvalidState)
	})
}

// TestRealNow sends a message while a tool runs: it is taken in behind the
// tool's result, and the turn goes on.
func TestRealNow(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		gate := filepath.Join(w.work, "gate")
		p := w.prompt("bash: until [ -e " + gate + " ]; do sleep 0.05; done; echo through")
		p.Interactive, p.AllowedTools = ptr(true), &[]string{"Bash"}
		id := w.launch(p)
		w.when(id, func(api.Session) bool {
			return slices.ContainsFunc(w.conversation(api.GetConversationParams{SessionID: id}), func(ev api.ConversationEvent) bool {
				return ev.EventType == api.ConversationToolCall
			})
		})
		w.sayNow(id, "by the way")
		// What is written is read in its order: after this answer the message is in.
		if _, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: id, PermissionMode: ptr("acceptEdits")}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(gate, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if ses := w.idle(id, 1); ses.NumTurns != 1 {
			t.Errorf("%d turns:\n%s", ses.NumTurns, w.dump(id))
		}
		if diff := cmp.Diff([]string{"through"}, w.results(id)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]api.MessageState{"completed", "completed"}, w.states(id)); diff != "" {
			t.Error(diff)
		}
		requests := w.API.Requests()
		last := requests[len(requests)-1]
		if !slices.ContainsFunc(last.Messages, func(m messagesapi.Message) bool { return strings.Contains(m.Text, "by the way") }) {
			t.Errorf("the model has not heard it: %+v", last.Messages)
		}
	})
}

// TestRealSwitch switches model and mode of a session that lives.
func TestRealSwitch(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		id := w.interactive("hello")
		before := w.idle(id, 1)
		got, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: id, Model: ptr("sonnet"), PermissionMode: ptr("acceptEdits")})
		if err != nil {
			t.Fatal(err)
		}
		if ses := got.Session; !strings.Contains(ses.Model, "sonnet") || ses.PermissionMode != "acceptEdits" || before.PermissionMode != "default" {
			t.Errorf("model %s, mode %s (before: %s, %s)", ses.Model, ses.PermissionMode, before.Model, before.PermissionMode)
		}
		for mode, word := range map[string]string{"yolo": "none of", "bypassPermissions": "refuses"} {
			_, err := w.UpdateSession(w.ctx, api.UpdateSessionParams{SessionID: id, PermissionMode: &mode, Title: ptr("must not be set")})
			if e := refused(t, err, api.ReasonInvalidParams); e.Data["field"] != "permission_mode" || !strings.Contains(e.Message, word) {
				t.Errorf("%s: %v", mode, e)
			}
		}
		// The switched mode is at work: nobody is asked for this file.
		w.say(id, "write: "+filepath.Join(w.work, "unasked"))
		if ses := w.idle(id, 2); ses.PermissionMode != "acceptEdits" || !strings.Contains(ses.Model, "sonnet") || ses.Title != "" {
			t.Errorf("session: %+v", ses)
		}
		if _, err := os.Stat(filepath.Join(w.work, "unasked")); err != nil {
			t.Error(err)
		}
		requests := w.API.Requests()
		if last := requests[len(requests)-1]; !strings.Contains(last.Model, "sonnet") {
			t.Errorf("the API was asked for %s", last.Model)
		}
	})
}

func TestRealBigPrompt(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		text := strings.Repeat("all work and no play ", 15_000) + "the end" // 315 kB
		ses := w.run(text)
		if ses.Status != api.StatusCompleted || ses.Result != "you said: "+text {
			t.Errorf("%s: %.100q, %d bytes", ses.Status, ses.Result, len(ses.Result))
		}
		if said := texts(w.conversation(api.GetConversationParams{SessionID: ses.ID})); len(said) != 2 || said[0] != "user: "+text {
			t.Errorf("the prompt in the conversation is not the one that was given")
		}
	})
}

// TestRealImage sends an image with the first prompt, and another one alone.
func TestRealImage(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
			t.Fatal(err)
		}
		block := `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + base64.StdEncoding.EncodeToString(b.Bytes()) + `"}}`
		p := w.prompt("")
		if err := p.Query.UnmarshalJSON([]byte(`[` + block + `,{"type":"text","text":"what is this?"}]`)); err != nil {
			t.Fatal(err)
		}
		p.Interactive = ptr(true)
		id := w.launch(p)
		w.idle(id, 1)
		if said := texts(w.conversation(api.GetConversationParams{SessionID: id})); said[0] != "user: [image]\nwhat is this?" {
			t.Errorf("conversation: %q", said)
		}
		var alone api.Content
		if err := alone.UnmarshalJSON([]byte(`[` + block + `]`)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: alone}); err != nil {
			t.Fatal(err)
		}
		w.idle(id, 2)
		requests := w.API.Requests()
		if n := requests[len(requests)-1].Images; n != 2 {
			t.Errorf("the model has seen %d images", n)
		}
	})
}

// TestRealBudget spends a session's budget: only continuing helps then.
func TestRealBudget(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		p := w.prompt("hello")
		p.Interactive, p.MaxBudgetUSD = ptr(true), ptr(0.00001)
		id := w.launch(p)
		ses := w.idle(id, 1)
		if ses.CostUSD <= ses.MaxBudgetUSD || !strings.Contains(ses.ErrorMessage, "budget") {
			t.Errorf("session: %+v", ses)
		}
		_, err := w.SendMessage(w.ctx, api.SendMessageParams{SessionID: id, Content: api.Text("more")})
		if e := refused(t, err, api.ReasonLimitExceeded); !strings.Contains(e.Message, "continueSession") {
			t.Errorf("error: %v", e)
		}
		if _, err := w.EndSession(w.ctx, api.EndSessionParams{SessionID: id}); err != nil {
			t.Fatal(err)
		}
		w.until(id, final...)
		next := api.ContinueSessionParams{SessionID: id, Query: api.Text("more")}
		next.MaxBudgetUSD = ptr(1.0)
		result, err := w.ContinueSession(w.ctx, next)
		if err != nil {
			t.Fatal(err)
		}
		if child := w.until(result.SessionID, final...); child.Status != api.StatusCompleted || child.Result != "you said: more" {
			t.Errorf("child: %+v", child)
		}
	})
}

// TestRealMaxTurns has a turn want more than it may.
func TestRealMaxTurns(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		p := w.prompt("bash: touch ran")
		p.AllowedTools, p.MaxTurns = &[]string{"Bash"}, ptr(1)
		ses := w.until(w.launch(p), final...)
		if ses.Status != api.StatusFailed || !strings.Contains(ses.ErrorMessage, "maximum number of turns") {
			t.Errorf("session: %+v", ses)
		}
	})
}

// TestRealPartial has deltas reach the one who asks for them, and nobody else.
func TestRealPartial(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		p := w.prompt("wait: a")
		p.Interactive, p.IncludePartialMessages = ptr(true), ptr(true)
		id := w.launch(p)
		if err := w.API.Reached(w.ctx, "a"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(w.ctx, patience)
		defer cancel()
		asks, others := w.listen(ctx, id, true), w.listen(ctx, id, false)
		w.API.Release("a")
		w.idle(id, 1)
		marks := func(events []api.Event) (partial, stored int) {
			for _, ev := range events {
				if ev.Type == api.EventPartialMessage {
					partial++
					if ev.Seq != 0 || !strings.Contains(string(ev.Data), "stream_event") {
						t.Errorf("event: %+v", ev)
					}
				} else {
					stored++
				}
			}
			return partial, stored
		}
		if partial, stored := marks(asks()); partial == 0 || stored == 0 {
			t.Errorf("the one who asks got %d deltas and %d events", partial, stored)
		}
		if partial, stored := marks(others()); partial != 0 || stored == 0 {
			t.Errorf("the other got %d deltas and %d events", partial, stored)
		}
		for _, ev := range w.conversation(api.GetConversationParams{SessionID: id, IncludeRaw: true}) {
			if ev.Raw != nil && strings.Contains(*ev.Raw, `"stream_event"`) {
				t.Errorf("a delta is stored: %s", *ev.Raw)
			}
		}
	})
}

// listen subscribes to a session's events. It returns once it hears them; the
// function that it returns gathers them up to the end of the next turn.
func (w *world) listen(ctx context.Context, id string, partial bool) func() []api.Event {
	w.t.Helper()
	hears, done := make(chan struct{}), make(chan []api.Event, 1)
	go func() {
		var events []api.Event
		defer func() { done <- events }()
		for ev, err := range w.Events(ctx, api.SubscribeParams{SessionID: id, AfterSeq: ptr(int64(0)), IncludePartial: partial}) {
			if err != nil {
				w.t.Errorf("subscribe: %v", err)
				return
			}
			if len(events) == 0 {
				close(hears)
			}
			events = append(events, ev)
			if ev.Type == api.EventSessionStatusChanged && decode[api.StatusChange](w.t, ev).NewStatus == api.StatusWaitingInput {
				return
			}
		}
	}()
	select {
	case <-hears:
	case <-ctx.Done():
		w.t.Error("nothing was heard")
	}
	return func() []api.Event { return <-done }
}

// TestRealInterruptAndTheInbox interrupts with messages behind the turn, kept by
// the daemon and written already: the receipt says which remain, and all are
// withdrawn if that is wanted.
func TestRealInterruptAndTheInbox(t *testing.T) {
	eachReal(t, func(t *testing.T, w *world) {
		begin := func(gate string) (id string, behind []string) {
			id = w.interactive("wait: " + gate)
			if err := w.API.Reached(w.ctx, gate); err != nil {
				t.Fatal(err)
			}
			now, queued := w.sayNow(id, "at once"), w.say(id, "in its turn")
			return id, []string{now.ID, queued.ID}
		}
		id, behind := begin("a")
		got, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id})
		if err != nil || !slices.Equal(got.QueuedMessages, behind) {
			t.Errorf("kept: %+v, %v, not %v", got, err, behind)
		}
		w.idle(id, 3)
		if diff := cmp.Diff([]api.MessageState{"completed", "completed", "completed"}, w.states(id)); diff != "" {
			t.Error(diff)
		}
		id, _ = begin("b")
		if got, err = w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id, Queued: api.QueuedCancel}); err != nil || len(got.QueuedMessages) != 0 {
			t.Errorf("cancelled: %+v, %v", got, err)
		}
		if ses := w.idle(id, 1); ses.NumTurns != 1 {
			t.Errorf("session: %+v", ses)
		}
		if diff := cmp.Diff([]api.MessageState{"completed", "cancelled", "cancelled"}, w.states(id)); diff != "" {
			t.Errorf("%s\n%s", diff, w.dump(id))
		}
	})
}
