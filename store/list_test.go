package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
)

// listed returns the titles of all pages.
func listed(t *testing.T, s *Store, p api.ListSessionsParams) (titles []string) {
	t.Helper()
	for {
		r, err := s.ListSessions(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if p.Limit != nil && len(r.Sessions) > *p.Limit || r.NextCursor != "" && len(r.Sessions) == 0 {
			t.Fatalf("%d sessions on a page, cursor %q", len(r.Sessions), r.NextCursor)
		}
		for _, session := range r.Sessions {
			titles = append(titles, session.Title)
		}
		if p.Cursor = r.NextCursor; p.Cursor == "" {
			return titles
		}
	}
}

func TestListPagesAreStable(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	var want []string
	for i := range 30 {
		create(t, s, func(r *SessionRow) {
			r.Session.Title = fmt.Sprint(i)
			r.Session.LastActivityAt = api.FromMillis(int64(1e12 + i/10)) // ten are equal
		})
		want = append(want, fmt.Sprint(i))
	}
	slices.Reverse(want)
	for _, limit := range []int{1, 3, 10, 29, 30, 500} {
		if got := listed(t, s, api.ListSessionsParams{Limit: &limit}); !slices.Equal(got, want) {
			t.Errorf("limit %d: %v", limit, got)
		}
	}
	page, err := s.ListSessions(t.Context(), api.ListSessionsParams{Limit: new(5)})
	if err != nil {
		t.Fatal(err)
	}
	create(t, s, func(r *SessionRow) { r.Session.Title = "new" }) // newer than the cursor: moves nothing
	if got := listed(t, s, api.ListSessionsParams{Cursor: page.NextCursor}); !slices.Equal(got, want[5:]) {
		t.Errorf("behind the cursor: %v", got)
	}
	for _, cursor := range []string{"x", "MS4", "!", page.NextCursor + "A"} {
		_, err := s.ListSessions(t.Context(), api.ListSessionsParams{Cursor: cursor})
		var e *api.Error
		if !errors.As(err, &e) || e.Reason != api.ReasonInvalidParams || e.Data["field"] != "cursor" {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	add := func(title string, change func(*api.Session)) *SessionRow {
		return create(t, s, func(r *SessionRow) {
			r.Session.Title, r.Session.Status, r.Session.Query = title, api.StatusCompleted, ""
			change(&r.Session)
		})
	}
	parent := add("parent", func(x *api.Session) { x.WorkingDir = "/a" })
	add("child", func(x *api.Session) { x.ParentSessionID, x.Status = parent.Session.ID, api.StatusRunning })
	add("Über 100% ΣΊΣΥΦΟΣ", func(x *api.Session) { x.Tags = []string{"t", "u"} })
	add("plain", func(x *api.Session) { x.Query, x.Tags = "find the straße_1", []string{"t"} })
	add("archived", func(x *api.Session) { x.Archived, x.Status, x.WorkingDir = true, api.StatusFailed, "/a" })
	for name, c := range map[string]struct {
		p    api.ListSessionsParams
		want string
	}{
		"all":            {api.ListSessionsParams{}, "plain Über child parent"},
		"archived":       {api.ListSessionsParams{Archived: true}, "archived"},
		"status":         {api.ListSessionsParams{Status: []api.Status{api.StatusRunning}}, "child"},
		"statuses":       {api.ListSessionsParams{Status: []api.Status{api.StatusRunning, api.StatusCompleted}}, "plain Über child parent"},
		"directory":      {api.ListSessionsParams{WorkingDir: "/a"}, "parent"},
		"parent":         {api.ListSessionsParams{ParentSessionID: parent.Session.ID}, "child"},
		"tag":            {api.ListSessionsParams{Tag: "t"}, "plain Über"},
		"other tag":      {api.ListSessionsParams{Tag: "u"}, "Über"},
		"leaves":         {api.ListSessionsParams{LeavesOnly: true}, "plain Über child"},
		"text in title":  {api.ListSessionsParams{Text: "üBER"}, "Über"},
		"greek":          {api.ListSessionsParams{Text: "σίσυφος"}, "Über"},
		"text in query":  {api.ListSessionsParams{Text: "STRASSE_1"}, "plain"},
		"percent":        {api.ListSessionsParams{Text: "0%"}, "Über"},
		"no wildcard":    {api.ListSessionsParams{Text: "%"}, "Über"},
		"no wildcard, 2": {api.ListSessionsParams{Text: "p_ain"}, ""},
		"together":       {api.ListSessionsParams{Tag: "t", Text: "find", Status: []api.Status{api.StatusCompleted}, LeavesOnly: true}, "plain"},
		"none":           {api.ListSessionsParams{Tag: "t", WorkingDir: "/a"}, ""},
	} {
		c.p.Limit = new(1)
		got := []string{}
		for _, title := range listed(t, s, c.p) {
			got = append(got, strings.Fields(title)[0])
		}
		if diff := cmp.Diff(strings.Fields(c.want), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestListPageIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	for i := range 3 {
		create(t, s, func(r *SessionRow) {
			r.Session.Title = fmt.Sprint(i)
			r.Session.Query = strings.Repeat("\x01", listBytes/6*2/3) // six bytes each in JSON
		})
	}
	r, err := s.ListSessions(t.Context(), api.ListSessionsParams{})
	if err != nil || len(r.Sessions) != 2 || r.NextCursor == "" {
		t.Errorf("%d sessions, %v", len(r.Sessions), err)
	}
	if got := listed(t, s, api.ListSessionsParams{}); !slices.Equal(got, []string{"2", "1", "0"}) {
		t.Errorf("got %v", got)
	}
}

func TestQuotedLen(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "plain", "a\"b\\c\n\t\r", "\x00\x1f", "ü€😀"} {
		quoted, err := encode(text)
		if err != nil || len(quoted)-2 != quotedLen(text) {
			t.Errorf("%q: %d, want %d, %v", text, quotedLen(text), len(quoted)-2, err)
		}
	}
}

// TestListsUseIndexes: no filter reads all sessions, and the common ones sort nothing.
func TestListsUseIndexes(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	for name, c := range map[string]struct {
		p      api.ListSessionsParams
		sorted bool
	}{
		"all":       {api.ListSessionsParams{}, true},
		"leaves":    {api.ListSessionsParams{LeavesOnly: true}, true},
		"status":    {api.ListSessionsParams{Status: []api.Status{api.StatusRunning}}, true},
		"directory": {api.ListSessionsParams{WorkingDir: "/a"}, true},
		"parent":    {api.ListSessionsParams{ParentSessionID: "x"}, false},
		"tag":       {api.ListSessionsParams{Tag: "x"}, false},
		"cursor":    {api.ListSessionsParams{Cursor: listKey{1, 1}.cursor()}, true},
	} {
		query, _, err := listQuery(c.p, nil, -1)
		if err != nil {
			t.Fatal(err)
		}
		plan := explain(t, s, query)
		if name == "parent" && !strings.Contains(plan, "sessions_by_parent") {
			t.Errorf("%s: %s", name, plan)
		}
		if strings.Contains(plan, "SCAN") || c.sorted && strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", name, plan)
		}
	}
}
