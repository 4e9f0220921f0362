package bus_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// storeLog lets the bus read a store.
type storeLog struct{ *store.Store }

func (l storeLog) Page(ctx context.Context, after int64, limit int, f bus.Filter) ([]*bus.Event, int64, error) {
	events, upTo, err := l.Log(ctx, after, limit, store.Filter{SessionID: f.SessionID, RunID: f.RunID, Types: f.Types})
	return fromStore(events), upTo, err
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
