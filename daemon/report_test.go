package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestWhatASupervisorIsTold: READY when the daemon says that it is ready and no
// sooner, then that it lives, and at the end that it stops.
func TestWhatASupervisorIsTold(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Watchdog = 40 * time.Millisecond
	ready, alive := make(chan struct{}), make(chan struct{}, 1000)
	var told []string // by one goroutine behind the other, until Run has ended
	c.Notify = func(words string) {
		told = append(told, words)
		if strings.HasPrefix(words, "WATCHDOG=1") {
			alive <- struct{}{}
		}
	}
	c.Ready = func() { told = append(told, "ready"); close(ready) }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, c) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	for range 3 { // it goes on saying so
		<-alive
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	want := []string{"STATUS=opening the database", "STATUS=taking up the sessions", "ready", "READY=1"}
	if len(told) < 7 || !slices.Equal(told[:4], want) || !strings.HasPrefix(told[4], "WATCHDOG=1\nSTATUS=no live session") {
		t.Errorf("told at first: %q", told)
	}
	if last := told[len(told)-1]; last != "STOPPING=1\nSTATUS=stopping; sessions go on" {
		t.Errorf("told at last: %q", last)
	}
}

// TestTheWatchdogIsNotFedWithoutAnAnswer: a daemon that cannot say how it is is not
// said to live, and once it can it is again.
func TestTheWatchdogIsNotFedWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fed atomic.Int64
		var hangs atomic.Bool
		c := Config{Watchdog: 4 * time.Minute, Notify: func(words string) {
			if strings.Contains(words, "WATCHDOG=1") {
				fed.Add(1)
			}
		}}
		stop := c.report(t.Context(), func(context.Context) (api.Health, error) {
			if hangs.Load() {
				return api.Health{}, errors.New("no answer")
			}
			return api.Health{Status: api.HealthOK}, nil
		})
		defer stop()
		count := func(d time.Duration) int64 {
			before := fed.Load()
			time.Sleep(d) // of the bubble's clock
			synctest.Wait()
			return fed.Load() - before
		}
		if n := count(4 * time.Minute); n < 4 {
			t.Errorf("fed %d times within the watchdog's time", n)
		}
		hangs.Store(true)
		if n := count(time.Hour); n != 0 {
			t.Errorf("fed %d times without an answer", n)
		}
		hangs.Store(false)
		if n := count(time.Minute); n == 0 {
			t.Error("not fed again")
		}
	})
}

func TestHealthText(t *testing.T) {
	t.Parallel()
	for want, h := range map[string]api.Health{
		"no live session":     {Status: api.HealthOK, Sessions: map[api.Status]int{api.StatusCompleted: 7}},
		"1 queued, 2 running": {Status: api.HealthOK, Sessions: map[api.Status]int{api.StatusRunning: 2, api.StatusQueued: 1, api.StatusFailed: 1}},
		"no live session; degraded, 'sessiond status' says why": {Status: api.HealthDegraded},
	} {
		if got := healthText(h); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
