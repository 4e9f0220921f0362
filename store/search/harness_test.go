package search

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needIndex skips a test that this build cannot run; where everything is to be tested
// that is a failure.
func needIndex(t testing.TB) {
	t.Helper()
	switch {
	case Supported():
	case os.Getenv("CI") == "true":
		t.Fatal("full text search is not in this build, and CI=true wants it tested: go test -tags sqlite_fts5, as the Makefile does")
	default:
		t.Skip("full text search is not in this build: go test -tags sqlite_fts5, as the Makefile does")
	}
}

// TestTheIndexIsInThisBuild: no run of CI leaves the index out unseen.
func TestTheIndexIsInThisBuild(t *testing.T) {
	t.Parallel()
	needIndex(t)
}

// library is a log with an index of it.
type library struct {
	t     testing.TB
	dir   string
	store *store.Store
	*Index
}

// quick are options with which nothing waits.
func quick() Options {
	return Options{patience: time.Hour, gather: time.Millisecond, retry: 10 * time.Millisecond}
}

func newLibrary(t testing.TB, o Options) *library {
	t.Helper()
	needIndex(t)
	l := &library{t: t, dir: t.TempDir()}
	l.openLog()
	l.openIndex(o)
	return l
}

func (l *library) openLog() {
	l.t.Helper()
	var err error
	l.store, err = store.Open(l.t.Context(), filepath.Join(l.dir, "sessiond.db"), store.Options{Published: func([]store.Event) {
		if l.Index != nil {
			l.Wake()
		}
	}})
	if err != nil {
		l.t.Fatal(err)
	}
	s := l.store
	l.t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			l.t.Error(err)
		}
	})
}

func (l *library) openIndex(o Options) {
	l.t.Helper()
	o.StateDir, o.Store = l.dir, l.store
	if o.Render == nil {
		o.Render = render
	}
	l.Index = Open(o)
	x := l.Index
	l.t.Cleanup(func() {
		if err := x.Close(); err != nil {
			l.t.Error(err)
		}
	})
}

func render(ev *store.Event) (shown api.ConversationEvent, err error) {
	err = json.Unmarshal(ev.Data, &shown)
	return shown, err
}

func (l *library) commit(b *store.Batch) {
	l.t.Helper()
	if err := l.store.Commit(l.t.Context(), b); err != nil {
		l.t.Fatal(err)
	}
}

// session makes one.
func (l *library) session(change func(*api.Session)) *store.SessionRow {
	l.t.Helper()
	row := &store.SessionRow{Session: api.Session{ID: uuid.NewString(), RunID: uuid.NewString(), ClaudeSessionID: uuid.NewString(),
		Status: api.StatusCompleted, Query: "do it", WorkingDir: "/home/user", Tags: []string{}, CreatedAt: api.Now(), LastActivityAt: api.Now()}}
	if change != nil {
		change(&row.Session)
	}
	l.commit(&store.Batch{Create: row})
	return row
}

// event makes an event that says something.
func event(session int64, said api.ConversationEvent) store.Event {
	data, err := api.Marshal(said)
	if err != nil {
		panic(err)
	}
	return store.Event{SessionN: session, Type: api.EventConversationUpdated, Time: api.Now(), Kind: said.EventType, Data: data}
}

// say appends what the assistant says, and returns its seq.
func (l *library) say(row *store.SessionRow, texts ...string) (seq int64) {
	l.t.Helper()
	b := &store.Batch{}
	for _, text := range texts {
		b.Events = append(b.Events, event(row.N, api.ConversationEvent{EventType: api.ConversationMessage, Role: "assistant", Content: text}))
	}
	l.commit(b)
	return b.Events[len(b.Events)-1].Seq
}

func (l *library) delete(row *store.SessionRow) {
	l.t.Helper()
	l.commit(&store.Batch{Delete: row.N, Events: []store.Event{{Type: api.EventSessionDeleted, Time: api.Now()}}})
}

// eventually polls until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(4 * time.Minute); !ok(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("never came: " + what)
		}
	}
}

// settle waits until the index has all of the log.
func (l *library) settle() {
	l.t.Helper()
	eventually(l.t, "the index has all", func() bool {
		h := l.Health()
		return h.Available && h.Behind == 0
	})
}

// all searches through all pages, once the index has all.
func (l *library) all(p api.SearchConversationsParams) (matches []api.SearchMatch) {
	l.t.Helper()
	l.settle()
	for {
		r, err := l.Search(l.t.Context(), p)
		if err != nil {
			l.t.Fatal(err)
		}
		if len(r.Matches) > r.Total {
			l.t.Fatalf("%d matches on the page, and a total of %d", len(r.Matches), r.Total)
		}
		if matches = append(matches, r.Matches...); r.NextCursor == "" {
			return matches
		}
		p.Cursor = r.NextCursor
	}
}

// seqs searches for a text, and returns where it is.
func (l *library) seqs(query string) (seqs []int64) {
	l.t.Helper()
	for _, m := range l.all(api.SearchConversationsParams{Query: query, Order: api.OrderNewest}) {
		seqs = append(seqs, m.Seq)
	}
	return seqs
}
