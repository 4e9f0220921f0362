package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// stand is what is left of the sessions behind each round of a stop --all.
type stand struct {
	left   []bool
	live   []string
	rounds int
	did    []string
}

func (s *stand) stopAll() stopAll {
	return stopAll{
		end:  func() error { s.did = append(s.did, "end"); return nil },
		stop: func() error { s.did = append(s.did, "stop"); return nil },
		unfinished: func() (bool, error) {
			i := min(s.rounds, len(s.left)-1)
			s.rounds++
			return s.left[i], nil
		},
		live: func() []string { return s.live },
	}
}

// TestStopAllAgain: what was launched behind the last look is ended as well.
func TestStopAllAgain(t *testing.T) {
	t.Parallel()
	s := stand{left: []bool{true, true, false}}
	if err := s.stopAll().run(time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.did, " "); got != "end stop end stop end stop" {
		t.Error(got)
	}
}

// TestStopAllGivesUp: it says what goes on.
func TestStopAllGivesUp(t *testing.T) {
	t.Parallel()
	for want, live := range map[string][]string{"one goes on: a;": {"a"}, "2 go on: a, b;": {"a", "b"}, "queued": nil} {
		s := stand{left: []bool{true}, live: live}
		if err := s.stopAll().run(0); err == nil || !strings.Contains(err.Error(), want) || s.rounds != 1 {
			t.Errorf("%d rounds, %v: not %q", s.rounds, err, want)
		}
	}
}

// TestStopAllFails: nothing goes on behind an error.
func TestStopAllFails(t *testing.T) {
	t.Parallel()
	s := stand{left: []bool{false}}
	all, broken := s.stopAll(), errors.New("broken")
	all.end = func() error { return broken }
	if err := all.run(time.Hour); !errors.Is(err, broken) || len(s.did) > 0 {
		t.Errorf("%v, %v", err, s.did)
	}
	all = s.stopAll()
	all.unfinished = func() (bool, error) { return true, broken }
	if err := all.run(time.Hour); !errors.Is(err, broken) || len(s.did) != 2 {
		t.Errorf("%v, %v", err, s.did)
	}
}
