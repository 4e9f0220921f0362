package scripted

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// defaultEmit is the length of an emitted line.
const defaultEmit = 430

// checkEvery is after how many lines flat out somebody may interrupt.
const checkEvery = 64

func verbEmit(t *turn, arg string) error {
	n, err := numbers(arg, 3)
	if err != nil {
		return err
	}
	size := defaultEmit
	if len(n) > 1 {
		size = n[1]
	}
	var rate int
	if len(n) > 2 {
		rate = n[2]
	}
	e := newEmitter(t, size, func(i int) string { return "event " + strconv.Itoa(i) + " of " + strconv.Itoa(n[0]) })
	e.emit(n[0], rate)
	return nil
}

func verbStamp(t *turn, arg string) error {
	n, err := numbers(arg, 2)
	if err != nil {
		return err
	}
	rate := 0
	if len(n) > 1 {
		rate = n[1]
	}
	newEmitter(t, defaultEmit, func(int) string { return "stamp " + strconv.FormatInt(time.Now().UnixNano(), 10) }).emit(n[0], rate)
	return nil
}

// emitter makes lines of text quickly: all but number and uuid is ready.
type emitter struct {
	turn           *turn
	head, id, tail string
	size           int
	text           func(i int) string
	buffer         []byte
}

func newEmitter(t *turn, size int, text func(i int) string) *emitter {
	head := object{"type", "assistant", "message", object{"id", t.messageID(), "type", "message", "role", "assistant", "model", t.model,
		"content", list{object{"type", "text", "text", "|"}}}, "parent_tool_use_id", nil, "session_id", t.id, "uuid", "|"}
	parts := strings.Split(string(head.line()), "|")
	return &emitter{turn: t, head: parts[0], id: parts[1], tail: parts[2], size: size, text: text}
}

// emit prints n lines, flat out or so many a second.
func (e *emitter) emit(n, rate int) {
	t := e.turn
	start := time.Now()
	for i := 1; i <= n; i++ {
		if rate > 0 {
			t.sleepUntil(start.Add(time.Duration(i) * time.Second / time.Duration(rate)))
		}
		if (rate > 0 || i%checkEvery == 0) && t.aborted() {
			return
		}
		t.out.add(e.line(i))
	}
}

// line is the i-th line; it is good until the next.
func (e *emitter) line(i int) []byte {
	id := uuid.NewString()
	e.turn.said = e.text(i)
	e.turn.transcript.add(entry{Type: entryAssistant, UUID: id})
	b := append(append(e.buffer[:0], e.head...), e.turn.said...)
	fill := e.size - len(b) - len(e.id) - len(id) - len(e.tail)
	if fill > 0 {
		b = append(b, ' ')
		for range fill - 1 {
			b = append(b, 'x')
		}
	}
	b = append(append(append(b, e.id...), id...), e.tail...)
	e.buffer = b
	return b
}

func verbTools(t *turn, arg string) error {
	n, err := numbers(arg, 1)
	if err != nil {
		return err
	}
	var folded []string
	for i := 1; i <= n[0]; i++ {
		if i > 1 {
			if err := t.call(); err != nil {
				return err
			}
		}
		text := strconv.Itoa(i)
		t.useTool("Bash", json.RawMessage(`{"command":"echo `+text+`"}`))
		t.out.add(t.toolResult(text, false))
		t.tool = ""
		folded = append(folded, t.fold()...)
		if t.aborted() {
			return nil
		}
	}
	return t.sayAfterTools(fmt.Sprintf("ran %d tools", n[0]), folded)
}

func verbPartial(t *turn, arg string) error {
	n, err := numbers(arg, 1)
	if err != nil {
		return err
	}
	t.delta(object{"type", "message_start", "message", object{"id", t.messageID(), "role", "assistant"}})
	t.delta(object{"type", "content_block_start", "index", 0, "content_block", object{"type", "text", "text", ""}})
	var whole strings.Builder
	for i := range n[0] {
		text := "delta " + strconv.Itoa(i+1) + " "
		whole.WriteString(text)
		t.delta(object{"type", "content_block_delta", "index", 0, "delta", object{"type", "text_delta", "text", text}})
		if i%checkEvery == 0 && t.aborted() {
			return nil
		}
	}
	t.say(whole.String())
	t.delta(object{"type", "content_block_stop", "index", 0})
	t.delta(object{"type", "message_stop"})
	return nil
}

// delta prints an event of the API's, if that was asked for.
func (t *turn) delta(event object) {
	if t.opts.has("include-partial-messages") {
		t.out.add(object{"type", "stream_event", "event", event, "session_id", t.id, "parent_tool_use_id", nil, "uuid", uuid.NewString()}.line())
	}
}

// sleepUntil sleeps, if there is time for it, with all that was said out.
func (t *turn) sleepUntil(due time.Time) {
	d := time.Until(due)
	if d <= 0 {
		return
	}
	t.pause()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
}
