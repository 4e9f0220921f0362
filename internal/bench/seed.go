package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// seed fills the database of a world that has not begun.
type seed struct {
	sessions int // final ones
	events   int // of all of them together, in equal parts
}

// fill writes them, the oldest first, with as much variety as filters need.
func (b *bench) fill(w *world, s seed) (ids []string, err error) {
	db, err := store.Open(b.ctx, filepath.Join(w.state, "sessiond.db"), store.Options{})
	if err != nil {
		return nil, err
	}
	defer func() {
		if end := db.Close(); err == nil {
			err = end
		}
	}()
	begin := time.Now().Add(-time.Duration(s.sessions) * time.Minute)
	each := s.events / s.sessions
	for i := range s.sessions {
		row := seededSession(i, begin.Add(time.Duration(i)*time.Minute))
		if err := db.Commit(b.ctx, &store.Batch{Create: row}); err != nil {
			return nil, err
		}
		ids = append(ids, row.Session.ID)
		if err := b.fillEvents(db, row, each); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func seededSession(i int, at time.Time) *store.SessionRow {
	t := api.At(at)
	return &store.SessionRow{Options: []byte("{}"), Session: api.Session{ID: uuid.NewString(), RunID: uuid.NewString(), ClaudeSessionID: uuid.NewString(),
		Status: []api.Status{api.StatusCompleted, api.StatusFailed, api.StatusInterrupted}[i%3], Title: fmt.Sprintf("Session %d", i),
		Query: fmt.Sprintf("do the work number %d", i), WorkingDir: fmt.Sprintf("/home/user/project-%d", i%200), Model: "opus",
		Tags: []string{fmt.Sprintf("tag-%d", i%50)}, CreatedAt: t, StartedAt: t, LastActivityAt: t, CompletedAt: t, NumTurns: 1}}
}

// fillEvents appends lines of the usual length to a session's log, every tenth
// of them a tool call and its result.
func (b *bench) fillEvents(db *store.Store, row *store.SessionRow, n int) error {
	const batch = 1000
	for done := 0; done < n; {
		var events []store.Event
		for ; len(events) < batch && done < n; done++ {
			events = append(events, seededEvent(row, done))
		}
		if err := db.Commit(b.ctx, &store.Batch{Events: events}); err != nil {
			return err
		}
	}
	return nil
}

func seededEvent(row *store.SessionRow, i int) store.Event {
	ev := store.Event{SessionN: row.N, Type: api.EventConversationUpdated, Time: row.Session.CreatedAt, FromLine: true}
	role, block := "assistant", `{"type":"text","text":"%s"}`
	ev.Kind = api.ConversationMessage
	switch tool := fmt.Sprintf("toolu_%d", i/10); i % 10 {
	case 8:
		ev.Kind, ev.ToolID = api.ConversationToolCall, tool
		block = `{"type":"tool_use","id":"` + tool + `","name":"Bash","input":{"command":"%s"}}`
	case 9:
		ev.Kind, ev.ToolID, role = api.ConversationToolResult, tool, "user"
		block = `{"type":"tool_result","tool_use_id":"` + tool + `","content":"%s","is_error":false}`
	}
	line := `{"type":"` + role + `","message":{"role":"` + role + `","content":[` + block + `]},"parent_tool_use_id":null,"session_id":"` +
		row.Session.ClaudeSessionID + `","uuid":"` + row.Session.ID + `"}`
	text := fmt.Sprintf("step %d ", i)
	fill := max(0, lineSize-len(line)+len("%s")-len(text))
	ev.Line = fmt.Appendf(nil, line, text+strings.Repeat("x", fill))
	return ev
}
