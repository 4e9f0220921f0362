package scripted

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/sessiond/sessiond/internal/traces"
)

// traceLine is what is looked at in a line of a trace.
type traceLine struct {
	Type      string `json:"type"`
	SessionID string `json:"session_id"`
	IsError   bool   `json:"is_error"`
	RequestID string `json:"request_id"`
	Request   struct {
		Subtype string `json:"subtype"`
	} `json:"request"`
	Response struct {
		RequestID string `json:"request_id"`
	} `json:"response"`
}

// verbTrace is `trace: NAME`. Answers to requests that the host of the trace made
// are printed as they are, though no host waits for them here; an interrupt is
// waited for, and answered by the engine.
func verbTrace(t *turn, arg string) error {
	data := traces.Out(t.version, arg)
	if data == nil {
		return apiError("there is no such trace of version " + t.version + ": " + arg)
	}
	data = bytes.ReplaceAll(data, []byte(traceSession(data)), []byte(t.id))
	p := tracePlayer{turn: t, interrupts: traceInterrupts(traces.In(t.version, arg))}
	t.pause()
	for line := range bytes.Lines(data) {
		if err := p.play(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return err
		}
	}
	if p.interrupted {
		return playedError{failed: p.failed, state: "cancelled"}
	}
	return playedError{failed: p.failed, state: "completed"}
}

type tracePlayer struct {
	turn       *turn
	interrupts map[string]bool // requests of the trace's host to interrupt
	failed     bool
	// interrupted: the engine has printed for this host what the trace printed
	// for its own.
	interrupted bool
}

func (p *tracePlayer) play(line []byte) error {
	var l traceLine
	if err := json.Unmarshal(line, &l); err != nil {
		return apiError("the trace is broken: " + err.Error())
	}
	t := p.turn
	switch {
	case l.Type == "control_request" && l.Request.Subtype == "can_use_tool":
		return p.ask(l.RequestID, line)
	case l.Type == "control_cancel_request" && p.interrupted:
		return nil
	case l.Type == "control_response" && p.interrupts[l.Response.RequestID]:
		if p.await() {
			return nil
		}
	case l.Type == "result":
		p.failed = l.IsError
	}
	if t.aborted() && len(p.interrupts) == 0 {
		return context.Cause(t.ctx)
	}
	t.out.add(line)
	return nil
}

// await waits for an interrupt; at the end of standard input there will be none.
func (p *tracePlayer) await() bool {
	p.turn.pause()
	select {
	case <-p.turn.ctx.Done():
		p.interrupted = true
	case <-p.turn.eof:
	}
	return p.interrupted
}

// ask prints a question of the trace and waits for an answer, or, if the trace's
// host interrupted instead, for an interrupt.
func (p *tracePlayer) ask(id string, line []byte) error {
	t := p.turn
	q := &question{id: id, line: line, answer: make(chan decision, 1)}
	t.mu.Lock()
	t.out.print(line)
	t.questions = append(t.questions, q)
	t.mu.Unlock()
	if _, err := t.await(q); err != nil {
		if len(p.interrupts) == 0 {
			return err
		}
		p.interrupted = true
	}
	return nil
}

func traceSession(out []byte) string {
	for line := range bytes.Lines(out) {
		var l traceLine
		if json.Unmarshal(line, &l) == nil && l.SessionID != "" {
			return l.SessionID
		}
	}
	return "no session" // is nowhere in the trace
}

// traceInterrupts are the ids of the requests to interrupt.
func traceInterrupts(in []byte) map[string]bool {
	ids := map[string]bool{}
	for line := range bytes.Lines(in) {
		var l traceLine
		if json.Unmarshal(line, &l) == nil && l.Request.Subtype == "interrupt" {
			ids[l.RequestID] = true
		}
	}
	return ids
}
