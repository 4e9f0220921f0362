package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

// pages reads a conversation page by page.
func pages(t *testing.T, s *Store, segments []Segment, limit, maxBytes int) (all []Event) {
	t.Helper()
	for after, more := int64(0), true; more; {
		events, m, err := s.Conversation(t.Context(), segments, after, limit, maxBytes)
		if err != nil || len(events) > limit || m && len(events) == 0 {
			t.Fatalf("%d events, more %v, %v", len(events), m, err)
		}
		all = append(all, events...)
		if more = m; more {
			after = events[len(events)-1].Seq
		}
	}
	return all
}

func TestConversationMergesSegments(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	a, b, c, other := create(t, s, nil), create(t, s, nil), create(t, s, nil), create(t, s, nil)
	var seqs = map[string]int64{}
	for _, text := range strings.Fields("a1 a2 b1 a3 o1 b2 c1 a4 c2 b3") {
		n := map[byte]int64{'a': a.N, 'b': b.N, 'c': c.N, 'o': other.N}[text[0]]
		batch := &Batch{Events: []Event{typedEvent(n, api.EventSessionUpdated), lineEvent(n, text)}}
		commit(t, s, batch)
		seqs[text] = batch.Events[1].Seq
	}
	for want, segments := range map[string][]Segment{
		"a1 a2 a3 a4":             {{N: a.N}},
		"a1 a2 b1 a3 b2 a4 b3":    {{N: b.N}, {N: a.N}},
		"a1 a2 b1 b2 b3":          {{N: a.N, UpTo: seqs["a2"]}, {N: b.N}},
		"a1 a2 b1 a3 b2 c1 c2":    {{N: a.N, UpTo: seqs["a3"]}, {N: b.N, UpTo: seqs["b2"]}, {N: c.N}},
		"a1 a2 a3 a4 c1 c2":       {{N: a.N}, {N: c.N}, {N: 4711}},
		"":                        nil,
		"c1 c2":                   {{N: c.N}, {N: a.N, UpTo: seqs["a1"] - 1}},
		"a1 a2 b1 a3 b2 c1 a4 c2": {{N: a.N}, {N: c.N}, {N: b.N, UpTo: seqs["b3"] - 1}},
	} {
		lines := strings.Fields(want)
		slices.SortFunc(lines, func(x, y string) int { return int(seqs[x] - seqs[y]) })
		for _, limit := range []int{1, 2, 3, 100} {
			if got := texts(pages(t, s, segments, limit, 1<<20)); !slices.Equal(got, lines) {
				t.Errorf("limit %d: got %v, want %v", limit, got, lines)
			}
		}
	}
	if _, more, err := s.Conversation(t.Context(), []Segment{{N: a.N}}, 0, 4, 1<<20); more || err != nil {
		t.Errorf("more behind the last: %v", err)
	}
}

func TestConversationIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	for range 4 {
		commit(t, s, &Batch{Events: line(row.N, bytes.Repeat([]byte("x"), 1000), 2)})
	}
	events, more, err := s.Conversation(t.Context(), []Segment{{N: row.N}}, 0, 100, 1500)
	if err != nil || len(events) != 3 || !more {
		t.Errorf("%d events, more %v, %v", len(events), more, err)
	}
	if events, more, err = s.Conversation(t.Context(), []Segment{{N: row.N}}, 0, 100, 1); len(events) != 1 || !more || err != nil {
		t.Errorf("%d events, more %v, %v", len(events), more, err)
	}
	if n := len(pages(t, s, []Segment{{N: row.N}}, 100, 1500)); n != 8 {
		t.Errorf("%d events in all", n)
	}
}

func TestTools(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row, other := create(t, s, nil), create(t, s, nil)
	tool := func(n int64, kind api.ConversationType, id string) Event {
		e := lineEvent(n, "x")
		e.Kind, e.ToolID = kind, id
		return e
	}
	approval := func(tool string, status api.ApprovalStatus) api.Approval {
		return api.Approval{ID: uuid.NewString(), SessionID: row.Session.ID, ToolUseID: tool, Status: status}
	}
	asked, again := approval("asked", api.ApprovalCancelled), approval("asked", api.ApprovalPending)
	commit(t, s, &Batch{Events: []Event{
		tool(row.N, api.ConversationToolCall, "open"), tool(row.N, api.ConversationToolCall, "done"),
		tool(row.N, api.ConversationToolResult, "done"), tool(row.N, api.ConversationToolCall, "asked"),
		tool(other.N, api.ConversationToolResult, "open"),
	}, Approvals: []api.Approval{asked, again}})
	got, err := s.Tools(t.Context(), row.N, []string{"open", "done", "asked", "unknown"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]ToolState{"open": {}, "done": {Completed: true},
		"asked": {ApprovalID: again.ID, ApprovalStatus: api.ApprovalPending}, "unknown": {}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if none, err := s.Tools(t.Context(), row.N, nil); err != nil || len(none) != 0 {
		t.Errorf("of none: %v, %v", none, err)
	}
}

func TestLastFromLineWalksBack(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row, other := create(t, s, nil), create(t, s, nil)
	var want []string
	for i := range 3 * walkRows {
		text := fmt.Sprint(i)
		commit(t, s, &Batch{Events: append(line(row.N, []byte(text), 2),
			typedEvent(row.N, api.EventConversationUpdated), lineEvent(other.N, "other"))})
		want = append(want, text, text)
	}
	slices.Reverse(want)
	walk := func(upTo int64, stopAt string) (got []string) {
		err := s.LastFromLine(t.Context(), row.N, upTo, func(e Event) bool {
			got = append(got, string(e.Line))
			return string(e.Line) == stopAt
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := walk(0, ""); !slices.Equal(got, want) {
		t.Errorf("all: %d events", len(got))
	}
	if got := walk(0, want[9]); !slices.Equal(got, want[:9]) {
		t.Errorf("stopped: %v", got)
	}
	if got := walk(5, ""); !slices.Equal(got, []string{"1", "0", "0"}) {
		t.Errorf("from 5: %v", got)
	}
}

func TestConversationEventNotFound(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	commit(t, s, &Batch{Events: []Event{typedEvent(row.N, api.EventSessionUpdated)}})
	for _, seq := range []int64{0, 1, 2} {
		if _, err := s.ConversationEvent(t.Context(), seq); !errors.Is(err, ErrNotFound) {
			t.Errorf("event %d: %v", seq, err)
		}
	}
}

// TestConversationEndsAtHead holds in the moment between the commit of an event
// and the word of it: whoever subscribes behind what a conversation shows must
// not be ahead of the log.
func TestConversationEndsAtHead(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	batch := &Batch{Events: []Event{lineEvent(row.N, "told"), lineEvent(row.N, "committed")}}
	commit(t, s, batch)
	s.head.Store(batch.Events[0].Seq)
	if got := texts(pages(t, s, []Segment{{N: row.N}}, 10, 1<<20)); !slices.Equal(got, []string{"told"}) {
		t.Errorf("shown: %v", got)
	}
}
