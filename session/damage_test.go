package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// TestADamagedEventIsShown with what else is known of it.
func TestADamagedEventIsShown(t *testing.T) {
	t.Parallel()
	encoded, err := EncodeEvent(store.Event{Seq: 7, SessionID: "the session", Type: api.EventConversationUpdated,
		Kind: api.ConversationMessage, Data: json.RawMessage(`{"content":`)})
	if err == nil || isPanic(err) {
		t.Errorf("error: %v", err)
	}
	var shown struct {
		api.Event
		Data api.ConversationEvent `json:"data"`
	}
	if err := json.Unmarshal(encoded, &shown); err != nil || shown.Seq != 7 || shown.SessionID != "the session" || shown.Data.EventType != api.ConversationMessage {
		t.Errorf("%s, %v", encoded, err)
	}
}

// TestAnEventThatPanics takes nobody down: it is shown with what else is known of it,
// and named; the log has the stack, once.
func TestAnEventThatPanics(t *testing.T) {
	t.Parallel()
	ev := store.Event{Seq: 7, SessionID: "the session", Type: api.EventConversationUpdated, Kind: api.ConversationToolCall, FromLine: true}
	shown, err := renderEvent(&ev, func([]byte, int, api.ConversationType) api.ConversationEvent { panic("a bug") })
	if !isPanic(err) || shown.Seq != 7 || shown.SessionID != "the session" || shown.EventType != api.ConversationToolCall {
		t.Errorf("%+v, %v", shown, err)
	}
	st, openErr := store.Open(t.Context(), filepath.Join(t.TempDir(), "db"), store.Options{})
	if openErr != nil {
		t.Fatal(openErr)
	}
	var log bytes.Buffer
	for range 2 {
		NoteDamage(st, slog.New(slog.NewTextHandler(&log, nil)), ev.Seq, err)
	}
	problem := st.Problem()
	if !errors.Is(problem, store.ErrCorrupt) || !strings.Contains(problem.Error(), "event 7") || strings.Count(log.String(), "stack=") != 1 {
		t.Errorf("problem: %v, log: %s", problem, log.String())
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}
