package daemon

import (
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestUnfinished has sessions of which none has a process.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	check := func(want bool) {
		t.Helper()
		if got, err := Unfinished(t.Context(), c); got != want || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	}
	check(false)
	s := storeOf(t, c)
	addSession(t, c, s, api.StatusCompleted)
	check(false)
	addSession(t, c, s, api.StatusQueued)
	check(true)
}
