package scripted

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// inputLine is what is read of a line on standard input.
type inputLine struct {
	Type     string          `json:"type"`
	UUID     string          `json:"uuid"`
	Priority string          `json:"priority"`
	Message  json.RawMessage `json:"message"`

	RequestID string           `json:"request_id"`
	Request   *controlRequest  `json:"request"`
	Response  *controlResponse `json:"response"`
}

// read takes lines until the end of standard input. A line that is not JSON
// ends the process at once.
func (e *engine) read(stdin io.Reader) {
	r := bufio.NewReaderSize(stdin, 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		if !e.isDeaf() && !e.take(bytes.TrimSpace(line)) {
			return
		}
		if err != nil {
			e.endInput()
			return
		}
	}
}

// take does what a line says; false: the process ends.
func (e *engine) take(line []byte) bool {
	if len(line) == 0 {
		return true
	}
	if !json.Valid(line) {
		_, _ = fmt.Fprintf(e.stderr, "Error parsing streaming input line (%d chars): SyntaxError\n", len(line))
		e.leave(1)
		return false
	}
	var in inputLine
	if json.Unmarshal(line, &in) != nil {
		return true // not an object, or of a form that nobody knows
	}
	switch in.Type {
	case "user":
		e.receive(&message{uuid: in.UUID, priority: in.Priority, text: textOf(in.Message), body: in.Message})
	case "control_request":
		if in.Request == nil {
			_, _ = fmt.Fprintln(e.stderr, "Error: Missing request on control_request")
			e.leave(1)
			return false
		}
		e.control(in.RequestID, in.Request)
	case "control_response":
		if in.Response != nil {
			e.answer(in.Response)
		}
	}
	return true
}

// receive queues a message, unless its uuid was taken.
func (e *engine) receive(m *message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m.uuid != "" && e.seen[m.uuid] {
		e.repeatLocked(m)
		return
	}
	e.seen[m.uuid] = true
	if e.turn == nil && len(e.queue) == 0 {
		e.state("running")
	}
	e.lifecycle(m, "queued")
	e.queue = append(e.queue, m)
	if m.priority == "now" && e.turn != nil {
		e.abortLocked(errOvertaken)
	}
	e.signal()
}

// repeatLocked is what happens to a message whose uuid was taken: nothing but an
// echo, and, if an earlier process had answered it in part, its completion.
func (e *engine) repeatLocked(m *message) {
	if e.modern && e.answered[m.uuid] {
		e.lifecycle(m, "completed")
	}
	for _, queued := range e.queue {
		if e.modern && queued.uuid == m.uuid {
			return
		}
	}
	e.echo(m)
}

// endInput is the end of standard input: what is queued is still done, open
// questions are refused.
func (e *engine) endInput() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.deaf {
		return
	}
	if e.ending == endNot {
		e.ending = endOfInput
	}
	close(e.eof)
	e.signal()
}

// textOf is the text of a message's content, the texts of its blocks joined by
// newlines.
func textOf(body json.RawMessage) string {
	var m struct {
		Content json.RawMessage `json:"content"`
	}
	var text string
	var blocks []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(body, &m) != nil || json.Unmarshal(m.Content, &text) == nil {
		return strings.TrimSpace(text)
	}
	var texts []string
	if json.Unmarshal(m.Content, &blocks) == nil {
		for _, b := range blocks {
			if b.Text != "" {
				texts = append(texts, b.Text)
			}
		}
	}
	return strings.TrimSpace(strings.Join(texts, "\n"))
}
