package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

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
