package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

// reading is what one subscriber has received of sessions that count their lines.
type reading struct {
	count map[string]int // lines by session
	first time.Time
	last  time.Time
	// leaderDone holds the counts of the moment at which the first session had
	// received all its lines.
	leaderDone map[string]int
}

func (r *reading) total() (n int) {
	for _, c := range r.count {
		n += c
	}
	return n
}

func (r *reading) rate() float64 { return float64(r.total()-1) / r.last.Sub(r.first).Seconds() }

// readLines subscribes from after, and reads until each of so many sessions has
// sent all lines of an `emit`, and checks that none is missing, doubled or out
// of order.
func (w *world) readLines(after int64, sessions, each int) (*reading, error) {
	r := &reading{count: map[string]int{}}
	done := 0
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	for ev, err := range w.Events(ctx, api.SubscribeParams{AfterSeq: &after, EventTypes: []api.EventType{api.EventConversationUpdated}}) {
		if err != nil {
			return nil, fmt.Errorf("%d of %d lines: %w", r.total(), sessions*each, err)
		}
		n, ok := lineNumber(ev.Data)
		if !ok || kindOf(ev.Data) != api.ConversationMessage { // the result repeats the last
			continue
		}
		if n != r.count[ev.SessionID]+1 {
			return nil, fmt.Errorf("session %s: line %d behind line %d", ev.SessionID, n, r.count[ev.SessionID])
		}
		if r.first.IsZero() {
			r.first = time.Now()
		}
		r.count[ev.SessionID] = n
		if n < each {
			continue
		}
		if done++; done == 1 {
			r.leaderDone = map[string]int{}
			for id, c := range r.count {
				r.leaderDone[id] = c
			}
		}
		if done == sessions {
			r.last = time.Now()
			break
		}
	}
	return r, nil
}

// lineNumber is the I of an emitted "event I of N".
func lineNumber(data []byte) (int, bool) {
	const mark = `"content":"event `
	i := bytes.Index(data, []byte(mark))
	if i < 0 {
		return 0, false
	}
	digits, _, ok := bytes.Cut(data[i+len(mark):], []byte(" of "))
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(string(digits))
	return n, err == nil
}

// flood has so many sessions print so many lines each, flat out and all from the
// same moment on, and reads them all.
func (w *world) flood(sessions, each int) (*reading, error) {
	after, err := w.head()
	if err != nil {
		return nil, err
	}
	gate := filepath.Join(w.work, "gate-"+uuid.NewString())
	err = inParallel(w.ctx, sessions, func(context.Context, int) error {
		_, err := w.launchPrompt(fmt.Sprintf("wait: %s\nemit: %d %d", gate, each, lineSize), false)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := w.awaitSessions(api.StatusRunning, sessions); err != nil {
		return nil, err
	}
	if err := warm(w.warmth); err != nil {
		return nil, err
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		return nil, err
	}
	r, err := w.readLines(after, sessions, each)
	if err != nil {
		return nil, err
	}
	return r, w.endAll()
}

// awaitSessions waits until so many sessions have a status.
func (w *world) awaitSessions(status api.Status, n int) error {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		h, err := w.Health(w.ctx)
		if err != nil || h.Sessions[status] >= n {
			return err
		}
		if time.Since(begin) > patience {
			return fmt.Errorf("%v: not %d that are %s", h.Sessions, n, status)
		}
	}
}

// lineSize is the length of a usual line, without its newline.
const lineSize = 430

// kindOf is the event_type of a conversation event.
func kindOf(data []byte) api.ConversationType {
	const mark = `"event_type":"`
	i := bytes.Index(data, []byte(mark))
	if i < 0 {
		return ""
	}
	kind, _, _ := bytes.Cut(data[i+len(mark):], []byte{'"'})
	return api.ConversationType(kind)
}
