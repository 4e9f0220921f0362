package store

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestTranscripts are kept with the session whose lines they are, in its batch.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	ctx := context.Background()
	row := newRow(nil)
	id := row.Session.ClaudeSessionID
	if _, _, err := s.LastOfConversation(ctx, id); !errors.Is(err, ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	one := Transcript{Conversation: id, Path: "/p", ReadTo: 5, Mark: "m", Parent: "other", Root: "r", State: json.RawMessage(`{}`)}
	agent := Transcript{Conversation: id, Agent: "a", Path: "/p/a", ReadTo: 1, Mark: "n"}
	commit(t, s, &Batch{Create: row, Transcripts: []Transcript{agent, one}, Events: []Event{lineEvent(0, "x")}})
	one.SessionN, agent.SessionN = row.N, row.N
	one.ReadTo = 9
	commit(t, s, &Batch{Transcripts: []Transcript{one}})
	got, err := s.Transcripts(ctx, id)
	if diff := cmp.Diff([]Transcript{one, agent}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for name, read := range map[string]func(context.Context, string) ([]Transcript, error){"other": s.CopiesOf, "r": s.SameRoot} {
		if got, err := read(ctx, name); err != nil || len(got) != 1 || got[0].Conversation != id {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if n, deleted, err := s.LastOfConversation(ctx, id); err != nil || n != row.N || deleted {
		t.Errorf("%d, %v, %v", n, deleted, err)
	}
	if got, err := s.SessionNumber(ctx, row.N); err != nil || got.Session.ID != row.Session.ID {
		t.Errorf("%+v, %v", got, err)
	}
	// With the session it is forgotten how far it was read, and not that there was one.
	commit(t, s, &Batch{Delete: row.N, Events: []Event{{SessionID: row.Session.ID, RunID: row.Session.RunID, Type: api.EventSessionDeleted, Time: api.Now()}}})
	if got, err := s.Transcripts(ctx, id); err != nil || len(got) != 0 {
		t.Errorf("behind the deletion: %+v, %v", got, err)
	}
	if n, deleted, err := s.LastOfConversation(ctx, id); err != nil || n != row.N || !deleted {
		t.Errorf("behind the deletion: %d, %v, %v", n, deleted, err)
	}
	if err := s.Commit(ctx, &Batch{Transcripts: []Transcript{one}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a session that is gone: %v", err)
	}
}

// TestConversationsOfBefore are known behind the migration: those of sessions, of
// deleted ones, and those that a process was started on and has left.
func TestConversationsOfBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, first(t))
	left := create(t, s, func(r *SessionRow) { r.Engine = json.RawMessage(`{"conversation":"left"}`) })
	damaged := create(t, s, func(r *SessionRow) { r.Engine = json.RawMessage(`{`) })
	gone := create(t, s, nil)
	commit(t, s, &Batch{Delete: gone.N, Events: []Event{{SessionID: gone.Session.ID, RunID: gone.Session.RunID, Type: api.EventSessionDeleted, Time: api.Now()}}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, Options{})
	for id, want := range map[string]int64{left.Session.ClaudeSessionID: left.N, "left": left.N, damaged.Session.ClaudeSessionID: damaged.N, gone.Session.ClaudeSessionID: gone.N} {
		if n, deleted, err := s.LastOfConversation(context.Background(), id); err != nil || n != want || deleted != (want == gone.N) {
			t.Errorf("%s: %d, %v, %v", id, n, deleted, err)
		}
	}
	// From then on the database itself notes them.
	moved := left.Session
	moved.ClaudeSessionID = "moved"
	commit(t, s, &Batch{Update: &SessionUpdate{N: left.N, JournalOffset: -1, Session: &moved}})
	if n, _, err := s.LastOfConversation(context.Background(), "moved"); err != nil || n != left.N {
		t.Errorf("moved: %d, %v", n, err)
	}
	if row, err := s.Session(context.Background(), damaged.Session.ID); err != nil || row.Session.Origin != api.OriginLaunched {
		t.Errorf("a session of before has the origin %q, %v", row.Session.Origin, err)
	}
}
