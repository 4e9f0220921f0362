package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestSessionRoundTrip(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := newRow(func(r *SessionRow) {
		r.Session.Title, r.Session.Query, r.Session.Tags = "<title> & more", "query\n\"ü\"", []string{"b", "a"}
		r.Session.Origin = api.OriginImported
		r.Session.ParentSessionID, r.Session.CostUSD, r.Session.ExitCode = uuid.NewString(), 0.125, new(3)
		r.JournalOffset, r.IdempotencyKey, r.ParamsHash = 7, "key", "hash"
		r.Options, r.Engine = json.RawMessage(`{"a":1}`), json.RawMessage(`{"b":[]}`)
	})
	commit(t, s, &Batch{Create: row})
	read := func(what string, get func() (SessionRow, error)) {
		t.Helper()
		if got, err := get(); err != nil || !cmp.Equal(got, *row) {
			t.Errorf("%s: %v %s", what, err, cmp.Diff(*row, got))
		}
	}
	ctx := t.Context()
	read("by id", func() (SessionRow, error) { return s.Session(ctx, row.Session.ID) })
	read("by key", func() (SessionRow, error) { return s.SessionByKey(ctx, "key") })

	commit(t, s, &Batch{Update: &SessionUpdate{N: row.N, JournalOffset: -1}})
	read("nothing changed", func() (SessionRow, error) { return s.Session(ctx, row.Session.ID) })

	row.JournalOffset, row.Engine, row.Session.LastActivityAt = 0, json.RawMessage(`{}`), api.FromMillis(1e12)
	commit(t, s, &Batch{Update: &SessionUpdate{N: row.N, JournalOffset: 0, Engine: row.Engine, LastActivityAt: row.Session.LastActivityAt}})
	read("the hot ones", func() (SessionRow, error) { return s.Session(ctx, row.Session.ID) })

	row.Session.Title, row.Session.Status, row.Session.Tags, row.Session.Archived = "", api.StatusFailed, []string{"c", "c"}, true
	changed := row.Session
	changed.Query, changed.LastActivityAt = "ignored", api.Time{}
	commit(t, s, &Batch{Update: &SessionUpdate{N: row.N, Session: &changed, JournalOffset: -1}})
	read("the document", func() (SessionRow, error) { return s.Session(ctx, row.Session.ID) })
}

func TestWhatIsTakenIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	first := create(t, s, func(r *SessionRow) { r.IdempotencyKey = "key" })
	for name, change := range map[string]func(*SessionRow){
		"id":     func(r *SessionRow) { r.Session.ID = first.Session.ID },
		"run id": func(r *SessionRow) { r.Session.RunID = first.Session.RunID },
		"key":    func(r *SessionRow) { r.IdempotencyKey = "key" },
	} {
		if err := s.Commit(t.Context(), &Batch{Create: newRow(change)}); !errors.Is(err, ErrExists) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if counts, err := s.StatusCounts(t.Context()); err != nil || counts[api.StatusRunning] != 1 {
		t.Errorf("%v, %v", counts, err)
	}
	if err := s.Commit(t.Context(), &Batch{Update: &SessionUpdate{N: 4711, JournalOffset: -1}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("update of none: %v", err)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	ctx := t.Context()
	_, session := s.Session(ctx, "x")
	_, key := s.SessionByKey(ctx, "x")
	_, newest := s.NewestOfConversation(ctx, "x")
	_, message := s.Message(ctx, "x")
	_, approval := s.Approval(ctx, "x")
	for i, err := range []error{session, key, newest, message, approval} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestNewestOfConversationAndOpenSessions(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	var open []string
	var last *SessionRow
	for i, status := range api.Statuses {
		last = create(t, s, func(r *SessionRow) {
			r.Session.Status, r.Session.ClaudeSessionID = status, "conversation"
			r.Session.Archived = i%2 == 0
		})
		if !status.Final() {
			open = append(open, last.Session.ID)
		}
	}
	create(t, s, func(r *SessionRow) { r.Session.Status = api.StatusFailed })
	if newest, err := s.NewestOfConversation(t.Context(), "conversation"); err != nil || newest.ID != last.Session.ID {
		t.Errorf("newest %v, %v", newest.ID, err)
	}
	rows, err := s.OpenSessions(t.Context())
	var got []string
	for _, r := range rows {
		got = append(got, r.Session.ID)
	}
	if err != nil || !cmp.Equal(got, open) {
		t.Errorf("open: %v, want %v, %v", got, open, err)
	}
	counts, err := s.StatusCounts(t.Context())
	if err != nil || len(counts) != len(api.Statuses) || counts[api.StatusFailed] != 2 || counts[api.StatusQueued] != 1 {
		t.Errorf("counts %v, %v", counts, err)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	a, b := create(t, s, nil), create(t, s, nil)
	var content api.Content
	if err := content.UnmarshalJSON([]byte(`[ {"type": "text",  "text": "<a>"} ]`)); err != nil {
		t.Fatal(err)
	}
	message := func(row *SessionRow, position int, state api.MessageState) api.Message {
		return api.Message{ID: uuid.NewString(), SessionID: row.Session.ID, Content: content, Delivery: api.DeliveryQueue,
			State: state, Position: position, CreatedAt: api.FromMillis(int64(1e12 + position)), UpdatedAt: api.Now()}
	}
	first, second, third := message(a, 0, api.MessageCompleted), message(a, 1, api.MessageSent), message(a, 2, api.MessageQueued)
	other := message(b, 0, api.MessageStarted)
	commit(t, s, &Batch{Messages: []api.Message{third, first, other, second}})
	ctx := t.Context()
	expect := func(session string, states []api.MessageState, want ...api.Message) {
		t.Helper()
		got, _, err := s.Messages(ctx, session, states)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
	expect(a.Session.ID, nil, first, second, third)
	expect("", nil, first, second, third, other)
	expect("", []api.MessageState{api.MessageQueued, api.MessageStarted}, third, other)
	expect("nobody", nil)
	if depth, oldest, err := s.Inbox(ctx); depth != 2 || oldest != second.CreatedAt || err != nil {
		t.Errorf("inbox %d, %v, %v", depth, oldest, err)
	}
	// A page ends with the message that reaches its bytes: at one more, another comes.
	two := 2 * (content.Size() + messageFrame)
	for _, tc := range []struct {
		states         []api.MessageState
		from, maxBytes int
		want           []api.Message
		next           int
	}{
		{nil, 0, 1, []api.Message{first}, 1},
		{nil, 0, two, []api.Message{first, second}, 2},
		{nil, 0, two + 1, []api.Message{first, second, third}, 0},
		{nil, 1, two, []api.Message{second, third}, 0},
		{nil, 3, two, []api.Message{}, 0},
		{[]api.MessageState{api.MessageCompleted, api.MessageQueued}, 0, 1, []api.Message{first}, 1},
		{[]api.MessageState{api.MessageCompleted, api.MessageQueued}, 1, 1, []api.Message{third}, 0},
	} {
		got, next, err := s.MessagesFrom(ctx, a.Session.ID, tc.states, tc.from, tc.maxBytes)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(tc.want) || next != tc.next || got == nil {
			t.Errorf("%v from %d, %d bytes: got %v, %d, %v", tc.states, tc.from, tc.maxBytes, got, next, err)
		}
	}
	second.State, third.State, third.Reason = api.MessageStarted, api.MessageFailed, api.MessageNotStarted
	commit(t, s, &Batch{Messages: []api.Message{second, third}})
	expect(a.Session.ID, nil, first, second, third)
	if got, err := s.Message(ctx, third.ID); err != nil || !got.Content.Equal(content) || got.Reason != api.MessageNotStarted {
		t.Errorf("got %v, %v", got, err)
	}
	if depth, oldest, err := s.Inbox(ctx); depth != 0 || !oldest.IsZero() || err != nil {
		t.Errorf("inbox %d, %v, %v", depth, oldest, err)
	}
	stolen := first
	stolen.SessionID = b.Session.ID
	if err := s.Commit(ctx, &Batch{Messages: []api.Message{stolen}}); !errors.Is(err, ErrExists) {
		t.Errorf("another session's: %v", err)
	}
	if err := s.Commit(ctx, &Batch{Messages: []api.Message{{ID: "x", SessionID: a.Session.ID}}}); err == nil {
		t.Error("kept a message without content")
	}
}

func TestApprovals(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	a, b := create(t, s, nil), create(t, s, nil)
	approval := func(row *SessionRow, status api.ApprovalStatus) api.Approval {
		return api.Approval{ID: uuid.NewString(), SessionID: row.Session.ID, Kind: api.ApprovalTool, ToolName: "Bash",
			ToolInput: json.RawMessage(`{"command":"a<b"}`), Suggestions: []json.RawMessage{json.RawMessage(`{"x":1}`)},
			Status: status, CreatedAt: api.Now()}
	}
	first, second, other := approval(a, api.ApprovalPending), approval(a, api.ApprovalDenied), approval(b, api.ApprovalPending)
	commit(t, s, &Batch{Approvals: []api.Approval{first, other, second}})
	ctx := t.Context()
	expect := func(session string, status []api.ApprovalStatus, want ...api.Approval) {
		t.Helper()
		got, _, err := s.Approvals(ctx, session, status)
		if diff := cmp.Diff(append([]api.Approval{}, want...), got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	pending := []api.ApprovalStatus{api.ApprovalPending}
	expect("", pending, first, other)
	expect(a.Session.ID, nil, first, second)
	first.Status, first.ResolvedBy, first.ResolvedAt = api.ApprovalApproved, "me", api.Now()
	commit(t, s, &Batch{Approvals: []api.Approval{first}})
	expect("", pending, other)
	expect(a.Session.ID, nil, first, second)
	if got, err := s.Approval(ctx, first.ID); err != nil || !cmp.Equal(got, first) {
		t.Errorf("got %v, %v", got, err)
	}
	stolen := first
	stolen.SessionID = b.Session.ID
	if err := s.Commit(ctx, &Batch{Approvals: []api.Approval{stolen}}); !errors.Is(err, ErrExists) {
		t.Errorf("another session's: %v", err)
	}
}
