package tui

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

func TestWhatHappensIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, func(o *Options) { o.Session = working })
	s.See("nightly.py", "running")
	delta := func(text string) map[string]any {
		return map[string]any{"type": "stream_event", "event": map[string]any{"type": "content_block_delta", "delta": map[string]any{"type": "text_delta", "text": text}}}
	}
	s.happens(api.EventPartialMessage, working, delta("It is **half"))
	s.happens(api.EventPartialMessage, working, delta(" done** by"))
	s.See("It is half done by")
	s.happens(api.EventConversationUpdated, working, says("It is **half done** by now."))
	s.See("It is half done by now.")
	s.happens(api.EventConversationUpdated, working, calls("n1", "Bash", `{"command":"make report"}`))
	s.See("○ Bash  make report")
	s.happens(api.EventConversationUpdated, working, result("n1", "made", false))
	s.See("● Bash  make report", "└ made")
	ses := s.sessions[3]
	ses.CostUSD, ses.InputTokens, ses.OutputTokens = 0.75, 12_345, 999
	s.happens(api.EventSessionUpdated, working, ses)
	s.See("$0.7500 · 12.3k in 999 out")
	s.happens(api.EventSessionStatusChanged, working, api.StatusChange{OldStatus: api.StatusRunning, NewStatus: api.StatusWaitingInput, WaitingFor: api.WaitingForApproval})
	s.happens(api.EventNewApproval, working, api.Approval{ID: "q7", SessionID: working, ToolName: "Edit", Status: api.ApprovalPending,
		ToolInput: []byte(`{"file_path":"/srv/reports/nightly.py","old_string":"a\nb","new_string":"a\nc","replace_all":true}`)})
	s.See("3 questions", "? may Edit run", "replace_all: true", "-b", "+c", "y yes")
	s.happens(api.EventApprovalResolved, working, api.Approval{ID: "q7", SessionID: working, Status: api.ApprovalDenied})
	s.Gone("? may Edit run")
	s.mu.Lock()
	s.sessions[3].Status, s.sessions[3].CostUSD = api.StatusCompleted, 0.8
	s.mu.Unlock()
	s.happens(api.EventSessionStatusChanged, working, api.StatusChange{OldStatus: api.StatusRunning, NewStatus: api.StatusCompleted})
	s.See("✓ port the nightly report", "$0.8000")
	s.happens(api.EventSessionCreated, "another", api.Session{ID: "another", Title: "one more", Status: api.StatusQueued, CreatedAt: ago(0), LastActivityAt: ago(0)})
	s.See("… one more", "7 sessions")
	s.happens(api.EventSessionDeleted, "another", nil)
	s.Gone("one more")
}

// What needs a person moves to the top, and what is selected stays selected.
func TestWhatNeedsAPersonIsFirst(t *testing.T) {
	t.Parallel()
	m := quiet(t, scene())
	m.list.selected = done
	order := func() (ids string) {
		for _, s := range m.list.list() {
			ids += s.ID[7:8]
		}
		return ids
	}
	before := order()
	m.Update(eventsMsg{event(900, api.EventSessionStatusChanged, working, api.StatusChange{NewStatus: api.StatusWaitingInput, WaitingFor: api.WaitingForApproval})})
	if got := order(); before != "162345" || got != "316245" || m.list.selected != done {
		t.Errorf("%s became %s, selected %s", before, got, m.list.selected)
	}
}

func TestTheDaemonGoesAndComesBack(t *testing.T) {
	t.Parallel()
	f := scene()
	var started atomic.Bool
	s := show(t, f, 120, 36, false, func(o *Options) {
		o.Start = func(context.Context) error {
			started.Store(true)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.err["health"] = nil
			return nil
		}
	})
	s.See("● connected")
	f.mu.Lock()
	f.err["health"] = client.ErrDisconnected
	f.mu.Unlock()
	s.lost <- struct{}{}
	s.See("◌ reconnecting… (ctrl+r starts the daemon)")
	s.Press("\x12")
	s.See("● connected")
	if !started.Load() {
		t.Error("the daemon came back by itself")
	}
}

// A cursor that has expired, as behind a restored backup, has everything read anew.
func TestEverythingIsReadAnewWhereEventsAreGone(t *testing.T) {
	t.Parallel()
	f := scene()
	d := &expiring{fake: f, expire: make(chan struct{}, 1)}
	s := show(t, f, 120, 36, false, func(o *Options) { o.Daemon = d })
	s.See("may Bash run", "6 sessions")
	s.Press("i", "a draft")
	s.See("› a draft")
	f.mu.Lock()
	f.sessions = f.sessions[:3]
	f.mu.Unlock()
	d.expire <- struct{}{}
	s.See("3 sessions", "› a draft", "Then I'd like to run")
}

type expiring struct {
	*fake
	expire chan struct{}
}

func (d *expiring) Events(ctx context.Context, p api.SubscribeParams) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		select {
		case <-d.expire:
			yield(api.Event{}, api.Errorf(api.ReasonCursorExpired, "gone"))
		case <-ctx.Done():
			yield(api.Event{}, ctx.Err())
		}
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	f := scene()
	f.err["listSessions"] = errors.New("the database is damaged")
	s := show(t, f, 80, 24, false, nil)
	s.See("could not read the sessions: the database is damaged", "ctrl+r tries again")
	f.mu.Lock()
	f.err["listSessions"] = nil
	f.err["getConversation"] = errors.New("page 7 is damaged")
	f.mu.Unlock()
	s.Press("\x12")
	s.See("6 sessions")
	s.Press(enter)
	s.See("page 7 is damaged")
}

func TestAPageOfAnEmptyDaemon(t *testing.T) {
	t.Parallel()
	s := show(t, newFake(), 80, 24, false, nil)
	s.See("there is no session yet; N launches one")
	s.Press("E", "i", enter, "Q", "F", "y", tab)
	s.See("there is no session; N launches one")
	wide := show(t, newFake(), 120, 36, false, nil)
	wide.See("there is no session yet; N launches one")
}

// Events of more sessions than are open arrive in one message, and in order.
func TestEventsAreTakenInTheirOrder(t *testing.T) {
	t.Parallel()
	f := newFake()
	for i := range 3 {
		f.sessions = append(f.sessions, api.Session{ID: id(i), Status: api.StatusRunning})
	}
	var got []int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range 2000 {
		f.happens(api.EventConversationUpdated, id(i%3), says(fmt.Sprint(i)))
	}
	messages := make(chan eventsMsg)
	go func() {
		_ = follow(ctx, f, 0, func(msg tea.Msg) { messages <- msg.(eventsMsg) })
		close(messages)
	}()
	for msg := range messages {
		if len(msg) > batch {
			t.Fatalf("%d at once", len(msg))
		}
		for _, ev := range msg {
			got = append(got, ev.Seq)
		}
		if len(got) == 2000 {
			cancel()
		}
	}
	for i, seq := range got {
		if seq != int64(i+1) {
			t.Fatalf("%d came in place of %d", seq, i+1)
		}
	}
}
