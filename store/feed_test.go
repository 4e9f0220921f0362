package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// feeder commits numbered lines of one session, in batches of random sizes, and
// tries each batch again until it is taken, as those do who read journals.
type feeder struct {
	s     *Store
	row   *SessionRow
	who   int
	pace  time.Duration // between two batches; 0: as fast as it goes
	taken atomic.Int64
	fails atomic.Int64
	last  atomic.Pointer[error] // of the last try
}

// feed commits until ctx ends.
func (f *feeder) feed(ctx context.Context) {
	tick := time.NewTicker(max(f.pace, time.Millisecond))
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		b := &Batch{}
		count := int(f.taken.Load())
		for i := range 1 + n%7 {
			line := numbered(f.who, count+i)
			if i == 6 {
				line += strings.Repeat("x", 20000)
			}
			b.Events = append(b.Events, lineEvent(f.row.N, line))
		}
		b.Update = &SessionUpdate{N: f.row.N, JournalOffset: int64(count + len(b.Events)), LastActivityAt: api.Now()}
		err := f.s.Commit(context.Background(), b)
		f.last.Store(&err)
		if err == nil {
			f.taken.Add(int64(len(b.Events)))
		} else {
			f.fails.Add(1)
		}
		if err != nil || f.pace > 0 {
			<-tick.C
		}
	}
}

// err is that of the last try.
func (f *feeder) err() error {
	if p := f.last.Load(); p != nil {
		return *p
	}
	return nil
}

// feeders feed some sessions until stop is called.
func feeders(t *testing.T, s *Store, n int, pace time.Duration) (all []*feeder, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for who := range n {
		f := &feeder{s: s, row: create(t, s, nil), who: who, pace: pace}
		all = append(all, f)
		wg.Go(func() { f.feed(ctx) })
	}
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return all, stop
}

// progress waits until every feeder has committed something more.
func progress(t *testing.T, all []*feeder) {
	t.Helper()
	for _, f := range all {
		from := f.taken.Load()
		eventually(t, fmt.Sprintf("commits of session %d (%v)", f.who, f.err()), func() bool { return f.taken.Load() > from+10 })
	}
}

// checkFed checks that the log holds what the feeders know to be taken, once, in
// order, and nothing else.
func checkFed(t *testing.T, s *Store, all []*feeder) {
	t.Helper()
	counts := map[int64]int{}
	who := map[int64]int{}
	for _, f := range all {
		who[f.row.N] = f.who
	}
	last := int64(0)
	for _, e := range wholeLog(t, s, 1000, Filter{}) {
		if line, _, _ := strings.Cut(string(e.Line), "x"); line != numbered(who[e.SessionN], counts[e.SessionN]) || e.Seq <= last {
			t.Fatalf("event %d behind %d of session %d is %q, not number %d", e.Seq, last, who[e.SessionN], line, counts[e.SessionN])
		}
		counts[e.SessionN]++
		last = e.Seq
	}
	for _, f := range all {
		row, err := s.Session(t.Context(), f.row.Session.ID)
		if n := int(f.taken.Load()); counts[f.row.N] != n || err != nil || int(row.JournalOffset) != n {
			t.Errorf("session %d: %d events, offset %d, %d were taken, %v", f.who, counts[f.row.N], row.JournalOffset, n, err)
		}
	}
}

// checkReadable checks that whatever is wrong with writing, reading works.
func checkReadable(t *testing.T, s *Store, all []*feeder) {
	t.Helper()
	if list, err := s.ListSessions(t.Context(), api.ListSessionsParams{}); err != nil || len(list.Sessions) != len(all) {
		t.Errorf("%d sessions are listed, %v", len(list.Sessions), err)
	}
	if _, _, err := s.Log(t.Context(), 0, 1000, Filter{}); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Conversation(t.Context(), []Segment{{N: all[0].row.N}}, 0, 1000, 1<<20); err != nil {
		t.Error(err)
	}
}

// reopen closes the store, checks the file, and opens it again.
func reopen(t *testing.T, s *Store, path string) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := Check(t.Context(), path); err != nil {
		t.Error(err)
	}
	return openAt(t, path, Options{})
}
