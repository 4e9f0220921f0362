package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
)

// line makes the events of a line with so many parts.
func line(n int64, text []byte, parts int) []Event {
	events := make([]Event, parts)
	for i := range events {
		events[i] = lineEvent(n, "")
		events[i].Part = i
		events[i].Line = text
	}
	return events
}

func TestLinesSurviveByteForByte(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	lines := [][]byte{{}, []byte("\xff\x00\xfe not text"), []byte(`{"a":"<&>"}`), bytes.Repeat([]byte("long"), 1<<20), []byte(" \t\r"), []byte("ü\u2028")}
	var events []Event
	for i, text := range lines {
		events = append(events, line(row.N, text, i%3+1)...)
	}
	events[len(events)-1].Unterminated = true
	prompt := Event{SessionN: row.N, Type: api.EventConversationUpdated, Kind: api.ConversationMessage, Time: api.Now(),
		Data: json.RawMessage(`{"role":"user"}`)}
	events = append(events, prompt)
	commit(t, s, &Batch{Events: events})
	got := wholeLog(t, s, 4, Filter{})
	want := slices.Clone(events)
	for i := range want {
		want[i].SessionID, want[i].RunID, want[i].ClaudeSessionID = row.Session.ID, row.Session.RunID, row.Session.ClaudeSessionID
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%d events are not as they were appended", len(got))
	}
	if got[0].Line == nil || got[len(got)-1].Line != nil {
		t.Error("an empty line and none are not told apart")
	}
	for _, e := range want { // each alone: its line is not among what was read
		one, err := s.ConversationEvent(t.Context(), e.Seq)
		if err != nil || !reflect.DeepEqual(one, e) {
			t.Errorf("event %d: %v", e.Seq, err)
		}
	}
	var count int64
	if err := s.db.QueryRow("SELECT count(line) FROM events").Scan(&count); err != nil || count != int64(len(lines)) {
		t.Errorf("%d lines are stored, %v", count, err)
	}
}

func TestLogFilters(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	var rows []*SessionRow
	for range 3 {
		rows = append(rows, create(t, s, nil))
	}
	types := api.EventTypes[:len(api.EventTypes)-1]
	for i := range 60 {
		commit(t, s, &Batch{Events: []Event{typedEvent(rows[i%3].N, types[i%len(types)]), lineEvent(rows[(i+1)%3].N, "x")}})
	}
	all := wholeLog(t, s, 7, Filter{})
	if len(all) != 120 {
		t.Fatalf("%d events", len(all))
	}
	first, second := rows[0].Session, rows[1].Session
	for name, f := range map[string]Filter{
		"session": {SessionID: first.ID}, "run": {RunID: second.RunID},
		"session and run": {SessionID: first.ID, RunID: first.RunID}, "of two": {SessionID: first.ID, RunID: second.RunID},
		"one type": {Types: types[:1]}, "types": {Types: types[2:5]}, "rare types": {Types: types[4:]},
		"type of session": {SessionID: second.ID, Types: types[3:4]}, "nobody": {SessionID: "nobody"},
		"nobody's run": {RunID: "nobody", SessionID: first.ID}, "no rows": {Types: []api.EventType{api.EventPartialMessage}},
	} {
		var want []Event
		for _, e := range all {
			if (f.SessionID == "" || f.SessionID == e.SessionID) && (f.RunID == "" || f.RunID == e.RunID) &&
				(len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) {
				want = append(want, e)
			}
		}
		for _, limit := range []int{1, 10, 1000} {
			if diff := cmp.Diff(want, wholeLog(t, s, limit, f)); diff != "" {
				t.Errorf("%s, limit %d: %s", name, limit, diff)
			}
		}
	}
}

func TestLogPagesAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	large := bytes.Repeat([]byte("x"), logBytes/3+1)
	commit(t, s, &Batch{Events: slices.Concat(line(row.N, large, 2), line(row.N, large, 3), line(row.N, large, 1), line(row.N, nil, 2))})
	events, upTo, err := s.Log(t.Context(), 0, 100, Filter{})
	if err != nil || len(events) != 6 || upTo != 6 {
		t.Fatalf("%d events up to %d, %v", len(events), upTo, err)
	}
	if n := len(wholeLog(t, s, 100, Filter{})); n != 8 {
		t.Errorf("%d events in all", n)
	}
}

func TestLogOfRareTypesGoesInWindows(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	events := make([]Event, scanWindow+10)
	for i := range events {
		events[i] = lineEvent(row.N, "x")
	}
	events[len(events)-1] = typedEvent(row.N, api.EventSessionUpdated)
	commit(t, s, &Batch{Events: events})
	f := Filter{Types: []api.EventType{api.EventSessionUpdated}}
	got, upTo, err := s.Log(t.Context(), 0, 10, f)
	if err != nil || len(got) != 0 || upTo != scanWindow {
		t.Errorf("%d events up to %d, %v", len(got), upTo, err)
	}
	if n := len(wholeLog(t, s, 10, f)); n != 1 {
		t.Errorf("%d events in all", n)
	}
}

func TestLogAtItsEnd(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	if s.Head() != 0 || s.OldestSeq() != 1 {
		t.Errorf("an empty log is from %d to %d", s.OldestSeq(), s.Head())
	}
	row := create(t, s, nil)
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "x")}})
	for _, after := range []int64{1, 5} {
		if events, upTo, err := s.Log(t.Context(), after, 10, Filter{}); len(events) != 0 || upTo != after || err != nil {
			t.Errorf("after %d: %v up to %d, %v", after, events, upTo, err)
		}
	}
}

func TestEventsOfACreatedSession(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	b := &Batch{Create: newRow(nil), Events: []Event{typedEvent(0, api.EventSessionCreated), lineEvent(0, "x")}}
	commit(t, s, b)
	if b.Create.N == 0 || b.Events[0].SessionN != b.Create.N || b.Events[1].SessionN != b.Create.N || b.Events[1].Seq != 2 {
		t.Errorf("got %+v", b)
	}
	err := s.Commit(t.Context(), &Batch{Events: []Event{lineEvent(0, "of no session")}})
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestReopenAfterKill opens a copy of a live database's files, as a crash leaves them.
func TestReopenAfterKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	row := create(t, s, nil)
	for i := range 50 {
		commit(t, s, &Batch{Events: []Event{lineEvent(row.N, fmt.Sprint(i))}, Update: &SessionUpdate{N: row.N, JournalOffset: int64(i)}})
	}
	again := openAt(t, copyDatabase(t, path), Options{})
	got, err := again.Session(t.Context(), row.Session.ID)
	if err != nil || got.JournalOffset != 49 || again.Head() != 50 || len(wholeLog(t, again, 8, Filter{})) != 50 {
		t.Errorf("offset %d, head %d, %v", got.JournalOffset, again.Head(), err)
	}
	commit(t, again, &Batch{Events: []Event{lineEvent(row.N, "more")}})
	if again.Head() != 51 {
		t.Errorf("head %d", again.Head())
	}
}

func TestSeqNeverComesAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	row := create(t, s, nil)
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "1"), lineEvent(row.N, "2"), lineEvent(row.N, "3")}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, path, "DELETE FROM events")
	execute(t, path, "DELETE FROM sessions")
	s = openAt(t, path, Options{})
	if s.Head() != 3 {
		t.Errorf("head %d", s.Head())
	}
	b := &Batch{Create: newRow(nil), Events: []Event{lineEvent(0, "4")}}
	commit(t, s, b)
	if b.Events[0].Seq != 4 || b.Create.N != row.N+1 {
		t.Errorf("seq %d, n %d", b.Events[0].Seq, b.Create.N)
	}
}

// TestNoReadingScans: every query of the log finds its rows through an index.
func TestNoReadingScans(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	queries := []string{
		selectConversation,
		selectEvents + "WHERE session = ? AND part IS NOT NULL AND seq <= ? ORDER BY seq DESC LIMIT ?",
		"SELECT 1 FROM events WHERE session = ? AND tool_id = ? AND kind = 'tool_result'",
		purgeEventsSQL,
	}
	for _, f := range []Filter{{}, {SessionID: row.Session.ID}, {Types: api.EventTypes[:3]}, {SessionID: row.Session.ID, Types: api.EventTypes}} {
		where, _, err := f.where(t.Context(), s.db)
		if err != nil {
			t.Fatal(err)
		}
		queries = append(queries, selectEvents+"WHERE seq > ? AND seq <= ?"+where+" ORDER BY seq LIMIT ?")
	}
	for _, query := range queries {
		if plan := explain(t, s, query); strings.Contains(plan, "SCAN events") {
			t.Errorf("%s\n%s", query, plan)
		}
	}
	if plan := explain(t, s, queries[len(queries)-2]); !strings.Contains(plan, "events_by_rare_type") {
		t.Errorf("rare types: %s", plan)
	}
}

// explain returns the plan of a query.
func explain(t *testing.T, s *Store, query string) string {
	t.Helper()
	args := make([]any, strings.Count(query, "?"))
	rows, err := s.db.Query("EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(query, err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var a, b, c any
		var detail string
		if err := rows.Scan(&a, &b, &c, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
