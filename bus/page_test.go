package bus

import (
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// A page of the ring ends with the event that fills it: what readers hold is
// bounded in bytes, however large events are.
func TestPagesOfTheRingAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	r := ring{maxEvents: 1000, maxBytes: 1 << 30}
	sizes := []int{1, pageBytes/2 - eventOverhead, pageBytes/2 - eventOverhead, 2 * pageBytes, 1, 1}
	for i, size := range sizes {
		e := NewEvent(int64(i+1), api.EventMessageUpdated, "s", "r", func() []byte { return nil })
		e.Size = size
		r.push(e)
	}
	for _, c := range []struct{ cursor, limit, want int }{
		{0, 9, 3}, // the third fills it
		{1, 9, 2}, // two halves are a whole
		{1, 1, 1}, // the count is a bound too
		{2, 9, 2}, // what overfills it is taken
		{3, 9, 1}, // and stands alone
		{4, 9, 2}, {6, 9, 0},
	} {
		got, ok := r.after(int64(c.cursor), c.limit)
		if !ok || len(got) != c.want {
			t.Errorf("behind %d, at most %d: got %d events, want %d", c.cursor, c.limit, len(got), c.want)
		}
	}
}
