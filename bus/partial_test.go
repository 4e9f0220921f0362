package bus_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/rpc/api"
)

func TestPartialsComeInTheirPlace(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]bus.Options{"from the ring": {}, "from the log": {RingEvents: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLog()
			h := bus.NewHub(l, o)
			defer h.Close()
			s, _ := subscribe(t, h, bus.Filter{IncludePartial: true}, nil)
			deaf, _ := subscribe(t, h, bus.Filter{}, nil)
			other, _ := subscribe(t, h, bus.Filter{IncludePartial: true, SessionID: "s9"}, nil)
			h.PublishPartial(partialMessage(1))
			h.Publish(l.add(1, update(), update()))
			h.PublishPartial(partialMessage(2))
			h.PublishPartial(partialMessage(3))
			h.Publish(l.add(1, update()))
			h.PublishPartial(partialMessage(9))
			var got []string
			for len(got) < 7 {
				for _, d := range next(t, s) {
					got = append(got, fmt.Sprint(d.Event.Seq, d.Event.SessionID))
				}
			}
			want := []string{"0s1", "1s0", "2s0", "0s2", "0s3", "3s0", "0s9"}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if got := seqs(next(t, deaf)); slices.Contains(got, 0) {
				t.Errorf("partials without being asked for: %v", got)
			}
			if ds := next(t, other); len(ds) != 1 || ds[0].Event.SessionID != "s9" {
				t.Errorf("filtered: %v", ds)
			}
		})
	}
}

func TestPartialsOnlyByType(t *testing.T) {
	t.Parallel()
	l := newLog()
	h := bus.NewHub(l, bus.Options{})
	defer h.Close()
	only, _ := subscribe(t, h, bus.Filter{IncludePartial: true, Types: []api.EventType{api.EventPartialMessage}}, nil)
	none, _ := subscribe(t, h, bus.Filter{IncludePartial: true, Types: []api.EventType{api.EventSessionUpdated}}, nil)
	h.PublishPartial(partialMessage(1))
	h.Publish(l.add(1, update()))
	if ds := next(t, only); len(ds) != 1 || ds[0].Event.Type != api.EventPartialMessage {
		t.Errorf("got %v", ds)
	}
	if ds := next(t, none); len(ds) != 1 || ds[0].Event.Seq != 1 {
		t.Errorf("got %v", ds)
	}
}

func TestDroppedPartialsAreCounted(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"by number": 0, "by bytes": 100 << 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := bus.NewHub(newLog(), bus.Options{})
			defer h.Close()
			s, _ := subscribe(t, h, bus.Filter{IncludePartial: true}, nil)
			publish := func() {
				e := partialMessage(1)
				e.Size = size
				h.PublishPartial(e)
			}
			const total = 1000
			for range total {
				publish()
			}
			kept := next(t, s)
			if len(kept) == 0 || len(kept) > 256 {
				t.Fatalf("kept %d", len(kept))
			}
			for _, d := range kept {
				if d.Dropped != 0 {
					t.Errorf("dropped %d before the first was", d.Dropped)
				}
			}
			publish()
			publish()
			ds := next(t, s)
			if len(ds) != 2 || ds[0].Dropped != total-len(kept) || ds[1].Dropped != 0 {
				t.Errorf("kept %d, then %+v", len(kept), ds)
			}
		})
	}
}

func TestALargePartialFindsAPlace(t *testing.T) {
	t.Parallel()
	h := bus.NewHub(newLog(), bus.Options{})
	defer h.Close()
	s, _ := subscribe(t, h, bus.Filter{IncludePartial: true}, nil)
	e := partialMessage(1)
	e.Size = 64 << 20
	h.PublishPartial(e)
	if ds := next(t, s); len(ds) != 1 || ds[0].Event != e {
		t.Errorf("got %v", ds)
	}
}
