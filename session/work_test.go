package session

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestWorks(t *testing.T) {
	t.Parallel()
	var w works
	check := func(want ...api.Work) {
		t.Helper()
		if diff := cmp.Diff(want, w.list(), cmpopts.IgnoreFields(api.Work{}, "StartedAt")); diff != "" {
			t.Error(diff)
		}
	}
	check()
	a := w.begin(api.WorkBackup, "/a", "copying")
	b := w.begin(api.WorkPrune, "", "looking")
	check(api.Work{Kind: api.WorkBackup, Subject: "/a", Step: "copying"}, api.Work{Kind: api.WorkPrune, Step: "looking"})
	a.tell("checking", 1, 3, "pages")
	b.end()
	check(api.Work{Kind: api.WorkBackup, Subject: "/a", Step: "checking", Done: 1, Total: 3, Unit: "pages"})
	a.end()
	check()
}

// TestHealthTellsOfABackup: while one runs, its steps are in health; then nothing is.
func TestHealthTellsOfABackup(t *testing.T) {
	t.Parallel()
	m, _ := withArchivable(t, newID(), `"`+strings.Repeat("long ", 4<<20/5)+`"`) // so that there are several steps of copying
	dir := t.TempDir()
	seen := map[string]bool{}
	deadline := time.Now().Add(4 * time.Minute)
	for n := 0; len(seen) < 2; n++ { // until it was caught at both
		if time.Now().After(deadline) {
			t.Fatalf("only %v was seen", seen)
		}
		path := filepath.Join(dir, strconv.Itoa(n))
		over := make(chan error, 1)
		go func() {
			_, err := m.Backup(t.Context(), api.BackupParams{Path: path})
			over <- err
		}()
		for running := true; running; {
			h, err := m.Health(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range h.Work {
				if w.Kind != api.WorkBackup || w.Subject != path || w.StartedAt.IsZero() || w.Done > w.Total {
					t.Errorf("%+v", w)
				}
				seen[w.Step] = true
			}
			select {
			case err := <-over:
				if err != nil {
					t.Fatal(err)
				}
				running = false
			default:
			}
		}
		_ = os.Remove(path)
	}
	if h, err := m.Health(t.Context()); err != nil || len(h.Work) > 0 || !seen["copying the database"] || !seen["checking the copy"] {
		t.Errorf("%+v, %v; seen: %v", h.Work, err, seen)
	}
}
