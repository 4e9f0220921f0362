package store

import (
	"fmt"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

func toolEvent(row *SessionRow, kind api.ConversationType, id string, at int64) Event {
	return Event{SessionN: row.N, SessionID: row.Session.ID, RunID: row.Session.RunID, Type: api.EventConversationUpdated, Time: api.FromMillis(at),
		Kind: kind, ToolID: id, FromLine: true, Line: fmt.Appendf(nil, `{"tool":%q,"kind":%q}`, id, kind)}
}

func promptEvent(row *SessionRow, at int64) Event {
	return Event{SessionN: row.N, SessionID: row.Session.ID, RunID: row.Session.RunID, Type: api.EventConversationUpdated, Time: api.FromMillis(at),
		Kind: api.ConversationMessage, Data: []byte(`{}`)}
}

// TestToolCalls reads calls with their answers, by session, by time and a page at a time.
func TestToolCalls(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	a, b := create(t, s, nil), create(t, s, nil)
	call, result := api.ConversationToolCall, api.ConversationToolResult
	for _, events := range [][]Event{
		{toolEvent(a, call, "a0", 500), promptEvent(a, 1000), toolEvent(a, call, "a1", 1000), promptEvent(b, 1000)},
		{toolEvent(b, call, "b1", 2000), toolEvent(a, result, "a1", 2000), promptEvent(a, 2500), toolEvent(a, call, "a2", 3000)},
		{toolEvent(a, call, "a3", 4000), toolEvent(a, result, "a3", 4000), toolEvent(a, result, "a3", 4500), toolEvent(b, result, "a2", 5000)},
	} {
		if err := s.Commit(t.Context(), &Batch{Events: events}); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		f    CallFilter
		want string
	}{
		"all":         {CallFilter{}, "a0/0 a1/1+ b1/1 a2/2 a3/2+ "},
		"one session": {CallFilter{SessionN: a.N}, "a0/0 a1/1+ a2/2 a3/2+ "},
		"since":       {CallFilter{Since: api.FromMillis(2000)}, "b1/1 a2/2 a3/2+ "},
		"until":       {CallFilter{SessionN: a.N, Until: api.FromMillis(3000)}, "a0/0 a1/1+ "},
		"kept":        {CallFilter{Keep: func(ev *Event) bool { return ev.ToolID == "b1" }}, "b1/1 "},
		"none":        {CallFilter{SessionN: 99}, ""},
	} {
		for _, limit := range []int{1, 2, 100} {
			got := ""
			for at := int64(0); at < s.Head(); {
				calls, upTo, err := s.ToolCalls(t.Context(), at, limit, c.f)
				if err != nil || upTo <= at || len(calls) > limit {
					t.Fatalf("%s: %d calls up to %d: %v", name, len(calls), upTo, err)
				}
				for i := range calls {
					got += fmt.Sprintf("%s/%d", calls[i].ToolID, calls[i].Prompt)
					if r := calls[i].Result; r != nil {
						got += "+"
						if r.ToolID != calls[i].ToolID || r.Seq < calls[i].Seq || len(r.Line) == 0 {
							t.Errorf("%s: answer of %s: %+v", name, calls[i].ToolID, r)
						}
					}
					got += " "
				}
				at = upTo
			}
			if got != c.want {
				t.Errorf("%s, %d at once: %s, want %s", name, limit, got, c.want)
			}
		}
	}
}

// TestUnprocessed leaves out what a summary covers.
func TestUnprocessed(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	first := &Batch{Events: []Event{toolEvent(row, api.ConversationToolCall, "covered", 1)}}
	if err := s.Commit(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	ses := row.Session
	ses.Summary = &api.SummaryNote{Title: "so far", ToSeq: first.Events[0].Seq}
	err := s.Commit(t.Context(), &Batch{Update: &SessionUpdate{N: row.N, Session: &ses, JournalOffset: -1},
		Events: []Event{toolEvent(row, api.ConversationToolCall, "new", 2)}})
	if err != nil {
		t.Fatal(err)
	}
	calls, _, err := s.ToolCalls(t.Context(), 0, 10, CallFilter{Unprocessed: true})
	if err != nil || len(calls) != 1 || calls[0].ToolID != "new" {
		t.Errorf("calls: %+v, %v", calls, err)
	}
}

// TestHookInputs takes each input in once, with what it comes to, or not at all.
func TestHookInputs(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	with := func(names ...string) *Batch {
		return &Batch{Inputs: names, Events: []Event{toolEvent(row, api.ConversationToolCall, "x", 1)}}
	}
	if err := s.Commit(t.Context(), with("1", "2")); err != nil {
		t.Fatal(err)
	}
	head := s.Head()
	if err := s.Commit(t.Context(), with("2", "3")); err == nil || s.Head() != head {
		t.Errorf("taken in twice: %v", err)
	}
	if err := s.Commit(t.Context(), &Batch{Forget: []string{"1", "none"}}); err != nil {
		t.Fatal(err)
	}
	if names, err := s.HookInputs(t.Context()); err != nil || len(names) != 1 || names[0] != "2" {
		t.Errorf("names: %q, %v", names, err)
	}
}

// TestQueryLater has a session found by the query that it got after its beginning.
func TestQueryLater(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, func(row *SessionRow) { row.Session.Query = "" })
	query := "Where is the Bread?"
	if err := s.Commit(t.Context(), &Batch{Update: &SessionUpdate{N: row.N, Query: &query, JournalOffset: -1}}); err != nil {
		t.Fatal(err)
	}
	list, err := s.ListSessions(t.Context(), api.ListSessionsParams{Text: "the bread", Limit: new(10)})
	if err != nil || len(list.Sessions) != 1 || list.Sessions[0].Query != query {
		t.Errorf("found: %+v, %v", list, err)
	}
}
