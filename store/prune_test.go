package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestOutlines(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	first := filled(t, s, 3)
	second := create(t, s, func(r *SessionRow) {
		r.Session.Status, r.Session.LastActivityAt = api.StatusCompleted, api.FromMillis(7)
		r.Options = []byte(`{"title":"x","ancestors":[{"N":1,"UpTo":3},{"N":9}]}`)
	})
	want := []Outline{
		{N: first.N, ID: first.Session.ID, Status: api.StatusRunning, LastActivityAt: api.FromMillis(first.Session.LastActivityAt.Millis()), Tagged: true},
		{N: second.N, ID: second.Session.ID, Status: api.StatusCompleted, LastActivityAt: api.FromMillis(7),
			Ancestors: []Segment{{N: 1, UpTo: 3}, {N: 9}}},
	}
	got, err := s.Outlines(t.Context(), "tag", 0)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	got, err = s.Outlines(t.Context(), "", first.N)
	if err != nil || len(got) != 1 || got[0].N != second.N || !got[0].Tagged {
		t.Errorf("behind the first: %+v, %v", got, err)
	}
}

// TestOutlinesWithDamage has options that cannot be read: the others can, and what the
// session stands on follows from its parent.
func TestOutlinesWithDamage(t *testing.T) {
	t.Parallel()
	for _, options := range []string{"{bad", "", "7", `"x"`, `{"ancestors":{"N":1}}`, `{"ancestors":[{"N":"x"}]}`} {
		path := filepath.Join(t.TempDir(), "db")
		s := openAt(t, path, Options{})
		first := create(t, s, nil)
		second := create(t, s, func(r *SessionRow) {
			r.Session.ParentSessionID, r.Options = first.Session.ID, []byte(`{"ancestors":[{"N":1,"UpTo":3}]}`)
		})
		third := create(t, s, func(r *SessionRow) { r.Session.ParentSessionID = second.Session.ID })
		orphan := create(t, s, func(r *SessionRow) { r.Session.ParentSessionID = "deleted" })
		execute(t, path, fmt.Sprintf("UPDATE session_launches SET options = '%s' WHERE n >= %d", options, third.N))
		got, err := s.Outlines(t.Context(), "", 0)
		if err != nil || len(got) != 4 || got[1].Damage != nil || got[2].Damage == nil || got[3].Damage == nil {
			t.Fatalf("%q: %+v, %v", options, got, err)
		}
		if diff := cmp.Diff([]Segment{{N: first.N, UpTo: 3}, {N: second.N}}, got[2].Ancestors); diff != "" || len(got[3].Ancestors) != 0 {
			t.Errorf("%q: %s", options, diff)
		}
		if err := s.Problem(); err == nil || !strings.Contains(err.Error(), "options of session") || !strings.Contains(err.Error(), orphan.Session.ID) && !strings.Contains(err.Error(), third.Session.ID) {
			t.Errorf("%q: problem: %v", options, err)
		}
	}
}

func TestSessionSize(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	for _, want := range []struct {
		events int
		bytes  int64
	}{{0, 0}, {2, 9 + 7}} {
		events, bytes, err := s.SessionSize(t.Context(), row.N)
		if events != want.events || bytes != want.bytes || err != nil {
			t.Errorf("%d events, %d bytes, %v; want %v", events, bytes, err, want)
		}
		commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "123äöü"), typedEvent(row.N, api.EventSessionUpdated)}})
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := filled(t, s, 10*purgeRows)
	full, err := s.Size(t.Context())
	if err != nil || full.Used == 0 || full.Log == 0 {
		t.Fatalf("%+v, %v", full, err)
	}
	remove(t, s, row)
	eventually(t, "pages are free", func() bool {
		now, err := s.Size(t.Context())
		return err == nil && now.Used < full.Used
	})
}
