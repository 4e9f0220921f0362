package scripted

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// ending says why the process is to end when its turn has.
type ending int

const (
	endNot       ending = iota
	endOfInput          // once all that is queued is done
	endByRequest        // end_session: what is queued is discarded
	endBySignal         // SIGINT: without another word
)

// engine is a running claude. One goroutine runs the turns (run), one reads
// standard input (read); what they share is guarded by mu. Lines that belong
// together with a change are printed under mu, so that their order is the truth.
type engine struct {
	flavour
	opts   *options
	argv   []string
	id     string // of the conversation
	states bool   // print session_state_changed
	mcp    []string
	out    *output
	record *record // nil: none
	stderr io.Writer
	quit   chan int      // an exit code that waits for nothing
	wake   chan struct{} // something has changed that run waits for
	eof    chan struct{} // closed at the end of standard input

	mu          sync.Mutex
	transcript  *transcript
	queue       []*message
	seen        map[string]bool // uuids of messages that are not to run (again)
	answered    map[string]bool // of them, those that an earlier process had answered in part
	turn        *turn           // nil: idle
	questions   []*question     // open ones, oldest first
	remembered  map[string]bool // tools, with what was allowed of them
	mode, model string
	initialized bool // initialize was answered before
	deaf        bool // ignore-signals
	ending      ending
	lastFailed  bool           // the last turn was an error
	calls       map[string]int // of the API, by model
	results     int
}

// message is one that the host sent.
type message struct {
	uuid     string
	priority string
	text     string
	body     json.RawMessage
}

func newEngine(f flavour, o *options, argv []string, stdout, stderr io.Writer) (*engine, error) {
	e := &engine{flavour: f, opts: o, argv: argv, id: o.get("session-id"), out: &output{w: stdout}, stderr: stderr,
		states: os.Getenv("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS") == "1",
		quit:   make(chan int, 1), wake: make(chan struct{}, 1), eof: make(chan struct{}),
		remembered: map[string]bool{}, calls: map[string]int{},
		mode: o.get("permission-mode"), model: o.get("model")}
	if e.id == "" && !o.has("fork-session") {
		e.id = o.get("resume")
	}
	if e.id == "" {
		e.id = uuid.NewString()
	}
	if e.model == "" {
		e.model = f.model
	}
	if e.mode == "" || e.mode == "manual" {
		e.mode = "default"
	}
	if o.bypasses() {
		e.mode = "bypassPermissions"
	}
	var err error
	if e.mcp, err = o.mcpServers(); err != nil {
		return e, err
	}
	if e.record, err = openRecord(e.id, stdout); err != nil {
		return nil, err
	}
	if e.record != nil {
		e.out.w = e.record
	}
	if e.transcript, err = openTranscript(o, e.id); err != nil {
		return e, err
	}
	e.seen, e.answered = e.transcript.taken()
	maps.Copy(e.seen, e.answered)
	return e, nil
}

// printRefusal prints the result that comes with a conversation that cannot be resumed.
func (e *engine) printRefusal(err error) {
	if refused := (resumeError{}); errors.As(err, &refused) {
		e.out.print(e.result(&outcome{subtype: "error_during_execution", failed: true, errors: []string{err.Error()}}, &turn{engine: e}))
	}
}

// run runs turns until there is an end, and returns the exit code.
func (e *engine) run() int {
	for {
		t, code := e.next()
		if t == nil {
			return code
		}
		if exit := e.play(t); exit != nil {
			return exit.code
		}
	}
}

// next waits for messages and begins their turn, or returns the exit code.
func (e *engine) next() (*turn, int) {
	for {
		e.mu.Lock()
		if code, ended := e.endedLocked(); ended {
			e.mu.Unlock()
			return nil, code
		}
		if len(e.queue) > 0 {
			t := e.beginLocked()
			e.mu.Unlock()
			return t, 0
		}
		e.mu.Unlock()
		<-e.wake
	}
}

// endedLocked says whether the process is to end now that no turn runs.
func (e *engine) endedLocked() (code int, ended bool) {
	switch {
	case e.ending == endBySignal:
		return 0, true
	case e.ending == endByRequest && e.modern:
		for _, m := range e.queue {
			e.lifecycle(m, "discarded")
		}
	case e.ending == endNot || len(e.queue) > 0:
		return 0, false
	}
	if e.lastFailed {
		return 1, true
	}
	return 0, true
}

// beginLocked takes the messages of the next turn off the queue: those that wait
// together, and those for later only when there are no others.
func (e *engine) beginLocked() *turn {
	later := !slices.ContainsFunc(e.queue, func(m *message) bool { return m.priority != "later" })
	var taken, left []*message
	for _, m := range e.queue {
		if (m.priority == "later") == later {
			taken = append(taken, m)
		} else {
			left = append(left, m)
		}
	}
	e.queue = left
	t := &turn{engine: e, messages: taken, batch: len(taken), model: e.model, mode: e.mode, began: time.Now()}
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	e.turn = t
	for _, m := range taken {
		e.startLocked(m)
	}
	e.transcript.save()
	return t
}

func (e *engine) startLocked(m *message) {
	e.record.take(m.uuid)
	e.lifecycle(m, "started")
	e.transcript.add(entry{Type: entryUser, UUID: m.uuid, Text: m.text})
}

// abortLocked ends the turn that runs, if there is one: its questions are void.
func (e *engine) abortLocked(cause error) {
	if e.turn == nil {
		e.signal()
		return
	}
	e.voidQuestionsLocked()
	e.turn.cancel(cause)
}

// voidQuestionsLocked tells the host that nobody waits for its answers any more.
func (e *engine) voidQuestionsLocked() {
	for _, q := range e.questions {
		e.out.print(object{"type", "control_cancel_request", "request_id", q.id}.line())
	}
	e.questions = nil
}

// signal wakes run.
func (e *engine) signal() {
	select {
	case e.wake <- struct{}{}:
	default: // it is awake already
	}
}

func (e *engine) isDeaf() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.deaf
}
