package bus_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// storeLog lets the bus read a store.
type storeLog struct{ *store.Store }

func (l storeLog) Page(ctx context.Context, after int64, limit int, f bus.Filter) (bus.Page, error) {
	events, upTo, err := l.Log(ctx, after, limit, store.Filter{SessionID: f.SessionID, RunID: f.RunID, Types: f.Types})
	return bus.Page{Events: fromStore(events), UpTo: upTo}, err
}

func fromStore(events []store.Event) []*bus.Event {
	out := make([]*bus.Event, len(events))
	for i, e := range events {
		out[i] = bus.NewEvent(e.Seq, e.Type, e.SessionID, e.RunID, func() []byte { return e.Data })
	}
	return out
}

// TestStoreAndHubTogether: several writers, a small ring, subscribers from the
// begin and from now; each gets all, in order, and finds it committed.
func TestStoreAndHubTogether(t *testing.T) {
	t.Parallel()
	const writers, batches, perBatch, readers = 4, 25, 8, 3
	var hub *bus.Hub
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "db"), store.Options{
		Published: func(events []store.Event) { hub.Publish(fromStore(events)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	hub = bus.NewHub(storeLog{s}, bus.Options{RingEvents: 16})
	defer func() {
		hub.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all errgroup.Group
	for range readers {
		sub, _ := subscribe(t, hub, bus.Filter{Types: []api.EventType{api.EventSessionUpdated}}, new(int64(0)))
		all.Go(func() error { return expect(t, s, sub, writers*batches*perBatch) })
	}
	for range writers {
		all.Go(func() error { return write(t.Context(), s, batches, perBatch) })
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
}

// expect reads n events.
func expect(t *testing.T, s *store.Store, sub *bus.Subscription, n int) error {
	last := int64(0)
	for n > 0 {
		ds, err := sub.Next(t.Context())
		if err != nil {
			return err
		}
		for _, d := range ds {
			if d.Event.Seq <= last || d.Event.Seq > s.Head() {
				t.Errorf("event %d behind %d, head %d", d.Event.Seq, last, s.Head())
			}
			last = d.Event.Seq
			n--
		}
	}
	return nil
}

// write makes a session and appends events to it.
func write(ctx context.Context, s *store.Store, batches, perBatch int) error {
	row := &store.SessionRow{Session: api.Session{ID: uuid.NewString(), RunID: uuid.NewString(), Status: api.StatusRunning}}
	if err := s.Commit(ctx, &store.Batch{Create: row}); err != nil {
		return err
	}
	for range batches {
		events := make([]store.Event, perBatch)
		for i := range events {
			events[i] = store.Event{SessionN: row.N, SessionID: row.Session.ID, RunID: row.Session.RunID,
				Type: api.EventSessionUpdated, Time: api.Now(), Data: json.RawMessage("{}")}
		}
		if err := s.Commit(ctx, &store.Batch{Events: events}); err != nil {
			return err
		}
	}
	return nil
}

// TestStoreAndHubAcrossRestarts opens the store and a hub on it again and again,
// and deletes a session each time: readers that come back with their cursors get
// what the log has, once and in order.
func TestStoreAndHubAcrossRestarts(t *testing.T) {
	t.Parallel()
	const rounds, batches, perBatch = 6, 40, 10
	path := filepath.Join(t.TempDir(), "db")
	kept := &store.SessionRow{Session: api.Session{ID: uuid.NewString(), RunID: uuid.NewString(), Status: api.StatusRunning}}
	readers := []*storeReader{
		{filter: bus.Filter{}},
		{filter: bus.Filter{SessionID: kept.Session.ID}},
		{filter: bus.Filter{RunID: kept.Session.RunID, Types: []api.EventType{api.EventSessionUpdated, api.EventMessageUpdated}}},
		{filter: bus.Filter{Types: []api.EventType{api.EventMessageUpdated, api.EventSessionDeleted}}},
	}
	gone := map[string]bool{}
	for round := range rounds {
		var hub *bus.Hub
		s, err := store.Open(t.Context(), path, store.Options{
			Published: func(events []store.Event) { hub.Publish(fromStore(events)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		hub = bus.NewHub(storeLog{s}, bus.Options{RingEvents: 1 + 100*round})
		if round == 0 {
			commit(t, s, &store.Batch{Create: kept})
		}
		var all errgroup.Group
		last := fmt.Sprintf(`"the last of round %d"`, round)
		for _, r := range readers {
			all.Go(func() error { return r.read(t.Context(), hub, last) })
		}
		doomed := &store.SessionRow{Session: api.Session{ID: uuid.NewString(), RunID: uuid.NewString(), Status: api.StatusRunning}}
		gone[doomed.Session.ID] = true
		commit(t, s, &store.Batch{Create: doomed})
		for range batches {
			for _, row := range []*store.SessionRow{kept, doomed} {
				b := &store.Batch{}
				for i := range perBatch {
					b.Events = append(b.Events, eventOf(row, []api.EventType{api.EventSessionUpdated, api.EventMessageUpdated}[i%2], "{}"))
				}
				commit(t, s, b)
			}
		}
		commit(t, s, &store.Batch{Delete: doomed.N, Events: []store.Event{eventOf(doomed, api.EventSessionDeleted, "{}")}})
		commit(t, s, &store.Batch{Events: []store.Event{eventOf(kept, api.EventMessageUpdated, last)}})
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		if round == rounds-1 {
			for i, r := range readers {
				r.check(t, i, hub, last, gone)
			}
		}
		hub.Close()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// storeReader comes back with its cursor.
type storeReader struct {
	filter bus.Filter
	cursor int64
	got    []*bus.Event
}

// read goes on behind the cursor until the event whose data is last has come.
func (r *storeReader) read(ctx context.Context, hub *bus.Hub, last string) error {
	sub, _, err := hub.Subscribe(r.filter, &r.cursor)
	if err != nil {
		return err
	}
	defer sub.Close()
	for {
		ds, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		for _, d := range ds {
			r.got, r.cursor = append(r.got, d.Event), d.Event.Seq
		}
		if string(r.got[len(r.got)-1].JSON()) == last {
			return nil
		}
	}
}

// check compares what came with what another one gets who begins now.
func (r *storeReader) check(t *testing.T, i int, hub *bus.Hub, last string, gone map[string]bool) {
	t.Helper()
	late := &storeReader{filter: r.filter}
	if err := late.read(t.Context(), hub, last); err != nil {
		t.Fatal(err)
	}
	var got, want []int64
	for _, e := range r.got {
		if !gone[e.SessionID] || e.Type == api.EventSessionDeleted {
			got = append(got, e.Seq)
		}
	}
	for _, e := range late.got {
		want = append(want, e.Seq)
	}
	if !slices.Equal(got, want) {
		t.Errorf("reader %d got %d events, the log has %d:\n%v\n%v", i, len(got), len(want), got, want)
	}
	if !slices.IsSortedFunc(r.got, func(a, b *bus.Event) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), 1) }) {
		t.Errorf("reader %d got events out of order, or twice", i)
	}
}

func eventOf(row *store.SessionRow, typ api.EventType, data string) store.Event {
	return store.Event{SessionN: row.N, SessionID: row.Session.ID, RunID: row.Session.RunID, Type: typ, Time: api.Now(), Data: json.RawMessage(data)}
}

func commit(t *testing.T, s *store.Store, b *store.Batch) {
	t.Helper()
	if err := s.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}
