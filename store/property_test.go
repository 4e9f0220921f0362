package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/rpc/api"
)

// kept is what a session should be in the store.
type kept struct {
	row    *SessionRow
	offset int64
	lines  []string
}

// model is what a store should hold: what it has said is stored, and nothing else.
type model struct {
	t        *rapid.T
	base     string // where all is
	dir      string // where the store is
	s        *Store
	sessions []*kept
	deleted  []*kept
	lines    int
}

// do has the writer run a query between its commits.
func (m *model) do(query func(*conn) string) {
	done := make(chan error, 1)
	m.s.writer.jobs <- func() { done <- m.s.writer.conn.run(query(m.s.writer.conn)) }
	if err := <-done; err != nil {
		m.t.Fatal(err)
	}
}

// open opens the store. It does not wait for the disk: no power fails here.
func (m *model) open() {
	s, err := Open(context.Background(), filepath.Join(m.dir, "db"), Options{})
	if err != nil {
		m.t.Fatal(err)
	}
	m.s = s
	m.do(func(*conn) string { return "PRAGMA synchronous = OFF" })
}

// draft is a batch, and what becomes of the model if it is stored.
type draft struct {
	batch  *Batch
	poison bool // it cannot be stored
	stored func()
}

// draw makes a batch for one session.
func (m *model) draw() draft {
	var d draft
	switch kind := rapid.IntRange(0, 9).Draw(m.t, "kind"); {
	case len(m.sessions) == 0 || kind < 4:
		k := &kept{row: newRow(nil)}
		k.row.Session.Status = rapid.SampledFrom(api.Statuses).Draw(m.t, "status")
		d.batch = &Batch{Create: k.row}
		d.stored = func() { m.sessions = append(m.sessions, k) }
		m.fill(&d, k, 0)
	default:
		k := m.sessions[rapid.IntRange(0, len(m.sessions)-1).Draw(m.t, "session")]
		d.batch = &Batch{Update: &SessionUpdate{N: k.row.N, JournalOffset: k.offset + 1}}
		d.stored = func() {}
		if rapid.Bool().Draw(m.t, "changed") {
			changed := k.row.Session
			changed.Status = rapid.SampledFrom(api.Statuses).Draw(m.t, "status")
			d.batch.Update.Session = &changed
			d.stored = func() { k.row.Session = changed }
		}
		m.fill(&d, k, k.row.N)
		then := d.stored
		d.stored = func() { k.offset++; then() }
	}
	switch rapid.IntRange(0, 9).Draw(m.t, "poison") {
	case 0: // an event of nobody, behind all else
		d.poison = true
		d.batch.Events = append(d.batch.Events, lineEvent(4711, "of nobody"))
	case 1: // an approval of nobody
		d.poison = true
		d.batch.Approvals = []api.Approval{{ID: fmt.Sprint("a", m.lines), SessionID: "nobody"}}
	}
	return d
}

// fill adds events to a batch, some of them large.
func (m *model) fill(d *draft, k *kept, n int64) {
	var texts []string
	for range rapid.IntRange(0, 20).Draw(m.t, "events") {
		m.lines++
		text := fmt.Sprintf("line %d", m.lines)
		if rapid.IntRange(0, 9).Draw(m.t, "large") == 0 {
			text += strings.Repeat("x", 50000)
		}
		texts = append(texts, text)
		d.batch.Events = append(d.batch.Events, lineEvent(n, text))
	}
	then := d.stored
	d.stored = func() { k.lines = append(k.lines, texts...); then() }
}

// commit commits some batches at once, each of another session, so that they
// share transactions, and notes what was stored.
func (m *model) commit() {
	drafts := []draft{}
	busy := map[int64]bool{}
	for range rapid.IntRange(1, 8).Draw(m.t, "batches") {
		d := m.draw()
		if u := d.batch.Update; u != nil {
			if busy[u.N] {
				continue
			}
			busy[u.N] = true
		}
		drafts = append(drafts, d)
	}
	results := make([]error, len(drafts))
	var all errgroup.Group
	hold := make(chan struct{}) // the writer, so that they come together
	m.s.writer.jobs <- func() { <-hold }
	var begun sync.WaitGroup
	begun.Add(len(drafts))
	for i, d := range drafts {
		all.Go(func() error {
			begun.Done()
			results[i] = m.s.Commit(context.Background(), d.batch)
			return nil
		})
	}
	begun.Wait()
	runtime.Gosched()
	close(hold)
	_ = all.Wait()
	for i, d := range drafts {
		switch err := results[i]; {
		case err == nil && d.poison:
			m.t.Fatal("a poisoned batch was stored")
		case err == nil:
			d.stored()
		case !d.poison && !errors.Is(err, ErrFull):
			m.t.Fatalf("batch %d: %v", i, err)
		}
	}
}

// delete deletes a session.
func (m *model) delete() {
	if len(m.sessions) == 0 {
		m.t.Skip("nothing to delete")
	}
	i := rapid.IntRange(0, len(m.sessions)-1).Draw(m.t, "deleted")
	k := m.sessions[i]
	err := m.s.Commit(context.Background(), &Batch{Delete: k.row.N, Events: []Event{typedEvent(0, api.EventSessionDeleted)}})
	if err == nil {
		m.sessions = slices.Delete(m.sessions, i, i+1)
		m.deleted = append(m.deleted, k)
	} else if !errors.Is(err, ErrFull) {
		m.t.Fatal(err)
	}
}

// bound fills the disk, or makes room: it lets the database have so many pages more.
func (m *model) bound() {
	more := rapid.SampledFrom([]int64{0, 3, 30, 1 << 20}).Draw(m.t, "room")
	m.do(func(c *conn) string {
		pages, err := c.number("PRAGMA page_count")
		if err != nil {
			m.t.Error(err)
		}
		return fmt.Sprint("PRAGMA max_page_count = ", pages+more)
	})
}

// crash goes on with what a crash would leave.
func (m *model) crash() {
	dir, err := os.MkdirTemp(m.base, "crash")
	if err != nil {
		m.t.Fatal(err)
	}
	copied := make(chan error, 1)
	m.s.writer.jobs <- func() { copied <- copyLive(filepath.Join(m.dir, "db"), filepath.Join(dir, "db")) } // between its commits
	if err := <-copied; err != nil {
		m.t.Fatal(err)
	}
	old := m.s
	m.dir = dir
	m.open()
	if err := old.Close(); err != nil {
		m.t.Error(err)
	}
}

// again goes on with a store that was closed, or has crashed.
func (m *model) again() {
	if rapid.Bool().Draw(m.t, "crash") {
		m.crash()
		return
	}
	if err := m.s.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.open()
}

// check compares the store with the model.
func (m *model) check(t *rapid.T) {
	ctx := context.Background()
	byN := map[int64]*kept{}
	for _, k := range m.sessions {
		byN[k.row.N] = k
		row, err := m.s.Session(ctx, k.row.Session.ID)
		if err != nil || row.JournalOffset != k.offset {
			t.Fatalf("session %d has offset %d, not %d, %v", k.row.N, row.JournalOffset, k.offset, err)
		}
	}
	if list, err := m.s.ListSessions(ctx, api.ListSessionsParams{}); err != nil || len(list.Sessions) != min(len(m.sessions), listLimit) {
		t.Fatalf("%d sessions, not %d, %v", len(list.Sessions), len(m.sessions), err)
	}
	want := map[api.Status]int{}
	for _, k := range m.sessions {
		want[k.row.Session.Status]++
	}
	if counts, err := m.s.StatusCounts(ctx); err != nil || !maps.Equal(counts, want) {
		t.Fatalf("the statuses are counted as %v, not %v, %v", counts, want, err)
	}
	got := map[int64][]string{}
	deletions, last := 0, int64(0)
	for after := int64(0); after < m.s.Head(); {
		events, upTo, err := m.s.Log(ctx, after, 100, Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Seq <= last {
				t.Fatalf("event %d behind %d", e.Seq, last)
			}
			if last = e.Seq; e.Type == api.EventSessionDeleted {
				deletions++
				continue
			}
			got[e.SessionN] = append(got[e.SessionN], string(e.Line))
		}
		after = upTo
	}
	for n, lines := range got {
		if k := byN[n]; k == nil || !slices.Equal(lines, k.lines) {
			t.Fatalf("session %d has %d lines that are not those of %+v", n, len(lines), k)
		}
	}
	for _, k := range m.sessions {
		if len(k.lines) > 0 && got[k.row.N] == nil {
			t.Fatalf("the lines of session %d are gone", k.row.N)
		}
	}
	if deletions != len(m.deleted) {
		t.Fatalf("%d deletions, not %d", deletions, len(m.deleted))
	}
}

// TestWhatIsAcknowledgedIsThereOnce: batches of all kinds, good ones and bad
// ones, many at once, on a disk that is full now and then, with crashes: what
// Commit has returned nil for is in the store once and in order, nothing else is.
func TestWhatIsAcknowledgedIsThereOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "store")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &model{t: t, base: dir, dir: dir}
		m.open()
		defer func() {
			if err := m.s.Close(); err != nil {
				t.Error(err)
			}
			if err := Check(context.Background(), filepath.Join(m.dir, "db")); err != nil {
				t.Error(err)
			}
		}()
		t.Repeat(map[string]func(*rapid.T){
			"":       m.check,
			"commit": func(t *rapid.T) { m.t = t; m.commit() },
			"more":   func(t *rapid.T) { m.t = t; m.commit() },
			"delete": func(t *rapid.T) { m.t = t; m.delete() },
			"bound":  func(t *rapid.T) { m.t = t; m.bound() },
			"again":  func(t *rapid.T) { m.t = t; m.again() },
		})
	})
}
