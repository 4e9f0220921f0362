package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestABatchIsAtomic(t *testing.T) {
	t.Parallel()
	var published []int64
	s := open(t, Options{Published: func(events []Event) {
		for _, e := range events {
			published = append(published, e.Seq)
		}
	}})
	row := create(t, s, nil)
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "before")}})
	message := api.Message{ID: uuid.NewString(), SessionID: row.Session.ID, Content: api.Text("hi"), State: api.MessageQueued}
	renamed := row.Session
	renamed.Title = "renamed"
	err := s.Commit(t.Context(), &Batch{
		Create:    newRow(nil),
		Update:    &SessionUpdate{N: row.N, Session: &renamed, JournalOffset: 99},
		Messages:  []api.Message{message},
		Approvals: []api.Approval{{ID: uuid.NewString(), SessionID: "nobody"}},
		Events:    []Event{lineEvent(row.N, "lost")},
	})
	if err == nil {
		t.Fatal("an approval of no session was kept")
	}
	got, err := s.Session(t.Context(), row.Session.ID)
	if err != nil || got.JournalOffset != 0 || got.Session.Title != "" {
		t.Errorf("session %+v, %v", got, err)
	}
	if _, err := s.Message(t.Context(), message.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("message: %v", err)
	}
	if counts, err := s.StatusCounts(t.Context()); err != nil || counts[api.StatusRunning] != 1 {
		t.Errorf("sessions %v, %v", counts, err)
	}
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "after")}})
	if got := texts(wholeLog(t, s, 10, Filter{})); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("log %q", got)
	}
	if !slices.Equal(published, []int64{1, 2}) {
		t.Errorf("published %v", published)
	}
}

func TestABadBatchFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		held, release := make(chan struct{}), make(chan struct{})
		hold := sync.OnceFunc(func() { close(held); <-release })
		s := open(t, Options{Published: func([]Event) { hold() }})
		row := create(t, s, nil)
		var all errgroup.Group
		all.Go(func() error { return s.Commit(t.Context(), &Batch{Events: []Event{lineEvent(row.N, "first")}}) })
		<-held
		results := make([]error, 9)
		for i := range results {
			b := &Batch{Events: []Event{lineEvent(row.N, fmt.Sprint("a", i)), lineEvent(row.N, fmt.Sprint("b", i))}}
			if i == 4 {
				b.Events[1].SessionN = 4711 // there is no such session
			}
			all.Go(func() error {
				results[i] = s.Commit(t.Context(), b)
				return nil
			})
		}
		synctest.Wait() // all of them wait for the writer: they become one group
		close(release)
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		if n := cap(s.writer.group); n < len(results) {
			t.Errorf("the groups held %d batches at most", n)
		}
		for i, err := range results {
			if (err != nil) != (i == 4) || i == 4 && !errors.Is(err, ErrNotFound) {
				t.Errorf("batch %d: %v", i, err)
			}
		}
		log := wholeLog(t, s, 100, Filter{})
		if len(log) != 1+2*8 {
			t.Errorf("%d events: %q", len(log), texts(log))
		}
		for i, e := range log {
			if e.Seq != int64(i+1) || strings.HasSuffix(string(e.Line), "4") {
				t.Errorf("event %d has seq %d: %q", i, e.Seq, e.Line)
			}
		}
	})
}

// failing is a statement that fails.
type failing struct {
	preparedStmt
	err error
}

func (f *failing) ExecContext(context.Context, []driver.NamedValue) (driver.Result, error) {
	return nil, f.err
}

func TestAFailedCommitLeavesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "before")}})
	broken := errors.New("disk I/O error")
	working := s.writer.stmts.commit.prepared
	s.writer.stmts.commit.prepared = &failing{working, broken}
	b := &Batch{Events: []Event{lineEvent(row.N, "lost")}, Update: &SessionUpdate{N: row.N, JournalOffset: 7}}
	var all errgroup.Group
	for range 5 {
		all.Go(func() error {
			err := s.Commit(t.Context(), &Batch{Events: slices.Clone(b.Events), Update: b.Update})
			if !errors.Is(err, broken) {
				return fmt.Errorf("got %w", err)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	if s.Head() != 1 {
		t.Errorf("head %d", s.Head())
	}
	s.writer.stmts.commit.prepared = working
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "after")}})
	log := wholeLog(t, s, 10, Filter{})
	if got := texts(log); !slices.Equal(got, []string{"before", "after"}) || log[1].Seq != 2 {
		t.Errorf("log %q", got)
	}
	if got, err := s.Session(t.Context(), row.Session.ID); err != nil || got.JournalOffset != 0 {
		t.Errorf("offset %d, %v", got.JournalOffset, err)
	}
}

// TestAFullDisk fills the database up to a bound: what does not fit fails whole,
// and goes when there is room again.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	pages, ok := one(t, s.writer.conn, "PRAGMA page_count").(int64)
	if !ok {
		t.Fatal("no page count")
	}
	limit := func(n int64) {
		if err := s.writer.conn.run(fmt.Sprint("PRAGMA max_page_count = ", n)); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages + 100)
	large := strings.Repeat("x", 1<<20)
	err := s.Commit(t.Context(), &Batch{Events: []Event{lineEvent(row.N, "small"), lineEvent(row.N, large)}})
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatalf("got %v", err)
	}
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, "fits")}})
	limit(pages + 10000)
	commit(t, s, &Batch{Events: []Event{lineEvent(row.N, large)}})
	if got := texts(wholeLog(t, s, 10, Filter{})); len(got) != 2 || got[0] != "fits" || got[1] != large {
		t.Errorf("%d events", len(got))
	}
}

func TestManyCommitters(t *testing.T) {
	t.Parallel()
	const committers, batches, perBatch = 32, 20, 5
	var last int64 // the writer's goroutine alone touches it
	seen := map[int64]bool{}
	var mu sync.Mutex
	s := open(t, Options{Published: func(events []Event) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			if e.Seq <= last {
				t.Errorf("published %d behind %d", e.Seq, last)
			}
			last = e.Seq
			seen[e.Seq] = true
		}
	}})
	var all errgroup.Group
	rows := make([]*SessionRow, committers)
	for who := range committers {
		rows[who] = create(t, s, nil)
		all.Go(func() error {
			before := int64(0)
			for i := range batches {
				b := &Batch{Update: &SessionUpdate{N: rows[who].N, JournalOffset: int64(i + 1)}}
				for k := range perBatch {
					b.Events = append(b.Events, lineEvent(rows[who].N, numbered(who, i*perBatch+k)))
				}
				if err := s.Commit(t.Context(), b); err != nil {
					return err
				}
				mu.Lock()
				for k, e := range b.Events {
					if !seen[e.Seq] || e.Seq <= before || k > 0 && e.Seq != before+1 || e.Seq > s.Head() {
						t.Errorf("seq %d behind %d, published %v", e.Seq, before, seen[e.Seq])
					}
					before = e.Seq
				}
				mu.Unlock()
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	count := make([]int, committers)
	for i, e := range wholeLog(t, s, 256, Filter{}) {
		who := slices.IndexFunc(rows, func(r *SessionRow) bool { return r.N == e.SessionN })
		if e.Seq != int64(i+1) || string(e.Line) != numbered(who, count[who]) || e.SessionID != rows[who].Session.ID {
			t.Fatalf("event %d: seq %d, %q of %s", i, e.Seq, e.Line, e.SessionID)
		}
		count[who]++
	}
	for who, n := range count {
		row, err := s.Session(t.Context(), rows[who].Session.ID)
		if n != batches*perBatch || err != nil || row.JournalOffset != batches {
			t.Errorf("session %d has %d events, offset %d, %v", who, n, row.JournalOffset, err)
		}
	}
}

func TestTheContextBoundsOnlyTheWait(t *testing.T) {
	t.Parallel()
	held, release := make(chan struct{}), make(chan struct{})
	hold := sync.OnceFunc(func() { close(held); <-release })
	s := open(t, Options{Published: func([]Event) { hold() }})
	row := create(t, s, nil)
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan error)
	go func() { accepted <- s.Commit(ctx, &Batch{Events: []Event{lineEvent(row.N, "accepted")}}) }()
	<-held
	cancel()
	if err := s.Commit(ctx, &Batch{Events: []Event{lineEvent(row.N, "refused")}}); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting: %v", err)
	}
	close(release)
	if err := <-accepted; err != nil {
		t.Errorf("accepted: %v", err)
	}
	if got := texts(wholeLog(t, s, 10, Filter{})); !slices.Equal(got, []string{"accepted"}) {
		t.Errorf("log %q", got)
	}
}

func TestCloseFinishesWhatWasAccepted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := openAt(t, path, Options{})
	row := create(t, s, nil)
	var all errgroup.Group
	var mu sync.Mutex
	kept := 0
	for range 16 {
		all.Go(func() error {
			for {
				err := s.Commit(context.Background(), &Batch{Events: []Event{lineEvent(row.N, "x")}})
				if errors.Is(err, ErrClosed) {
					return nil
				}
				if err != nil {
					return err
				}
				mu.Lock()
				kept++
				mu.Unlock()
			}
		})
	}
	eventually(t, "some commits", func() bool { return s.Head() > 50 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, path, Options{})
	if again.Head() != int64(kept) || len(wholeLog(t, again, 256, Filter{})) != kept {
		t.Errorf("head %d, %d were kept", again.Head(), kept)
	}
}

// TestABatchThatDoesNotFitFailsAlone: not with those that are committed with it,
// whose numbers are others then.
func TestABatchThatDoesNotFitFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{})
		pages, err := s.writer.conn.number("PRAGMA page_count")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.writer.conn.run(fmt.Sprint("PRAGMA max_page_count = ", pages+50)); err != nil {
			t.Fatal(err)
		}
		hold := make(chan struct{})
		s.writer.jobs <- func() { <-hold }
		batches, rows, results := make([]*Batch, 5), make([]*SessionRow, 5), make([]error, 5)
		var all errgroup.Group
		for i := range rows {
			text := fmt.Sprint(i)
			if i == 1 || i == 2 {
				text = strings.Repeat("x", 200<<10)
			}
			rows[i] = newRow(nil)
			batches[i] = &Batch{Create: rows[i], Events: []Event{lineEvent(0, text), lineEvent(0, text)}}
			all.Go(func() error {
				results[i] = s.Commit(t.Context(), batches[i])
				return nil
			})
			synctest.Wait() // in this order
		}
		close(hold)
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			log := texts(wholeLog(t, s, 10, Filter{SessionID: row.Session.ID}))
			if i == 1 || i == 2 {
				if !errors.Is(results[i], ErrFull) || len(log) != 0 {
					t.Errorf("session %d: %d events, %v", i, len(log), results[i])
				}
			} else if text := fmt.Sprint(i); results[i] != nil || !slices.Equal(log, []string{text, text}) {
				t.Errorf("session %d: %q, %v", i, log, results[i])
			}
		}
		if cap(s.writer.group) < len(rows) {
			t.Error("they were not committed together")
		}
		s.writer.jobs <- func() {
			if err := s.writer.conn.run(fmt.Sprint("PRAGMA max_page_count = ", pages+5000)); err != nil {
				t.Error(err)
			}
		}
		for _, i := range []int{2, 1} { // the same once more, in another order
			commit(t, s, batches[i])
			if log := wholeLog(t, s, 10, Filter{SessionID: rows[i].Session.ID}); len(log) != 2 {
				t.Errorf("session %d: %d events", i, len(log))
			}
		}
	})
}
