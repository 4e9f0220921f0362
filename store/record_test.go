package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestDamagedRecordIsOne has documents that cannot be read: the others can, and
// of a session what its row says.
func TestDamagedRecordIsOne(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{"torn": `{"id":"`, "empty": ``, "another's": `{"id":"x"}`, "no object": `7`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "db")
			s := openAt(t, path, Options{})
			good, bad := create(t, s, nil), create(t, s, nil)
			execute(t, path, fmt.Sprintf("UPDATE session_documents SET document = '%s' WHERE n = %d", strings.ReplaceAll(document, "'", "''"), bad.N))
			rows, err := s.OpenSessions(t.Context())
			if err != nil || len(rows) != 2 || rows[0].Damage != nil || rows[0].Session.ID != good.Session.ID {
				t.Fatalf("open: %+v, %v", rows, err)
			}
			got := rows[1]
			if damage := new(RecordError); !errors.As(got.Damage, &damage) || got.Session.ID != bad.Session.ID || got.Session.Status != bad.Session.Status ||
				got.Session.WorkingDir != bad.Session.WorkingDir || !strings.Contains(got.Session.ErrorMessage, "damaged") {
				t.Errorf("damaged: %+v", got)
			}
			list, err := s.ListSessions(t.Context(), api.ListSessionsParams{})
			if err != nil || len(list.Sessions) != 2 {
				t.Errorf("list: %+v, %v", list, err)
			}
		})
	}
}

// TestDamagedRecordsComeApart has messages and approvals that cannot be read: the others
// are listed, what the rows say of these comes apart, and Problem names each until it is
// written anew, or its session is deleted.
func TestDamagedRecordsComeApart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	row, other := create(t, s, nil), create(t, s, nil)
	messages := []api.Message{newMessage(row.Session.ID, 0), newMessage(row.Session.ID, 1)}
	approvals := []api.Approval{newApproval(row.Session.ID), newApproval(row.Session.ID)}
	commit(t, s, &Batch{Messages: messages, Approvals: append(approvals, newApproval(other.Session.ID))})
	for _, document := range []string{"{bad", "", "null", `{"id":"x"}`} {
		execute(t, path, fmt.Sprintf("UPDATE messages SET document = '%s' WHERE id = '%s'", document, messages[0].ID))
		execute(t, path, fmt.Sprintf("UPDATE approvals SET document = '%s' WHERE id = '%s'", document, approvals[0].ID))
		whole, damaged, err := s.Messages(t.Context(), row.Session.ID, nil)
		if err != nil || len(whole) != 1 || whole[0].ID != messages[1].ID || len(damaged) != 1 {
			t.Fatalf("%q: messages %+v, %+v, %v", document, whole, damaged, err)
		}
		if p := damaged[0].Plain; p.ID != messages[0].ID || p.SessionID != row.Session.ID || p.State != messages[0].State || !p.Content.Equal(messages[0].Content) {
			t.Errorf("%q: message %+v", document, p)
		}
		all, broken, err := s.Approvals(t.Context(), "", []api.ApprovalStatus{api.ApprovalPending})
		if err != nil || len(all) != 2 || len(broken) != 1 || broken[0].Plain.ID != approvals[0].ID || broken[0].Plain.ToolUseID != approvals[0].ToolUseID {
			t.Errorf("%q: approvals %+v, %+v, %v", document, all, broken, err)
		}
		_, err = s.Approval(t.Context(), approvals[0].ID)
		if damage := new(RecordError); !errors.As(err, &damage) || damage.ID != approvals[0].ID || !errors.Is(err, ErrCorrupt) ||
			!errors.Is(err, &api.Error{Reason: api.ReasonInternal}) {
			t.Errorf("%q: one approval: %v", document, err)
		}
		if err := s.Problem(); err == nil || !strings.Contains(err.Error(), approvals[0].ID) || !strings.Contains(err.Error(), "1 others") {
			t.Errorf("%q: problem: %v", document, err)
		}
		commit(t, s, &Batch{Messages: messages[:1], Approvals: approvals[:1]})
		if err := s.Problem(); err != nil {
			t.Errorf("%q: problem with what was written anew: %v", document, err)
		}
	}
	execute(t, path, fmt.Sprintf("UPDATE messages SET content = '' WHERE id = '%s'", messages[0].ID))
	if _, damaged, err := s.Messages(t.Context(), row.Session.ID, nil); err != nil || len(damaged) != 1 || damaged[0].Plain.Content.IsZero() {
		t.Errorf("without its content: %+v, %v", damaged, err)
	}
	remove(t, s, row)
	if err := s.Problem(); err != nil {
		t.Errorf("problem of what was deleted: %v", err)
	}
}

func newMessage(session string, position int) api.Message {
	return api.Message{ID: uuid.NewString(), SessionID: session, Content: api.Text("hello"), Delivery: api.DeliveryQueue,
		State: api.MessageQueued, Position: position, CreatedAt: api.Now()}
}

func newApproval(session string) api.Approval {
	return api.Approval{ID: uuid.NewString(), SessionID: session, Kind: api.ApprovalTool, ToolUseID: "tool", Status: api.ApprovalPending, CreatedAt: api.Now()}
}

// TestCheckRecords finds every kind of record that is damaged, and nothing where none is.
func TestCheckRecords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	withAll := func(r *SessionRow) {
		r.Options, r.Engine = []byte(`{"ancestors":null}`), []byte(`{}`)
	}
	create(t, s, withAll)
	bad := create(t, s, withAll)
	message, approval := newMessage(bad.Session.ID, 0), newApproval(bad.Session.ID)
	commit(t, s, &Batch{Messages: []api.Message{message}, Approvals: []api.Approval{approval},
		Events: append(line(bad.N, []byte("parts"), 2), typedEvent(bad.N, api.EventSessionUpdated), lineEvent(bad.N, ""))})
	if damaged, err := CheckRecords(t.Context(), path); err != nil || len(damaged) != 0 {
		t.Fatalf("where none is: %v, %v", damaged, err)
	}
	id := bad.Session.ID
	for _, c := range []struct{ query, want string }{
		{"UPDATE session_documents SET document = '{' WHERE n = %d", "session " + id},
		{"UPDATE session_launches SET options = '7' WHERE n = %d", "options of session " + id},
		{"UPDATE session_engines SET state = 'x' WHERE n = %d", "state of session " + id},
		{"UPDATE messages SET content = '' WHERE session = %d", "message " + message.ID},
		{"UPDATE approvals SET document = '' WHERE session = %d", "approval " + approval.ID},
		{"UPDATE events SET data = '{' WHERE seq = 3 AND session = %d", "event 3"},
		{"UPDATE events SET line = NULL WHERE seq = 4 AND session = %d", "event 4"},
		{"DELETE FROM events WHERE seq = 1 AND session = %d", "event 2"},
		{"UPDATE events SET session = 999 WHERE seq = 3 AND session = %d", "event 3"},
	} {
		copied := copyDatabase(t, path)
		execute(t, copied, fmt.Sprintf(c.query, bad.N))
		damaged, err := CheckRecords(t.Context(), copied)
		if err != nil || len(damaged) != 1 || !strings.HasPrefix(damaged[0].Error(), c.want) {
			t.Errorf("%s: %v, %v", c.query, damaged, err)
		}
	}
}
