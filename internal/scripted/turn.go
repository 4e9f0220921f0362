package scripted

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// turn is one turn: messages, and what comes of them until its result. It
// belongs to the goroutine that runs turns, but for ctx and cancel, and for the
// transcript of the engine, which nobody else uses while a turn runs.
type turn struct {
	*engine
	ctx    context.Context
	cancel context.CancelCauseFunc

	messages []*message
	batch    int // how many of them began the turn; the rest was folded in
	model    string
	mode     string // at the beginning
	began    time.Time
	calls    int    // of the API
	message  string // id of the message of the newest call
	tool     string // id of the tool that runs, "" if none does
	said     string // the newest text
	// structured is the answer by a schema; nil: none was given.
	structured json.RawMessage
	denials    list
}

// Why a step ends its turn.
var (
	errInterrupted = errors.New("interrupted")
	errOvertaken   = errors.New("overtaken by a message that could not wait")
	errMaxTurns    = errors.New("too many turns")
	errBudget      = errors.New("budget exhausted")
)

// apiError ends the turn as an error of the API does.
type apiError string

func (e apiError) Error() string { return string(e) }

// exitError ends the process, behind the result or without one.
type exitError struct {
	code       int
	withResult bool
}

func (e *exitError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// playedError says that the step has printed the result itself.
type playedError struct {
	failed bool
	state  string // of the turn's messages
}

func (playedError) Error() string { return "the result is out" }

// outcome is how a turn ends.
type outcome struct {
	subtype   string
	failed    bool
	text      string
	errors    []string // in place of a text
	apiStatus any
	stop      any
	terminal  string
	state     string // of its messages
}

// play plays a turn; not nil: the process is to exit.
func (e *engine) play(t *turn) *exitError {
	e.out.print(t.initLine())
	for _, m := range t.messages {
		e.echo(m)
	}
	err := t.run()
	exit := new(exitError)
	if errors.As(err, &exit) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.calls[t.model] += t.calls
		e.transcript.save()
		if exit.withResult {
			e.out.print(e.result(t.outcome(nil), t))
		}
		e.out.flush()
		return exit
	}
	e.finish(t, err)
	return nil
}

// run does the steps of all messages, if there is money left.
func (t *turn) run() error {
	if t.overBudget() {
		return errBudget
	}
	for _, m := range t.messages[:t.batch] {
		for _, s := range t.script(m.text) {
			if err := t.call(); err != nil {
				return err
			}
			err := s.verb(t, s.arg)
			t.pause()
			if cause := context.Cause(t.ctx); cause != nil && !errors.As(err, new(playedError)) {
				return cause
			}
			if err != nil {
				return err
			}
		}
	}
	if t.overBudget() {
		return errBudget
	}
	return nil
}

// aborted says whether the turn is to end; a step then returns, and run knows why.
func (t *turn) aborted() bool { return t.ctx.Err() != nil }

// finish prints what ends a turn, and leaves the engine idle if nothing waits.
func (e *engine) finish(t *turn, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls[t.model] += t.calls
	o := t.outcome(err)
	batch, folded := t.messages[:t.batch], t.messages[t.batch:]
	if o.state == "completed" {
		e.lifecycles(folded, o.state)
		folded = nil
	}
	if errors.Is(err, errInterrupted) {
		t.printInterrupted()
	}
	if !errors.As(err, new(playedError)) {
		e.out.print(e.result(o, t))
	}
	e.lifecycles(append(batch[:len(batch):len(batch)], folded...), o.state)
	for _, m := range t.messages {
		e.transcript.add(entry{Type: entryEnd, UUID: m.uuid})
	}
	e.transcript.save()
	t.cancel(nil)
	e.turn, e.lastFailed = nil, o.failed
	if e.ending != endBySignal && (len(e.queue) == 0 || e.ending == endByRequest && e.modern) {
		e.state("idle")
	}
}

func (e *engine) lifecycles(messages []*message, state string) {
	for _, m := range messages {
		e.lifecycle(m, state)
	}
}

func (t *turn) printInterrupted() {
	text := "[Request interrupted by user]"
	if t.tool != "" {
		t.out.print(t.toolResult("The user doesn't want to proceed with this tool use. The tool use was rejected.", true))
		text = "[Request interrupted by user for tool use]"
	}
	t.out.print(t.userLine(list{object{"type", "text", "text", text}}))
}

func (t *turn) outcome(err error) *outcome {
	aborted := "aborted_streaming"
	if t.tool != "" {
		aborted = "aborted_tools"
	}
	var api apiError
	var played playedError
	switch {
	case err == nil:
		return &outcome{subtype: "success", text: t.said, stop: "end_turn", terminal: "completed", state: "completed"}
	case errors.As(err, &api):
		return &outcome{subtype: "success", failed: true, text: string(api), apiStatus: 500, stop: "stop_sequence", terminal: "api_error", state: "cancelled"}
	case errors.As(err, &played):
		return &outcome{failed: played.failed, state: played.state}
	case errors.Is(err, errOvertaken):
		return &outcome{subtype: "success", text: t.said, terminal: aborted, state: "cancelled"}
	case errors.Is(err, errMaxTurns):
		return &outcome{subtype: "error_max_turns", failed: true, stop: "tool_use", terminal: "max_turns", state: "completed",
			errors: []string{fmt.Sprintf("Reached maximum number of turns (%d)", t.opts.maxTurns())}}
	case errors.Is(err, errBudget):
		return &outcome{subtype: "error_max_budget_usd", failed: true, terminal: "budget_exhausted", state: "cancelled",
			errors: []string{fmt.Sprintf("Reached maximum budget ($%s)", t.opts.get("max-budget-usd"))}}
	default:
		return &outcome{subtype: "error_during_execution", failed: true, terminal: aborted, state: "cancelled",
			errors: []string{"[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=null"}}
	}
}

// call begins a call of the API, if --max-turns allows one more.
func (t *turn) call() error {
	if limit := t.opts.maxTurns(); limit > 0 && t.calls >= limit {
		return errMaxTurns
	}
	t.calls++
	t.message = ""
	return nil
}

// messageID is the id of the message of the newest call.
func (t *turn) messageID() string {
	if t.message == "" {
		t.message = "msg_" + shortID()
	}
	return t.message
}

func (t *turn) overBudget() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, dollars := t.modelUsageLocked()
	limit := t.opts.maxBudget()
	return limit > 0 && dollars+cost*float64(t.calls) > limit
}

// pause is called before anything that may take long: all that was said so far
// is out and kept.
func (t *turn) pause() {
	t.out.flush()
	t.transcript.save()
}

// say prints a text.
func (t *turn) say(text string) {
	t.said = text
	t.out.add(t.assistantLine(object{"type", "text", "text", text}))
}

// fold takes the messages that wait into the turn, as happens behind the result
// of a tool.
func (t *turn) fold() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var left []*message
	var texts []string
	for _, m := range t.queue {
		if m.priority == "later" {
			left = append(left, m)
			continue
		}
		t.startLocked(m)
		t.echo(m)
		t.messages = append(t.messages, m)
		texts = append(texts, m.text)
	}
	t.queue = left
	return texts
}

// sayAfterTools says the last words of a turn that used tools, and what was
// folded into it.
func (t *turn) sayAfterTools(text string, folded []string) error {
	if err := t.call(); err != nil {
		return err
	}
	for _, f := range folded {
		text += "; also: " + strings.TrimSpace(f)
	}
	t.say(text)
	return nil
}

func (t *turn) millis() int64 {
	if t.began.IsZero() {
		return 0
	}
	return time.Since(t.began).Milliseconds()
}
