package messagesapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// stream sends one message as server-sent events. Once its client is gone it
// sends nothing any more, and says so by its context.
type stream struct {
	ctx context.Context
	w   http.ResponseWriter
}

func newStream(ctx context.Context, w http.ResponseWriter, id, model string) *stream {
	w.Header().Set("Content-Type", "text/event-stream")
	s := &stream{ctx: ctx, w: w}
	s.send("message_start", messageStart{"message_start", message{ID: id, Type: "message", Role: "assistant", Model: model,
		Content: []string{}, Usage: usage{12, 3, 5, 1}}})
	return s
}

// play sends the blocks of a reply, the n-th message of server.
func (r reply) play(s *stream, server *Server, n int) {
	for i, b := range r.blocks {
		b.play(s, server, i, "toolu_"+pad(n)+"_"+strconv.Itoa(i))
		if s.ctx.Err() != nil {
			return
		}
		s.send("content_block_stop", blockStop{"content_block_stop", i})
	}
	end := messageDelta{Type: "message_delta", Usage: usage{Output: 20}}
	end.Delta.StopReason = r.stopReason()
	s.send(end.Type, end)
	s.send("message_stop", messageStop{"message_stop"})
}

func (b block) play(s *stream, server *Server, index int, toolID string) {
	switch b.kind {
	case "tool_use":
		s.start(index, toolStart{Type: b.kind, ID: toolID, Name: b.name})
		s.delta(index, delta{Type: "input_json_delta", Partial: string(b.input)})
	case "thinking":
		s.start(index, thinkingStart{Type: b.kind})
		for _, d := range b.deltas {
			s.delta(index, delta{Type: "thinking_delta", Thinking: d})
		}
		s.delta(index, delta{Type: "signature_delta", Signature: "c2lnbmVk"})
	default:
		s.start(index, textStart{Type: b.kind})
		for i, d := range b.deltas {
			s.delta(index, delta{Type: "text_delta", Text: d})
			if i == 0 && b.gate != "" {
				s.wait(server.gate(b.gate))
			}
			s.pause(b.pause)
		}
	}
}

func (s *stream) start(index int, block any) {
	s.send("content_block_start", blockStart{"content_block_start", index, block})
}

func (s *stream) delta(index int, d delta) {
	s.send("content_block_delta", blockDelta{"content_block_delta", index, d})
}

func (s *stream) wait(g *gate) {
	g.wait(s.ctx)
}

func (s *stream) pause(d time.Duration) {
	if d == 0 || s.ctx.Err() != nil {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// send writes one event and flushes it. A client that is gone is noticed by the
// context; what is written meanwhile goes nowhere.
func (s *stream) send(kind string, event any) {
	if s.ctx.Err() != nil {
		return
	}
	var b bytes.Buffer
	b.WriteString("event: " + kind + "\ndata: ")
	_ = json.NewEncoder(&b).Encode(event) // texts and numbers always encode
	b.WriteString("\n")
	if _, err := s.w.Write(b.Bytes()); err == nil {
		_ = http.NewResponseController(s.w).Flush()
	}
}

func quote(s string) string {
	q, _ := json.Marshal(s) // a text always encodes
	return string(q)
}
