package daemon

import (
	"slices"
	"testing"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/store"
)

// TestALineIsCountedOnce: the events of a line's parts share it, and what they
// say to keep.
func TestALineIsCountedOnce(t *testing.T) {
	t.Parallel()
	line := func(n, part int) store.Event { return store.Event{Line: make([]byte, n), Part: part} }
	events := []store.Event{
		line(100, 0), {Data: make([]byte, 30)},
		line(100, 0), line(100, 1), line(100, 2), line(100, 3),
		line(80, 0), line(80, 1),
		line(40, 5), line(40, 6), // the others are on the page before
		line(10, 0),
	}
	made := make([]bus.Event, len(events)+1) // a page may have more room
	setSizes(made, events)
	var sizes []int
	for i := range events {
		sizes = append(sizes, made[i].Size)
	}
	if want := []int{100, 30, 25, 25, 25, 25, 40, 40, 20, 20, 10}; !slices.Equal(sizes, want) {
		t.Errorf("sizes are %v, want %v", sizes, want)
	}
}
